-- As 0029, but for samples: of one place, whatever that is and however it is spelt, each phase of a moment once; and what 2.x says
-- when a transaction ends counts as the sample that it is.
--
-- One row a charging session, from what the log has of it. OCPP 1.6: StartTransaction, StopTransaction and the samples of
-- MeterValues; 2.x: TransactionEvent. Chargers count their transactions each for itself, and some begin again: what one charger
-- logged under one id is put in order of time, and cut where a new session must have begun. That is
--   * at a start (one that was sent twice, with the same timestamp and reading, counts once), and
--   * behind a stop: at another stop, or at anything else that comes more than a day later.
-- Samples are those of the outlet; where a session has none, those of the first other location that has some. A reading of
-- StartTransaction or StopTransaction goes together with the outlet's alone: there may be one meter at the inlet, for many connectors.
-- A time is the charger's own where it is at most 30 days behind the gateway's and at most one day before it, else the gateway's.
-- Only what passed the gateway from `since` until `until` is read: the way to ask for all sites. Columns: see `sessions`.
CREATE OR REPLACE VIEW ${database}.sessions_between ${on_cluster}
SQL SECURITY INVOKER
AS SELECT
  site_id, charger_id, connector_id, transaction_id, id_tag, id_tag_info_status, subprotocol, started_at, stopped_at,
  stopped_at IS NULL AND first_seen_at = max(first_seen_at) OVER (PARTITION BY site_id, charger_id, connector_id) AS is_open,
  if(stopped_at >= started_at, dateDiff('millisecond', started_at, stopped_at) / 1000, NULL) AS duration_s,
  if(used >= 0, used, NULL) AS energy_wh,
  if(energy_wh IS NULL, '', basis) AS energy_from,
  max_power_w, reason, first_seen_at, last_seen_at
