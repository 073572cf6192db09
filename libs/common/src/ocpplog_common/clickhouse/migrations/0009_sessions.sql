-- One row a charging session, out of all that the log has.
CREATE VIEW IF NOT EXISTS ${database}.sessions ${on_cluster}
(
  site_id LowCardinality(String) COMMENT 'The site',
  charger_id LowCardinality(String) COMMENT 'The charger',
  connector_id Nullable(Int32) COMMENT 'In 2.x the EVSE; empty where only the stop was logged',
  transaction_id String COMMENT 'Empty where the start was never answered. Not unique: chargers may use one again',
  id_tag String COMMENT 'Who started it, as the site shows tags',
  id_tag_info_status LowCardinality(String) COMMENT 'What the central system said to the tag',
  subprotocol LowCardinality(String) COMMENT 'ocpp1.6, ocpp2.0.1, ocpp2.1',
  started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Empty where the start was not logged',
  stopped_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Empty where the stop was not logged, or has not come yet',
  is_open Bool COMMENT 'No stop was logged, and no later session on the connector',
  duration_s Nullable(Float64) COMMENT 'From started_at to stopped_at, seconds; empty where the clock was set back in between',
  energy_wh Nullable(Float64) COMMENT 'Wh; so far, where it has no stop. Empty where readings are missing or went back',
  energy_from LowCardinality(String) COMMENT 'meter: start and stop; samples: Transaction.Begin and .End; register: what there is',
  max_power_w Nullable(Float64) COMMENT 'Greatest Power.Active.Import, W; of phases together where there is no total',
  reason LowCardinality(String) COMMENT 'Why it stopped',
  first_seen_at DateTime64(3, 'UTC') COMMENT 'When the first message of it passed the gateway',
  last_seen_at DateTime64(3, 'UTC') COMMENT 'When the last one did'
)
SQL SECURITY INVOKER
AS SELECT * FROM ${database}.sessions_between(since = '1900-01-01 00:00:00', until = '2299-01-01 00:00:00')
