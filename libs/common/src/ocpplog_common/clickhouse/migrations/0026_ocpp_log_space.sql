-- An insert is refused, and waits, before the disk is full: merges need space too, and what a disk fills up under may be acknowledged and lost.
ALTER TABLE ${database}.ocpp_log ${on_cluster} MODIFY SETTING min_free_disk_bytes_to_perform_insert = 268435456
