-- How much of each day (UTC) a connector was in which state. A state holds from its StatusNotification to the connector's next
-- one, over midnight, and while the charger is offline: online_share says how much of the day that was not. By the gateway's
-- clock. Connector 0 is the station itself.
CREATE VIEW IF NOT EXISTS ${database}.availability_by_day ${on_cluster}
(
  site_id LowCardinality(String) COMMENT 'The site',
  charger_id LowCardinality(String) COMMENT 'The charger',
  connector_id Nullable(Int32) COMMENT 'In 2.x the EVSE; empty where the charger names none',
  day Date COMMENT 'UTC',
  known_s Float64 COMMENT 'Seconds of the day since the first StatusNotification, until now: what the shares are of',
  available_share Float64 COMMENT 'Available; 0 to 1, as all shares',
  charging_share Float64 COMMENT 'Charging; 2.x chargers only say Occupied',
  occupied_share Float64 COMMENT 'Preparing, SuspendedEV, SuspendedEVSE, Finishing; 2.x: Occupied',
  reserved_share Float64 COMMENT 'Reserved',
  unavailable_share Float64 COMMENT 'Unavailable',
  faulted_share Float64 COMMENT 'Faulted',
  other_share Float64 COMMENT 'What is no status of OCPP',
  faults UInt64 COMMENT 'How often it became Faulted on the day',
  online_share Nullable(Float64) COMMENT 'How much of the day the charger was connected (online_by_day); empty where no event tells'
)
SQL SECURITY INVOKER
AS SELECT
  states.site_id AS site_id, states.charger_id AS charger_id, connector_id, states.day AS day, known_s,
  available_share, charging_share, occupied_share, reserved_share, unavailable_share, faulted_share,
  greatest(0, 1 - available_share - charging_share - occupied_share - reserved_share - unavailable_share - faulted_share) AS other_share,
  faults,
  online.share AS online_share
FROM
(
  SELECT
    site_id, charger_id, connector_id, day,
    sum(seconds) AS known_s,
    sumIf(seconds, status = 'Available') / known_s AS available_share,
    sumIf(seconds, status = 'Charging') / known_s AS charging_share,
    sumIf(seconds, status IN ('Preparing', 'SuspendedEV', 'SuspendedEVSE', 'Finishing', 'Occupied')) / known_s AS occupied_share,
    sumIf(seconds, status = 'Reserved') / known_s AS reserved_share,
    sumIf(seconds, status = 'Unavailable') / known_s AS unavailable_share,
    sumIf(seconds, status = 'Faulted') / known_s AS faulted_share,
    countIf(status = 'Faulted' AND before != 'Faulted' AND toDate(since, 'UTC') = day) AS faults
  FROM
  (
    SELECT
      site_id, charger_id, connector_id, change.1 AS since, change.2 AS status, change.3 AS until, change.4 AS before,
      arrayJoin(arrayMap(n -> toDate(since, 'UTC') + n, range(toUInt32(dateDiff('day', since, until, 'UTC') + 1)))) AS day,
      dateDiff('millisecond', greatest(since, toDateTime64(day, 3, 'UTC')), least(until, toDateTime64(day + 1, 3, 'UTC'))) / 1000 AS seconds
    FROM
    (
      SELECT
        site_id, charger_id, connector_id,
        arraySort(groupArray((datetime, CAST(status, 'String')))) AS changes,
        arrayJoin(arrayZip(changes.1, changes.2,
          arrayPushBack(arrayPopFront(changes.1), greatest(now64(3, 'UTC'), changes[-1].1)),
          arrayPushFront(arrayPopBack(changes.2), ''))) AS change
      FROM ${database}.ocpp_log
      WHERE action = 'StatusNotification' AND status != ''
      GROUP BY site_id, charger_id, connector_id
    )
  )
  GROUP BY site_id, charger_id, connector_id, day
  HAVING known_s > 0
) AS states
LEFT JOIN
(
  SELECT site_id, charger_id, day, toNullable(online_share) AS share FROM ${database}.online_by_day
) AS online ON online.site_id = states.site_id AND online.charger_id = states.charger_id AND online.day = states.day
