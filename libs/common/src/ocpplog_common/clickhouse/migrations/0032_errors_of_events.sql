-- As 0012, with the faults that NotifyEvent reports (2.x).
--
-- What StatusNotifications and NotifyEvents tell of errors, by day (UTC) and code. Each notification counts: a charger that repeats
-- one counts more than once. Some makers send a code of theirs with NoError: those are here too. NotifyEvent sends its code when a
-- fault is over, too, which is none.
CREATE OR REPLACE VIEW ${database}.errors_by_day ${on_cluster}
(
  day Date COMMENT 'UTC',
  site_id LowCardinality(String) COMMENT 'The site',
  vendor String COMMENT 'Maker of the charger, from its last BootNotification; empty where none was logged',
  model String COMMENT 'Its model, likewise',
  error_code LowCardinality(String) COMMENT 'errorCode of OCPP 1.6; of 2.x Component.Variable of what is faulty',
  vendor_error_code String COMMENT 'The maker''s own code; of 2.x techCode',
  notifications UInt64 COMMENT 'How many StatusNotifications and NotifyEvents',
  chargers UInt64 COMMENT 'Of how many chargers'
)
SQL SECURITY INVOKER
AS SELECT
  day, errors.site_id AS site_id, boots.vendor AS vendor, boots.model AS model, error_code, vendor_error_code,
  sum(count) AS notifications, uniqExact(errors.charger_id) AS chargers
FROM
(
  SELECT toDate(datetime, 'UTC') AS day, site_id, charger_id, error_code, vendor_error_code, count() AS count
  FROM ${database}.ocpp_log
  WHERE action IN ('StatusNotification', 'NotifyEvent')
    AND (error_code NOT IN ('', 'NoError') OR status = 'Faulted' OR (vendor_error_code != '' AND action = 'StatusNotification'))
  GROUP BY day, site_id, charger_id, error_code, vendor_error_code
) AS errors
LEFT JOIN
(
  SELECT
    site_id, charger_id,
    argMax(JSONExtractString(request, 'chargePointVendor') || JSONExtractString(request, 'chargingStation', 'vendorName'), datetime) AS vendor,
    argMax(JSONExtractString(request, 'chargePointModel') || JSONExtractString(request, 'chargingStation', 'model'), datetime) AS model
  FROM ${database}.ocpp_log
  WHERE action = 'BootNotification'
  GROUP BY site_id, charger_id
) AS boots ON boots.site_id = errors.site_id AND boots.charger_id = errors.charger_id
GROUP BY day, site_id, vendor, model, error_code, vendor_error_code
