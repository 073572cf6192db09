-- As of ocpp_log.
ALTER TABLE ${database}.connection_event ${on_cluster} MODIFY SETTING merge_selector_base = 30