FROM
(
  SELECT
    site_id, charger_id, transaction_id,
    argMin(e.connector_id, logged) AS connector_id,
    argMinIf(e.id_tag, logged, e.id_tag != '' AND kind != 'stop') AS id_tag,
    argMinIf(e.id_tag_info_status, logged, e.id_tag_info_status != '') AS id_tag_info_status,
    max(e.subprotocol) AS subprotocol,
    argMinOrNullIf(at, logged, kind = 'start') AS started_at,
    argMinOrNullIf(at, logged, kind = 'stop') AS stopped_at,
    argMinIf(e.reason, logged, kind = 'stop') AS reason,
    min(logged) AS first_seen_at,
    max(logged_until) AS last_seen_at,
    argMax(power, (-place, power)) AS max_power_w,
    argMin(e.meter_start, logged) AS meter_start,
    argMin(e.meter_stop, logged) AS meter_stop,
    -- The readings of one meter, or they tell no difference.
    minIf(place, first IS NOT NULL) AS metered_at,
    if(minIf(place, e.begun IS NOT NULL) = metered_at, argMin(e.begun, (place, logged)), NULL) AS begun,
    if(minIf(place, e.ended IS NOT NULL) IN (metered_at, 7), argMax(e.ended, (-place, logged)), NULL) AS ended,
    -- A reading of the start or the stop goes before samples; one reading alone says nothing.
    coalesce(meter_start, begun, argMin(first, (place, first_at))) AS from_wh,
    coalesce(meter_stop, ended, argMax(last, (-place, last_at))) AS to_wh,
    coalesce(meter_start, meter_stop) IS NULL AND (begun IS NULL OR ended IS NULL)
      AND argMin(first_at, (place, first_at)) = argMax(last_at, (-place, last_at)) AS alone,
    isNull(meter_start) != isNull(meter_stop) AND metered_at > 0 AS of_two_meters,
    if(alone OR of_two_meters, NULL, to_wh - from_wh) AS used,
    multiIf(meter_start IS NOT NULL AND meter_stop IS NOT NULL, 'meter',
            coalesce(meter_start, meter_stop) IS NULL AND begun IS NOT NULL AND ended IS NOT NULL, 'samples',
            'register') AS basis
  FROM
  (
    SELECT
      *, sum(begins) OVER (PARTITION BY site_id, charger_id, transaction_id, without_id_on ORDER BY logged, turn
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS session
    FROM
    (
      SELECT
        *, kind = 'start' OR (lagInFrame(kind) OVER before = 'stop' AND (
          (kind = 'stop' AND said != lagInFrame(said) OVER before)
          OR dateDiff('hour', lagInFrame(logged) OVER before, logged) > 24)) AS begins
      FROM
      (
        SELECT *, indexOf(['start', 'samples', 'update', 'stop'], kind) AS turn
        FROM
        (
          -- A start that got no answer, and was sent again, is the one that got it. In 2.x the charger gives the id itself.
          SELECT
            site_id, charger_id,
            argMaxIf(id, datetime, id != '') AS transaction_id,
            if(transaction_id = '', on_connector, NULL) AS without_id_on,
            min(datetime) AS logged, max(datetime) AS logged_until, 'start' AS kind, min(own_at) AS at, said_at AS said,
            argMin(named, datetime) AS connector_id, max(tag) AS id_tag,
            argMaxIf(tag_status, datetime, tag_status != '') AS id_tag_info_status, max(protocol) AS subprotocol,
            reading AS meter_start, NULL AS meter_stop, '' AS reason, toInt8(7) AS place,
            NULL AS begun, NULL AS ended, NULL AS first, NULL AS last, NULL AS first_at, NULL AS last_at, NULL AS power
          FROM
          (
            SELECT
              site_id, charger_id, transaction_id AS id, datetime, connector_id AS named, id_tag AS tag, id_tag_info_status AS tag_status,
              subprotocol AS protocol, toDateTime64(if(request_timestamp BETWEEN datetime - INTERVAL 30 DAY AND datetime + INTERVAL 1 DAY,
            assumeNotNull(request_timestamp), datetime), 3, 'UTC') AS own_at,
              toDateTime64(coalesce(request_timestamp, datetime), 3, 'UTC') AS said_at,
              -- A clock that stands still says the same of every start.
              if(own_at = said_at, NULL, toStartOfHour(datetime)) AS about,
              toFloat64OrNull(trim(BOTH '"' FROM JSONExtractRaw(request, 'meterStart'))) AS reading,
              if(action = 'TransactionEvent', id, '') AS own_id
            FROM ${database}.ocpp_log
            WHERE datetime >= {since:DateTime64(3, 'UTC')} AND datetime < {until:DateTime64(3, 'UTC')}
              AND (action = 'StartTransaction' OR (action = 'TransactionEvent' AND JSONExtractString(request, 'eventType') = 'Started'))
          )
          GROUP BY site_id, charger_id, own_id, if(own_id = '', named, NULL) AS on_connector, said_at, about, reading
          UNION ALL
          SELECT
            site_id, charger_id, transaction_id, NULL, datetime, datetime,
            if(action = 'StopTransaction' OR JSONExtractString(request, 'eventType') = 'Ended', 'stop', 'update'),
            toDateTime64(if(request_timestamp BETWEEN datetime - INTERVAL 30 DAY AND datetime + INTERVAL 1 DAY,
            assumeNotNull(request_timestamp), datetime), 3, 'UTC'),
            toDateTime64(coalesce(request_timestamp, datetime), 3, 'UTC'),
            connector_id, id_tag, id_tag_info_status, subprotocol, NULL, if(action = 'StopTransaction', meter_stop, NULL), reason, 7,
            NULL, if(action = 'StopTransaction', NULL, meter_stop), NULL, NULL, NULL, NULL, NULL
          FROM ${database}.ocpp_log
          WHERE datetime >= {since:DateTime64(3, 'UTC')} AND datetime < {until:DateTime64(3, 'UTC')}
            AND (action = 'StopTransaction' OR (action = 'TransactionEvent' AND JSONExtractString(request, 'eventType') != 'Started'))
          UNION ALL
          -- Samples by the hour: few rows, and narrow enough to be put to the right session.
          SELECT
            site_id, charger_id, transaction_id, NULL, min(datetime), max(datetime), 'samples', min(datetime), min(datetime),
            anyIf(connector_id, connector_id != 0), '', '', '', NULL, NULL, '', place,
            argMinOrNullIf(value_si, sampled_at, is_register AND context = 'transaction.begin'),
            argMaxOrNullIf(value_si, sampled_at, is_register AND context = 'transaction.end'),
            argMinOrNullIf(value_si, sampled_at, is_register),
            argMaxOrNullIf(value_si, sampled_at, is_register),
            minOrNullIf(sampled_at, is_register),
            maxOrNullIf(sampled_at, is_register),
            coalesce(maxOrNullIf(value_si, NOT is_register AND phase = ''), maxOrNullIf(value_si, phase != ''))
          FROM
          (
            SELECT
              site_id, charger_id, transaction_id, datetime, connector_id, value_si, sampled_at, lower(trim(s.context)) AS context, phase,
              lower(measurand) = 'energy.active.import.register' AS is_register,
              toInt8(transform(lower(trim(location)), ['', 'outlet', 'body', 'cable', 'ev', 'inlet', 'upstream'], [0, 0, 1, 2, 3, 4, 5], 6)) AS place
            FROM ${database}.meter_sample AS s
            WHERE datetime >= {since:DateTime64(3, 'UTC')} AND datetime < {until:DateTime64(3, 'UTC')}
              AND lower(measurand) IN ('energy.active.import.register', 'power.active.import') AND phase = '' AND transaction_id != ''
              AND value_si IS NOT NULL
            UNION ALL
            -- Phases of one moment together: of each the sample that says it best, as in the columns of the log.
            SELECT
              site_id, charger_id, transaction_id, datetime, any(s.connector_id),
              argMaxIf(watts, better, line = '1') + argMaxIf(watts, better, line = '2') + argMaxIf(watts, better, line = '3'),
              sampled_at, '', 'all', false, place
            FROM
            (
              SELECT
                site_id, charger_id, transaction_id, datetime, connection_id, sequence, sampled_at, connector_id,
                assumeNotNull(value_si) AS watts, substring(phase, 2, 1) AS line,
                if(endsWith(lower(trim(context)), '.begin'), 0, 65536) + sample AS better,
                toInt8(transform(lower(trim(location)), ['', 'outlet', 'body', 'cable', 'ev', 'inlet', 'upstream'], [0, 0, 1, 2, 3, 4, 5], 6)) AS place
              FROM ${database}.meter_sample
              WHERE datetime >= {since:DateTime64(3, 'UTC')} AND datetime < {until:DateTime64(3, 'UTC')}
                AND lower(measurand) = 'power.active.import' AND upper(phase) IN ('L1', 'L2', 'L3', 'L1-N', 'L2-N', 'L3-N')
                AND transaction_id != '' AND value_si IS NOT NULL
            ) AS s
            GROUP BY site_id, charger_id, transaction_id, datetime, connection_id, sequence, sampled_at, place
          )
          GROUP BY site_id, charger_id, transaction_id, toStartOfHour(datetime), place
        )
      )
      WINDOW before AS (PARTITION BY site_id, charger_id, transaction_id, without_id_on ORDER BY logged, turn
        ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
    )
  ) AS e
  GROUP BY site_id, charger_id, transaction_id, without_id_on, session
)
