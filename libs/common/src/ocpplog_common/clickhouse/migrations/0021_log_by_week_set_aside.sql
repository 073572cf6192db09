-- The log in its second form waits under another name until its rows are copied. Applied again, there is nothing to rename.
-- distributed: ocpp_log_v2
RENAME TABLE IF EXISTS ${database}.ocpp_log${shard} TO ${database}.ocpp_log_v2${shard} ${on_cluster}
