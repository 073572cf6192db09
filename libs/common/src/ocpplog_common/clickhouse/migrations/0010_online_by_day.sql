-- How much of each day (UTC) a charger was connected, from its first event on until now.
CREATE VIEW IF NOT EXISTS ${database}.online_by_day ${on_cluster}
(
  site_id LowCardinality(String) COMMENT 'The site',
  charger_id LowCardinality(String) COMMENT 'The charger',
  day Date COMMENT 'UTC',
  online_s Float64 COMMENT 'Seconds of the day in which it was connected',
  online_share Float64 COMMENT 'Of the time since its first event and until now, 0 to 1',
  connects UInt64 COMMENT 'Connections that began on the day'
)
SQL SECURITY INVOKER
AS SELECT
  site_id, charger_id, day,
  sumIf(seconds, connected) AS online_s,
  least(1, online_s / sumIf(seconds, NOT connected)) AS online_share,
  countIf(connected AND toDate(since, 'UTC') = day) AS connects
FROM
(
  SELECT
    site_id, charger_id, connected, since,
    arrayJoin(arrayMap(n -> toDate(since, 'UTC') + n, range(toUInt32(dateDiff('day', since, until, 'UTC') + 1)))) AS day,
    dateDiff('millisecond', greatest(since, toDateTime64(day, 3, 'UTC')), least(until, toDateTime64(day + 1, 3, 'UTC'))) / 1000 AS seconds
  FROM
  (
    SELECT site_id, charger_id, true AS connected, connected_at AS since, coalesce(ended_at, now64(3, 'UTC')) AS until
    FROM ${database}.connections
    UNION ALL
    -- All of the time, whether connected or not.
    SELECT site_id, charger_id, false, min(datetime), now64(3, 'UTC')
    FROM ${database}.connection_event
    WHERE kind IN ('connect', 'disconnect')
    GROUP BY site_id, charger_id
  )
  WHERE until >= since
)
GROUP BY site_id, charger_id, day
HAVING sumIf(seconds, NOT connected) > 0
