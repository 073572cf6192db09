-- What the log is compared with: one table sorted by site and time, with a text index over everything.
CREATE TABLE bench.reference
(
  datetime          DateTime64(3,'UTC') CODEC(Delta(8), ZSTD(1)),
  received_at       DateTime64(3,'UTC') CODEC(Delta(8), ZSTD(1)),
  site_id           LowCardinality(String),
  charger_id        LowCardinality(String),
  connector_id      UInt16 CODEC(ZSTD(1)),
  action            LowCardinality(String),
  source            LowCardinality(String),
  ocpp_version      LowCardinality(String),
  message_id        String CODEC(ZSTD(1)),
  status            LowCardinality(String),
  error_code        LowCardinality(String),
  error_description String CODEC(ZSTD(1)),
  vendor_error_code String CODEC(ZSTD(1)),
  id_tag            String CODEC(ZSTD(1)),
  transaction_id    UInt64 CODEC(ZSTD(1)),
  latency_ms        UInt32 CODEC(ZSTD(1)),
  energy_wh         UInt64 CODEC(ZSTD(1)),
  power_w           Float32 CODEC(ZSTD(1)),
  current_l1 Float32 CODEC(ZSTD(1)), current_l2 Float32 CODEC(ZSTD(1)), current_l3 Float32 CODEC(ZSTD(1)),
  voltage_l1 Float32 CODEC(ZSTD(1)), voltage_l2 Float32 CODEC(ZSTD(1)), voltage_l3 Float32 CODEC(ZSTD(1)),
  soc               UInt8 CODEC(ZSTD(1)),
  temperature       Float32 CODEC(ZSTD(1)),
  request           String CODEC(ZSTD(1)),
  response          String CODEC(ZSTD(1)),
  kafka_partition   UInt16 CODEC(ZSTD(1)),
  kafka_offset      UInt64 CODEC(Delta(8), ZSTD(1)),
  search String ALIAS lower(concat(request,' ',response,' ',charger_id,' ',site_id,' ',action,' ',status,' ',error_code,' ',
                      error_description,' ',vendor_error_code,' ',id_tag,' ',toString(transaction_id))),
  INDEX ft         search       TYPE text(tokenizer = splitByNonAlpha),
  INDEX ix_charger charger_id   TYPE text(tokenizer = 'array'),
  INDEX ix_tag     id_tag       TYPE text(tokenizer = 'array'),
  INDEX ix_mid     message_id   TYPE bloom_filter(0.01) GRANULARITY 4,
  INDEX mm_dt      datetime     TYPE minmax GRANULARITY 1,
  INDEX mm_off     kafka_offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(datetime)
ORDER BY (site_id, datetime, charger_id)
TTL toDateTime(datetime) + INTERVAL 400 DAY
SETTINGS index_granularity = 2048, ttl_only_drop_parts = 1,
         non_replicated_deduplication_window = 10000,
         fsync_after_insert = 1, fsync_part_directory = 1
