-- As 0011, with the states that NotifyEvent tells (2.x), and with the connectors of one EVSE apart.
--
-- How much of each day (UTC) a connector was in which state. A state holds from its StatusNotification or NotifyEvent to the
-- connector's next one, over midnight, and while the charger is offline: online_share says how much of the day that was not. By the
-- gateway's clock. Connector 0 is the station itself. An EVSE of 2.x serves one vehicle at a time, by any of its connectors: their
-- states are combined. What is said of the EVSE as a whole holds for all of its
-- connectors until they say otherwise.
CREATE OR REPLACE VIEW ${database}.availability_by_day ${on_cluster}
(
  site_id LowCardinality(String) COMMENT 'The site',
  charger_id LowCardinality(String) COMMENT 'The charger',
  connector_id Nullable(Int32) COMMENT 'In 2.x the EVSE, its connectors together; empty where the charger names none',
  day Date COMMENT 'UTC',
  known_s Float64 COMMENT 'Seconds of the day since the first state that was told, until now: what the shares are of',
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
AS WITH
  -- Of the connectors of an EVSE the least counts: none is faulted or unavailable but where all of them are the one or the other.
  1 AS charging, 2 AS occupied, 3 AS available, 4 AS reserved, 5 AS other, 6 AS faulted, 7 AS unavailable, 8 AS unknown
SELECT
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
    sumIf(seconds, state = available) / known_s AS available_share,
    sumIf(seconds, state = charging) / known_s AS charging_share,
    sumIf(seconds, state = occupied) / known_s AS occupied_share,
    sumIf(seconds, state = reserved) / known_s AS reserved_share,
    sumIf(seconds, state = unavailable) / known_s AS unavailable_share,
    sumIf(seconds, state = faulted) / known_s AS faulted_share,
    countIf(state = faulted AND before != faulted AND toDate(since, 'UTC') = day) AS faults
  FROM
  (
    SELECT
      site_id, charger_id, connector_id, change.1 AS since, change.2 AS state, change.3 AS until, change.4 AS before,
      arrayJoin(arrayMap(n -> toDate(since, 'UTC') + n, range(toUInt32(dateDiff('day', since, until, 'UTC') + 1)))) AS day,
      dateDiff('millisecond', greatest(since, toDateTime64(day, 3, 'UTC')), least(until, toDateTime64(day + 1, 3, 'UTC'))) / 1000 AS seconds
    FROM
    (
      SELECT
        site_id, charger_id, connector_id,
        arrayJoin(arrayZip(told_at, states,
          arrayPushBack(arrayPopFront(told_at), greatest(now64(3, 'UTC'), told_at[-1])),
          arrayPushFront(arrayPopBack(states), unknown))) AS change
      FROM
      (
        SELECT
          site_id, charger_id, connector_id, told.1 AS told_at, told.3 AS plugs_told, told.4 AS states_told,
          if(length(plugs) < 2, states_told,
            arrayReduce('minForEach', arrayMap(
              one -> arrayFill(s -> s != unknown, arrayMap((p, s) -> if(p = one OR p = 0, s, unknown), plugs_told, states_told)),
              plugs))) AS states
        FROM
        (
          SELECT
            site_id, charger_id, connector_id,
            arraySort(groupArray((datetime, place, plug, CAST(state, 'UInt8')))) AS told,
            groupUniqArrayIf(plug, plug != 0) AS plugs
          FROM
          (
            SELECT
              site_id, charger_id, connector_id, datetime, place, plug,
              transform(status,
                ['Charging', 'Preparing', 'SuspendedEV', 'SuspendedEVSE', 'Finishing', 'Occupied',
                 'Available', 'Reserved', 'Faulted', 'Unavailable'],
                [charging, occupied, occupied, occupied, occupied, occupied, available, reserved, faulted, unavailable],
                other) AS state
            FROM
            (
              -- Payloads of 1.6, which come on other connections too, have no evseId.
              SELECT
                site_id, charger_id, connector_id, datetime, toUInt32(0) AS place,
                if(subprotocol != 'ocpp1.6' AND JSONHas(request, 'evseId'), JSONExtractInt(request, 'connectorId'), 0) AS plug, status
              FROM ${database}.ocpp_log
              WHERE action = 'StatusNotification' AND status != ''
              UNION ALL
              -- The row tells one event of its message.
              SELECT
                site_id, charger_id, event.component.evse.id, datetime, place,
                if(lower(event.component.name) = 'connector', event.component.evse.connectorId, 0),
                toLowCardinality(event.actualValue)
              FROM
              (
                SELECT
                  site_id, charger_id, datetime,
                  JSONExtract(request, 'eventData', 'Array(Tuple(
                    component Tuple(name String, evse Tuple(id Nullable(Int32), connectorId Int64)),
                    variable Tuple(name String),
                    actualValue String))') AS events
                FROM ${database}.ocpp_log
                WHERE action = 'NotifyEvent' AND (status != '' OR positionCaseInsensitive(request, 'AvailabilityState') > 0)
              )
              ARRAY JOIN events AS event, arrayEnumerate(events) AS place
              WHERE lower(event.variable.name) = 'availabilitystate' AND event.actualValue != ''
                AND lower(event.component.name) IN ('connector', 'evse', 'chargingstation')
            )
          )
          GROUP BY site_id, charger_id, connector_id
        )
      )
    )
  )
  GROUP BY site_id, charger_id, connector_id, day
  HAVING known_s > 0
) AS states
LEFT JOIN
(
  SELECT site_id, charger_id, day, toNullable(online_share) AS share FROM ${database}.online_by_day
) AS online ON online.site_id = states.site_id AND online.charger_id = states.charger_id AND online.day = states.day
