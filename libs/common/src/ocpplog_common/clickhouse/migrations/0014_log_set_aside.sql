-- The log in its first form waits under another name until its rows are copied. Applied again, there is nothing to rename.
-- distributed: ocpp_log_v1
RENAME TABLE IF EXISTS ${database}.ocpp_log${shard} TO ${database}.ocpp_log_v1${shard} ${on_cluster}
