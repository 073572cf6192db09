-- One row a sampled value. (connection_id, sequence) is the row of ocpp_log whose request carried it, sample its place there.
CREATE TABLE IF NOT EXISTS ${database}.meter_sample ${on_cluster}
(
  site_id         LowCardinality(String),
  charger_id      LowCardinality(String),
  connector_id    Nullable(Int32) CODEC(ZSTD(1)),
  transaction_id  String CODEC(ZSTD(1)),
  datetime        DateTime64(3, 'UTC') COMMENT 'When the message passed the gateway' CODEC(Delta(8), ZSTD(1)),
  sampled_at      DateTime64(6, 'UTC') COMMENT 'The entry''s own timestamp; datetime where it has none that can be read' CODEC(Delta(8), ZSTD(1)),
  action          LowCardinality(String),
  measurand       LowCardinality(String) COMMENT 'Energy.Active.Import.Register where the sample names none',
  phase           LowCardinality(String),
  context         LowCardinality(String),
  location        LowCardinality(String),
  value           Nullable(Float64) COMMENT 'As reported' CODEC(ZSTD(1)),
  unit            LowCardinality(String) COMMENT 'As reported',
  value_si        Nullable(Float64) COMMENT 'In V, A, W, Wh, var, varh, Hz, degrees Celsius or percent' CODEC(ZSTD(1)),
  connection_id   UUID CODEC(ZSTD(1)),
  sequence        UInt32 CODEC(ZSTD(1)),
  sample          UInt16 CODEC(ZSTD(1)),
  kafka_partition UInt16 CODEC(ZSTD(1)),
  closed_offset   UInt64 CODEC(Delta(8), ZSTD(1))
)
ENGINE = ${merge_tree}
PARTITION BY toYYYYMM(datetime)
ORDER BY (site_id, charger_id, measurand, datetime)
TTL toDateTime(datetime) + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1,
         ${deduplication_window} = 10000,
         fsync_after_insert = 1, fsync_part_directory = 1
