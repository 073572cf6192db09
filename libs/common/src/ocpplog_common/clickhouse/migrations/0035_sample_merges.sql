-- As of ocpp_log.
ALTER TABLE ${database}.meter_sample ${on_cluster} MODIFY SETTING merge_selector_base = 30
