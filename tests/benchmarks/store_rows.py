"""The traffic of a fleet as SQL: 8,000 chargers on 400 sites for 14 days, 70 % MeterValues of about 1 kB. The same numbers give the same rows.

`reference_rows` has the columns of `store_reference.sql`, `log_rows` those of `ocpp_log` from the same exchanges.
"""

# ruff: noqa: E501
from __future__ import annotations

from typing import Final

START: Final = 1_788_220_800
"""2026-09-01, UTC."""
SPAN_MS: Final = 14 * 86_400 * 1000
REFERENCE_COLUMNS: Final = tuple(
    """
        datetime received_at site_id charger_id connector_id action source ocpp_version message_id status error_code
        error_description vendor_error_code id_tag transaction_id latency_ms energy_wh power_w current_l1 current_l2 current_l3
        voltage_l1 voltage_l2 voltage_l3 soc temperature request response kafka_partition kafka_offset
    """.split()  # noqa: SIM905
)


def reference_rows(first: int, end: int, total: int) -> str:
    """A SELECT of the exchanges from `first` to `end` of `total`, which fill the 14 days."""
    return f"""
WITH
 number AS i,
 cityHash64(i, 11) AS h1, cityHash64(i, 12) AS h2, cityHash64(i, 13) AS h3,
 -- skewed charger choice: half of traffic on 25% of chargers
 toUInt32(if(h1 % 2 = 0, intDiv(h1,2) % 2000, intDiv(h1,2) % 8000)) AS ch,
 toUInt32(ch % 400) AS st,
 toUInt32(h2 % 1000) AS ar,
 multiIf(ar < 700,'MeterValues', ar < 820,'Heartbeat', ar < 920,'StatusNotification', ar < 940,'StartTransaction',
         ar < 960,'StopTransaction', ar < 980,'Authorize', ar < 985,'BootNotification', ar < 990,'DataTransfer',
         ar < 993,'RemoteStartTransaction', ar < 996,'ChangeConfiguration', ar < 998,'GetDiagnostics','TriggerMessage') AS act,
 toUInt8(1 + bitShiftRight(h2,20) % 2) AS conn,
 fromUnixTimestamp64Milli(toInt64({START}000 + intDiv(i * {SPAN_MS}, {total}) + h3 % 500), 'UTC') AS dt,
 formatDateTime(dt, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS ts,
 toUInt64(1000000 + intDiv(i, 40000)*8000 + ch) AS tx,             -- a transaction per charger per slot
 upper(hex(cityHash64(tx % 300000, 7))) AS tag,                     -- ~300k distinct idTags, 16 hex
 toFloat32(220 + bitShiftRight(h3,10) % 200 / 10) AS v1, toFloat32(220 + bitShiftRight(h3,18) % 200 / 10) AS v2, toFloat32(220 + bitShiftRight(h3,26) % 200 / 10) AS v3,
 toFloat32(bitShiftRight(h3,34) % 320 / 10) AS c1, toFloat32(bitShiftRight(h3,42) % 320 / 10) AS c2, toFloat32(bitShiftRight(h3,50) % 320 / 10) AS c3,
 toUInt32(round(v1*c1+v2*c2+v3*c3)) AS pw,
 toUInt64(1000000 + ch*137 + intDiv(i,200)) AS en,
 toUInt8(bitShiftRight(h2,30) % 101) AS so,
 toFloat32(15 + bitShiftRight(h2,38) % 400 / 10) AS te,
 ['Available','Preparing','Charging','SuspendedEV','SuspendedEVSE','Finishing','Unavailable','Reserved','Faulted'][1 + multiIf(bitShiftRight(h2,44) % 1000 < 8, 8, bitShiftRight(h2,44) % 8)] AS stt,
 ['ConnectorLockFailure','EVCommunicationError','GroundFailure','HighTemperature','InternalError','OtherError','OverCurrentFailure','PowerMeterFailure','ReaderFailure','WeakSignal','UnderVoltage'][1 + (h3 % 11)] AS ec,
 concat(['E','F','W','X'][1 + h3 % 4], leftPad(toString(h3 % 400), 3, '0'), '-', hex(toUInt16(h3 % 60000))) AS vec,
 bitShiftRight(h2,52) % 1000 < 4 AS callerr,
 multiIf(i = 1234567, 'AB12CD34', tag) AS tg
SELECT
 dt AS datetime,
 dt + toIntervalMillisecond(40 + h1 % 900) AS received_at,
 concat('SITE-', leftPad(toString(st), 4, '0')) AS site_id,
 concat('CP', leftPad(toString(st), 4, '0'), '-', leftPad(toString(intDiv(ch,400)), 3, '0')) AS charger_id,
 toUInt16(if(act IN ('Heartbeat','BootNotification','DataTransfer','GetDiagnostics','ChangeConfiguration'), 0, conn)) AS connector_id,
 act AS action,
 if(act IN ('RemoteStartTransaction','ChangeConfiguration','GetDiagnostics','TriggerMessage'), 'csms', 'charger') AS source,
 if(ch % 5 = 0, '2.0.1', '1.6') AS ocpp_version,
 concat(lower(hex(cityHash64(i,21))), '-', lower(hex(cityHash64(i,22)))) AS message_id,
 multiIf(act='StatusNotification', stt, act IN ('Authorize','StartTransaction','StopTransaction'), if(h3 % 50 = 0,'Invalid','Accepted'), act IN ('RemoteStartTransaction','ChangeConfiguration','TriggerMessage','DataTransfer','BootNotification'), if(h3 % 30 = 0,'Rejected','Accepted'), '') AS status,
 multiIf(callerr, ['InternalError','GenericError','FormationViolation','NotImplemented'][1 + h1 % 4], act='StatusNotification' AND stt='Faulted', ec, '') AS error_code,
 if(callerr, 'Handler failed while processing the request', '') AS error_description,
 if(act='StatusNotification' AND stt='Faulted', vec, '') AS vendor_error_code,
 if(act IN ('Authorize','StartTransaction','StopTransaction','RemoteStartTransaction'), tg, '') AS id_tag,
 if(act IN ('MeterValues','StartTransaction','StopTransaction'), tx, 0) AS transaction_id,
 toUInt32(3 + h1 % 200) AS latency_ms,
 if(act='MeterValues', en, 0) AS energy_wh,
 if(act='MeterValues', toFloat32(pw), 0) AS power_w,
 if(act='MeterValues', c1, 0) AS current_l1, if(act='MeterValues', c2, 0) AS current_l2, if(act='MeterValues', c3, 0) AS current_l3,
 if(act='MeterValues', v1, 0) AS voltage_l1, if(act='MeterValues', v2, 0) AS voltage_l2, if(act='MeterValues', v3, 0) AS voltage_l3,
 if(act='MeterValues', so, 0) AS soc,
 if(act='MeterValues', te, 0) AS temperature,
 multiIf(
  act='MeterValues', concat('{{"connectorId":',toString(conn),',"transactionId":',toString(tx),',"meterValue":[{{"timestamp":"',ts,'","sampledValue":[',
     '{{"value":"',toString(en),'","context":"Sample.Periodic","format":"Raw","measurand":"Energy.Active.Import.Register","location":"Outlet","unit":"Wh"}},',
     '{{"value":"',toString(c1),'","context":"Sample.Periodic","measurand":"Current.Import","phase":"L1","unit":"A"}},',
     '{{"value":"',toString(c2),'","context":"Sample.Periodic","measurand":"Current.Import","phase":"L2","unit":"A"}},',
     '{{"value":"',toString(c3),'","context":"Sample.Periodic","measurand":"Current.Import","phase":"L3","unit":"A"}},',
     '{{"value":"',toString(v1),'","context":"Sample.Periodic","measurand":"Voltage","phase":"L1-N","unit":"V"}},',
     '{{"value":"',toString(v2),'","context":"Sample.Periodic","measurand":"Voltage","phase":"L2-N","unit":"V"}},',
     '{{"value":"',toString(v3),'","context":"Sample.Periodic","measurand":"Voltage","phase":"L3-N","unit":"V"}},',
     '{{"value":"',toString(pw),'","context":"Sample.Periodic","measurand":"Power.Active.Import","unit":"W"}},',
     '{{"value":"',toString(so),'","context":"Sample.Periodic","measurand":"SoC","location":"EV","unit":"Percent"}}]}}]}}'),
  act='Heartbeat', '{{}}',
  act='StatusNotification', concat('{{"connectorId":',toString(conn),',"errorCode":"',if(stt='Faulted',ec,'NoError'),'","status":"',stt,'","timestamp":"',ts,'","info":"',if(stt='Faulted','Connector fault reported by controller',''),'","vendorId":"com.example.evse","vendorErrorCode":"',if(stt='Faulted',vec,if(i=7654321 OR i=7654322,'ZQ9X77','')),'"}}'),
  act='StartTransaction', concat('{{"connectorId":',toString(conn),',"idTag":"',tg,'","meterStart":',toString(en),',"timestamp":"',ts,'"}}'),
  act='StopTransaction', concat('{{"idTag":"',tg,'","meterStop":',toString(en),',"timestamp":"',ts,'","transactionId":',toString(tx),',"reason":"',['Local','Remote','EVDisconnected','PowerLoss'][1+h3%4],'"}}'),
  act='Authorize', concat('{{"idTag":"',tg,'"}}'),
  act='BootNotification', concat('{{"chargePointVendor":"Alfen","chargePointModel":"NG910-60023","chargePointSerialNumber":"ACE',leftPad(toString(ch),7,'0'),'","firmwareVersion":"4.14.',toString(h3%9),'-4073","iccid":"8931',toString(h1 % 1000000000000),'","imsi":"2040',toString(h2 % 100000000000),'"}}'),
  act='DataTransfer', concat('{{"vendorId":"com.example.evse","messageId":"SetDisplay","data":"{{\\\\"price\\\\":',toString(h3%100),',\\\\"currency\\\\":\\\\"EUR\\\\",\\\\"ref\\\\":\\\\"',lower(hex(h1)),'\\\\"}}"}}'),
  act='RemoteStartTransaction', concat('{{"connectorId":',toString(conn),',"idTag":"',tg,'","chargingProfile":{{"chargingProfileId":',toString(h3%50),',"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Relative","chargingSchedule":{{"chargingRateUnit":"A","chargingSchedulePeriod":[{{"startPeriod":0,"limit":',toString(6+h3%26),'.0}}]}}}}}}'),
  act='ChangeConfiguration', concat('{{"key":"',['MeterValueSampleInterval','HeartbeatInterval','WebSocketPingInterval','AuthorizeRemoteTxRequests'][1+h3%4],'","value":"',toString(h3%900),'"}}'),
  act='GetDiagnostics', concat('{{"location":"ftp://diag.example.com/upload/CP',toString(ch),'","retries":3,"retryInterval":60}}'),
  concat('{{"requestedMessage":"',['MeterValues','StatusNotification','BootNotification'][1+h3%3],'","connectorId":',toString(conn),'}}')) AS request,
 multiIf(callerr, concat('{{"errorCode":"',['InternalError','GenericError','FormationViolation','NotImplemented'][1 + h1 % 4],'","errorDescription":"Handler failed while processing the request","errorDetails":{{"trace":"',lower(hex(h3)),'"}}}}'),
  act IN ('MeterValues','StatusNotification'), '{{}}',
  act='Heartbeat', concat('{{"currentTime":"',ts,'"}}'),
  act='BootNotification', concat('{{"currentTime":"',ts,'","interval":300,"status":"Accepted"}}'),
  act='StartTransaction', concat('{{"idTagInfo":{{"status":"',if(h3 % 50 = 0,'Invalid','Accepted'),'","expiryDate":"2027-01-01T00:00:00Z","parentIdTag":"FLEET-',toString(ch%300),'"}},"transactionId":',toString(tx),'}}'),
  act IN ('Authorize','StopTransaction'), concat('{{"idTagInfo":{{"status":"',if(h3 % 50 = 0,'Invalid','Accepted'),'","expiryDate":"2027-01-01T00:00:00Z"}}}}'),
  act='GetDiagnostics', concat('{{"fileName":"diag-',toString(h1%1000000),'.zip"}}'),
  concat('{{"status":"',if(h3 % 30 = 0,'Rejected','Accepted'),'"}}')) AS response,
 toUInt16(ch % 24) AS kafka_partition,
 toUInt64(intDiv(i,24)) AS kafka_offset
FROM numbers({first}, {end - first})"""


