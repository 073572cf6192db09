-- One row an exchange. A row's name is (connection_id, sequence), that of its first frame. kafka_offset is that frame's place in the
-- stream, closed_offset the place of the frame that completed the exchange.
-- A partition is a week: what is searched for in the last days looks through the words of one or two, and what is searched for in all of
-- them opens few parts. Sorted by site, day and action: site scope is on nearly every query, of all sites most look at a day, and rows of
-- one action are alike, in their payloads and in the words that are indexed.
CREATE TABLE IF NOT EXISTS ${database}.ocpp_log ${on_cluster}
(
  datetime          DateTime64(3, 'UTC') COMMENT 'When the request passed the gateway' CODEC(T64, ZSTD(1)),
  site_id           LowCardinality(String),
  charger_id        LowCardinality(String),
  connector_id      Nullable(Int32) COMMENT '0 is the station itself, 1..n its plugs; empty where the charger names none',
  action            LowCardinality(String) COMMENT 'Empty for a frame that is not OCPP-J',
  source            LowCardinality(String) COMMENT 'Who sent the request: charger or csms',
  subprotocol       LowCardinality(String) COMMENT 'ocpp1.6, ocpp2.0.1, ocpp2.1',
  outcome           LowCardinality(String) COMMENT 'result, error, timeout, unmatched, superseded, lost, violation, sent',
  latency_ms        Nullable(UInt32) COMMENT 'From request to response, as they passed the gateway',
  status            LowCardinality(String) COMMENT 'Operational state: of StatusNotification; in 2.x also of TransactionEvent and NotifyEvent',
  error_code        LowCardinality(String) COMMENT 'errorCode of StatusNotification; component and variable of a NotifyEvent',
  vendor_error_code String COMMENT 'The maker''s own error code',
  info              String,
  vendor_id         LowCardinality(String),
  request_timestamp Nullable(DateTime64(6, 'UTC')) COMMENT 'The payload''s own timestamp' CODEC(GCD, T64, ZSTD(1)),
  id_tag            String,
  id_tag_info_status LowCardinality(String) COMMENT 'Response: authorisation status of the RFID tag',
  transaction_id    String,
  meter_stop        Nullable(Float64) COMMENT 'Meter reading at the end of a transaction, Wh',
  reason            LowCardinality(String) COMMENT 'Why a session ended',
  voltage_l1        Nullable(Float64) COMMENT 'As reported; unit in voltage_unit',
  voltage_l2        Nullable(Float64),
  voltage_l3        Nullable(Float64),
  voltage           Nullable(Float64) COMMENT 'Without a phase',
  voltage_unit      LowCardinality(String) COMMENT 'As reported; empty means the standard''s V',
  current_import_l1 Nullable(Float64) COMMENT 'As reported; unit in current_import_unit',
  current_import_l2 Nullable(Float64),
  current_import_l3 Nullable(Float64),
  current_import    Nullable(Float64) COMMENT 'Without a phase',
  current_import_unit LowCardinality(String) COMMENT 'As reported; empty means the standard''s A',
  power_l1          Nullable(Float64) COMMENT 'Power.Active.Import as reported; unit in power_unit',
  power_l2          Nullable(Float64),
  power_l3          Nullable(Float64),
  power             Nullable(Float64) COMMENT 'Without a phase',
  power_unit        LowCardinality(String) COMMENT 'As reported; empty means the standard''s W',
  response_error_code        LowCardinality(String) COMMENT 'CALLERROR: errorCode',
  response_error_description String COMMENT 'CALLERROR: errorDescription',
  violations        Array(String) COMMENT 'What is wrong with the frames: path and reason',
  message_id        String CODEC(ZSTD(3)),
  request           String COMMENT 'Request payload as it was sent; the whole frame where it is not OCPP-J',
  response          String COMMENT 'Response payload as it was sent; of a CALLERROR: errorCode, errorDescription, errorDetails',
  unescaped         String COMMENT 'Payload text with its \\u escapes resolved, where it has any: only for the search',
  connection_id     UUID,
  sequence          UInt32 COMMENT 'Number of the request among the frames of its connection',
  gateway_id        LowCardinality(String),
  kafka_partition   UInt16,
  kafka_offset      UInt64 CODEC(Delta(8), ZSTD(1)),
  closed_offset     UInt64 CODEC(Delta(8), ZSTD(1)),
  stored_at         DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(T64, ZSTD(1)),
  retention_days    UInt16 DEFAULT 400 COMMENT 'How long the row is kept, counted from datetime',
  search String ALIAS lowerUTF8(concat(request, ' ', response, ' ', unescaped, ' ', charger_id, ' ', site_id, ' ', action, ' ', outcome,
                                       ' ', transaction_id, ' ', arrayStringConcat(violations, ' '))),
  -- What is indexed is the same text, with the transaction's id in the form of a value of JSON. Every run of four letters or digits is in one of
  -- two indexes. Numbers have their own: they are four fifths of all words, and no term with a letter is among them.
  indexed String ALIAS lowerUTF8(concat(request, ' ', response, ' ', unescaped, ' ', charger_id, ' ', site_id, ' ', action, ' ', outcome,
                                        ' : ', transaction_id, ', ', arrayStringConcat(violations, ' '))),
  words   String ALIAS replaceRegexpAll(indexed, ': ?"?[-+]?[0-9]{1,20}([.][0-9]{1,20})?"?[],}]', ' '),
  numbers String ALIAS arrayStringConcat(extractAll(indexed,
    ': ?"?[-+]?([0-9]{4,20}(?:[.][0-9]{1,20})?|[0-9]{1,3}[.][0-9]{4,20})"?[],}]'), ' '),
  -- Words whole and in large blocks: to look through all of them is what takes time.
  INDEX ix_words   words        TYPE text(tokenizer = splitByNonAlpha, dictionary_block_size = 65536,
                                          dictionary_block_frontcoding_compression = 0),
  INDEX ix_numbers numbers      TYPE text(tokenizer = splitByNonAlpha, dictionary_block_size = 65536,
                                          dictionary_block_frontcoding_compression = 0),
  INDEX ix_charger charger_id   TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX ix_tag     id_tag       TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX ix_mid     message_id   TYPE bloom_filter(0.01) GRANULARITY 4,
  INDEX mm_dt      datetime     TYPE minmax GRANULARITY 1,
  -- For the live tail, which asks for what was stored within seconds.
  INDEX mm_stored  stored_at    TYPE minmax GRANULARITY 1
)
ENGINE = ${merge_tree}
PARTITION BY toMonday(datetime)
ORDER BY (site_id, toDate(datetime), action, charger_id, datetime)
-- At most 20000, because DateTime ends in 2106. One file an insert instead of twenty, and no statistics, which no query here uses.
-- Inserts are small and many: merged by five, as is usual, each row is written fifty times in its first minutes. What is left of a week then
-- becomes one part when nothing has come for 26 hours. Columns are compressed in small blocks: the newest entries of all sites lie in as many
-- places, and a block of the usual size holds up to thirty times what is read of it.
TTL toDateTime(datetime) + toIntervalDay(least(retention_days, 20000)),
    toDateTime(datetime) + INTERVAL 1 DAY RECOMPRESS CODEC(ZSTD(9))
SETTINGS index_granularity = 2048, min_compress_block_size = 16384, default_compression_codec = 'ZSTD(1)', auto_statistics_types = '',
         min_bytes_for_full_part_storage = 10485760, merge_with_ttl_timeout = 86400,
         min_parts_to_merge_at_once = 20, min_age_to_force_merge_seconds = 93600, min_age_to_force_merge_on_partition_only = 1,
         ${deduplication_window} = 10000,
         fsync_after_insert = 1, fsync_part_directory = 1
