-- One row a connection of a charger, out of its events. A gateway that is killed writes no disconnect: such a connection ended
-- when the charger connected anew, at the latest. A charger has one connection at a time: the newest.
CREATE VIEW IF NOT EXISTS ${database}.connections ${on_cluster}
(
  site_id LowCardinality(String) COMMENT 'The site',
  charger_id LowCardinality(String) COMMENT 'The charger',
  connection_id UUID COMMENT 'The connection; the same in ocpp_log',
  connected_at DateTime64(3, 'UTC') COMMENT 'Where the connect is missing: reckoned from the duration that the disconnect tells',
  ended_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was closed or, if that comes first, when the charger connected anew; empty: open',
  disconnected_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the gateway said that it was closed',
  duration_s Nullable(Float64) COMMENT 'From connected_at to ended_at, seconds',
  gateway_id LowCardinality(String) COMMENT 'Which replica of the gateway',
  peer String COMMENT 'Address of the charger, as the gateway sees it',
  subprotocol LowCardinality(String) COMMENT 'ocpp1.6, ocpp2.0.1, ocpp2.1',
  profile Nullable(UInt8) COMMENT 'OCPP security profile',
  close_code Nullable(UInt16) COMMENT 'RFC 6455 section 7.4',
  closed_by LowCardinality(String) COMMENT 'charger, csms, gateway',
  reason String COMMENT 'Why it was closed',
  frames_from_charger UInt64 COMMENT 'Frames received from the charger; told by the disconnect',
  frames_from_csms UInt64 COMMENT 'Frames received from the central system; likewise'
)
SQL SECURITY INVOKER
AS SELECT
  site_id, charger_id, connection_id, connected_at,
  least(disconnected_at, next_at) AS ended_at,
  disconnected_at,
  dateDiff('millisecond', connected_at, ended_at) / 1000 AS duration_s,
  gateway_id, peer, subprotocol, profile, close_code, closed_by, reason, frames_from_charger, frames_from_csms
FROM
(
  SELECT
    *,
    nullIf(leadInFrame(connected_at) OVER (PARTITION BY site_id, charger_id ORDER BY connected_at, connection_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), toDateTime64(0, 3, 'UTC')) AS next_at
  FROM
  (
    SELECT
      site_id, charger_id, connection_id,
      minOrNullIf(datetime, kind = 'connect') AS told_at,
      minOrNullIf(datetime, kind = 'disconnect') AS disconnected_at,
      max(e.duration_s) AS open_s,
      assumeNotNull(coalesce(told_at, subtractMilliseconds(disconnected_at, toInt64(coalesce(open_s, 0) * 1000)))) AS connected_at,
      max(e.gateway_id) AS gateway_id,
      max(e.peer) AS peer,
      max(e.subprotocol) AS subprotocol,
      any(e.profile) AS profile,
      anyIf(e.close_code, kind = 'disconnect') AS close_code,
      anyIf(e.closed_by, kind = 'disconnect') AS closed_by,
      anyIf(e.reason, kind = 'disconnect') AS reason,
      max(e.frames_from_charger) AS frames_from_charger,
      max(e.frames_from_csms) AS frames_from_csms
    FROM ${database}.connection_event AS e
    WHERE kind IN ('connect', 'disconnect')
    GROUP BY site_id, charger_id, connection_id
  )
)