def log_rows(first: int, end: int, total: int) -> str:
    """The same exchanges as the enricher writes them: connections of a day, answers some frames later, few violations. All of them are
    kept for long, so that as many rows are compared."""
    retention = "toUInt16(3650)"
    return f"""
WITH leftPad(hex(toUInt64(toUnixTimestamp(toStartOfDay(datetime)) * 1000 + cityHash64(charger_id) % 5000)), 12, '0') AS opened,
 hex(sipHash128(charger_id, toDate(datetime))) AS seed
SELECT datetime, site_id, charger_id,
 if(connector_id = 0 AND action IN ('Heartbeat','BootNotification','DataTransfer','GetDiagnostics','ChangeConfiguration','Authorize'), NULL, toInt32(connector_id)) AS connector_id,
 action, source, if(ocpp_version = '2.0.1', 'ocpp2.0.1', 'ocpp1.6') AS subprotocol,
 if(error_description != '', 'error', 'result') AS outcome, latency_ms,
 if(action = 'StatusNotification', status, '') AS status,
 if(action = 'StatusNotification', error_code, '') AS error_code,
 vendor_error_code, if(vendor_error_code != '', 'Connector fault reported by controller', '') AS info,
 if(action IN ('StatusNotification','DataTransfer'), 'com.example.evse', '') AS vendor_id,
 if(action IN ('StatusNotification','StartTransaction','StopTransaction'), toDateTime64(toStartOfSecond(datetime), 6, 'UTC'), NULL) AS request_timestamp,
 id_tag, if(action IN ('Authorize','StartTransaction','StopTransaction') AND outcome = 'result', r.status, '') AS id_tag_info_status,
 if(r.transaction_id = 0, '', toString(r.transaction_id)) AS transaction_id,
 if(action = 'StopTransaction', JSONExtractFloat(request, 'meterStop'), NULL) AS meter_stop,
 if(action = 'StopTransaction', JSONExtractString(request, 'reason'), '') AS reason,
 if(action = 'MeterValues', toFloat64(toString(r.voltage_l1)), NULL) AS voltage_l1,
 if(action = 'MeterValues', toFloat64(toString(r.voltage_l2)), NULL) AS voltage_l2,
 if(action = 'MeterValues', toFloat64(toString(r.voltage_l3)), NULL) AS voltage_l3,
 NULL::Nullable(Float64) AS voltage, if(action = 'MeterValues', 'V', '') AS voltage_unit,
 if(action = 'MeterValues', toFloat64(toString(r.current_l1)), NULL) AS current_import_l1,
 if(action = 'MeterValues', toFloat64(toString(r.current_l2)), NULL) AS current_import_l2,
 if(action = 'MeterValues', toFloat64(toString(r.current_l3)), NULL) AS current_import_l3,
 NULL::Nullable(Float64) AS current_import, if(action = 'MeterValues', 'A', '') AS current_import_unit,
 NULL::Nullable(Float64) AS power_l1, NULL::Nullable(Float64) AS power_l2, NULL::Nullable(Float64) AS power_l3,
 if(action = 'MeterValues', toFloat64(power_w), NULL) AS power, if(action = 'MeterValues', 'W', '') AS power_unit,
 if(error_description != '', r.error_code, '') AS response_error_code,
 error_description AS response_error_description,
 if(cityHash64(message_id) % 1000 < 5, ['request.meterValue[0].sampledValue[2].value: expected text, got 604.213'], []) AS violations,
 message_id, request, response, '' AS unescaped,
 toUUID(concat(substring(opened, 1, 8), '-', substring(opened, 9, 4), '-7', substring(seed, 1, 3), '-a', substring(seed, 4, 3), '-',
   substring(seed, 7, 12))) AS connection_id,
 toUInt32(2 * row_number() OVER (PARTITION BY charger_id, toDate(datetime) ORDER BY datetime, message_id)) AS sequence,
 concat('gateway-', toString(cityHash64(charger_id, toDate(datetime)) % 3)) AS gateway_id,
 kafka_partition, kafka_offset * 2 AS kafka_offset, kafka_offset * 2 + 1 + latency_ms % 3 AS closed_offset,
 fromUnixTimestamp64Milli(intDiv(toUnixTimestamp64Milli(received_at), 500) * 500 + 500 + kafka_partition * 20 + intDiv(toUnixTimestamp64Milli(received_at), 500) % 7, 'UTC') AS stored_at,
 {retention} AS retention_days
FROM ({reference_rows(first, end, total)}) AS r"""
