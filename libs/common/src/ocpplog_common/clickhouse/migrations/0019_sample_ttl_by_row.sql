-- Rows of one part are kept for different times: those that are over go when the part is written anew, once a day at most.
ALTER TABLE ${database}.meter_sample ${on_cluster} MODIFY SETTING ttl_only_drop_parts = 0, merge_with_ttl_timeout = 86400
