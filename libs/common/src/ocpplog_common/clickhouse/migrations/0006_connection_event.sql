-- One row an event of ocpp.connections: who came, who was refused, who left. Sorted for the timeline of one charger; who was
-- online at a time is asked of the view `connection`. event_id names a row: it is a digest of the record, so that equal records
-- are one event. Events are few, and lifetimes of sites differ: rows go one by one when theirs is over, not by whole parts.
CREATE TABLE IF NOT EXISTS ${database}.connection_event ${on_cluster}
(
  datetime          DateTime64(3, 'UTC') COMMENT 'When it happened, by the gateway''s clock' CODEC(Delta(8), ZSTD(1)),
  site_id           LowCardinality(String) COMMENT 'Empty where a refused charger belongs to no site',
  charger_id        LowCardinality(String) COMMENT 'Empty where a refused handshake named none',
  kind              LowCardinality(String) COMMENT 'connect, refuse, disconnect',
  connection_id     UUID COMMENT 'All zeros for a refusal without a connection. A later connection has the greater id' CODEC(ZSTD(1)),
  gateway_id        LowCardinality(String) COMMENT 'Which replica',
  peer              String COMMENT 'Address of the charger, as the gateway sees it' CODEC(ZSTD(1)),
  subprotocol       LowCardinality(String) COMMENT 'ocpp1.6, ocpp2.0.1, ocpp2.1; empty where none was agreed',
  profile           Nullable(UInt8) COMMENT 'OCPP security profile with which the charger came in' CODEC(ZSTD(1)),
  close_code        Nullable(UInt16) COMMENT 'Close code (RFC 6455 section 7.4), or the HTTP status of a refusal' CODEC(ZSTD(1)),
  closed_by         LowCardinality(String) COMMENT 'disconnect: charger, csms, gateway',
  reason            String COMMENT 'Why it was refused or closed' CODEC(ZSTD(1)),
  duration_s        Nullable(Float64) COMMENT 'disconnect: how long the connection was open, seconds' CODEC(ZSTD(1)),
  frames_from_charger UInt64 COMMENT 'disconnect: frames received from the charger' CODEC(ZSTD(1)),
  frames_from_csms  UInt64 COMMENT 'disconnect: frames received from the central system' CODEC(ZSTD(1)),
  event_id          UUID COMMENT 'Digest of the record' CODEC(ZSTD(1)),
  kafka_partition   UInt16 COMMENT 'Place of the record in ocpp.connections' CODEC(ZSTD(1)),
  kafka_offset      UInt64 COMMENT 'Likewise' CODEC(Delta(8), ZSTD(1)),
  retention_days    UInt16 DEFAULT 400 COMMENT 'How long the row is kept' CODEC(ZSTD(1)),
  stored_at         DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the row was written' CODEC(Delta(8), ZSTD(1)),
  INDEX mm_dt datetime TYPE minmax GRANULARITY 1
)
ENGINE = ${merge_tree}
PARTITION BY toYYYYMM(datetime)
ORDER BY (site_id, charger_id, datetime)
TTL toDateTime(datetime) + toIntervalDay(retention_days)
SETTINGS ${deduplication_window} = 10000,
         fsync_after_insert = 1, fsync_part_directory = 1
