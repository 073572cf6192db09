-- The log in its first form waits under another name until its rows are copied. Applied again, there is nothing to rename.
RENAME TABLE IF EXISTS ${database}.ocpp_log TO ${database}.ocpp_log_v1 ${on_cluster}
