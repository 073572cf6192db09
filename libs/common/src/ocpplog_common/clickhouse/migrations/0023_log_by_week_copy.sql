-- What is not there yet, by the rows' names: an earlier copy may have been cut off. One whose client went away may still run:
-- two at once would store rows twice, so the second one fails. In large blocks: each makes a part of every week in it.
INSERT INTO ${database}.ocpp_log
(
  datetime, site_id, charger_id, connector_id, action, source, subprotocol, outcome, latency_ms, status, error_code,
  vendor_error_code, info, vendor_id, request_timestamp, id_tag, id_tag_info_status, transaction_id, meter_stop, reason,
  voltage_l1, voltage_l2, voltage_l3, voltage, voltage_unit, current_import_l1, current_import_l2, current_import_l3,
  current_import, current_import_unit, power_l1, power_l2, power_l3, power, power_unit, response_error_code,
  response_error_description, violations, message_id, request, response, unescaped, connection_id, sequence, gateway_id,
  kafka_partition, kafka_offset, closed_offset, stored_at, retention_days
)
SELECT
  datetime, site_id, charger_id, connector_id, action, source, subprotocol, outcome, latency_ms, status, error_code,
  vendor_error_code, info, vendor_id, request_timestamp, id_tag, id_tag_info_status, transaction_id, meter_stop, reason,
  voltage_l1, voltage_l2, voltage_l3, voltage, voltage_unit, current_import_l1, current_import_l2, current_import_l3,
  current_import, current_import_unit, power_l1, power_l2, power_l3, power, power_unit, response_error_code,
  response_error_description, violations, message_id, request, response, unescaped, connection_id, sequence, gateway_id,
  kafka_partition, kafka_offset, closed_offset, stored_at, retention_days
FROM ${database}.ocpp_log_v2 AS old
LEFT ANTI JOIN (SELECT connection_id, sequence FROM ${database}.ocpp_log) AS copied USING (connection_id, sequence)
WHERE NOT throwIf((SELECT count() FROM system.processes WHERE query LIKE '%ocpp_log_v2 AS old%') > 1, 'The log is being copied already: wait for it')
SETTINGS join_algorithm = 'grace_hash', insert_deduplicate = 0, distributed_product_mode = 'global', max_partitions_per_insert_block = 0,
  min_insert_block_size_rows = 1048576, min_insert_block_size_bytes = 1073741824
