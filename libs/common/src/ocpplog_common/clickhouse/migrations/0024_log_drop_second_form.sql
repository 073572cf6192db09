-- All of its rows are in ocpp_log.
DROP TABLE IF EXISTS ${database}.ocpp_log_v2${shard}, ${database}.ocpp_log_v2 ${on_cluster} SYNC
