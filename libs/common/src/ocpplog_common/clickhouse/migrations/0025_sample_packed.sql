-- As of ocpp_log: one file an insert instead of twenty, no statistics, which no query here uses, and merges of many parts at once.
ALTER TABLE ${database}.meter_sample ${on_cluster}
  MODIFY SETTING min_bytes_for_full_part_storage = 10485760, auto_statistics_types = '', min_parts_to_merge_at_once = 20
