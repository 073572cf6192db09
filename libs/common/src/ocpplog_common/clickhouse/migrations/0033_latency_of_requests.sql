-- As 0013, without what is no request: a CALLRESULTERROR (2.1) refuses an answer that has its row.
--
-- How long answers took, by the hour (UTC) in which the request came. Both passed the gateway: its own time is not in it.
CREATE OR REPLACE VIEW ${database}.latency_by_hour ${on_cluster}
(
  hour DateTime('UTC') COMMENT 'Its begin, UTC',
  site_id LowCardinality(String) COMMENT 'The site',
  action LowCardinality(String) COMMENT 'Message type',
  source LowCardinality(String) COMMENT 'Who sent the request: of charger, the central system answered; of csms, the charger',
  requests UInt64 COMMENT 'Answered or timed out',
  timeouts UInt64 COMMENT 'Without an answer in time: not in the percentiles',
  errors UInt64 COMMENT 'Answered with CALLERROR',
  p50_ms Nullable(Float64) COMMENT 'Half were answered within this; empty without an answer',
  p95_ms Nullable(Float64) COMMENT 'Of 100 answers, 95 came within this',
  p99_ms Nullable(Float64) COMMENT 'Of 100 answers, 99 came within this',
  max_ms Nullable(UInt32) COMMENT 'The slowest answer'
)
SQL SECURITY INVOKER
AS SELECT
  hour, site_id, action, source,
  count() AS requests,
  countIf(outcome = 'timeout') AS timeouts,
  countIf(outcome = 'error') AS errors,
  quantiles[1] AS p50_ms, quantiles[2] AS p95_ms, quantiles[3] AS p99_ms,
  maxOrNull(latency_ms) AS max_ms,
  arrayMap(q -> if(isNaN(q), NULL, q), quantilesTDigest(0.5, 0.95, 0.99)(latency_ms)) AS quantiles
FROM ${database}.ocpp_log
WHERE outcome IN ('result', 'error', 'timeout') AND action != ''
GROUP BY toStartOfHour(datetime, 'UTC') AS hour, site_id, action, source
