"""Frames as real chargers send them, from their bytes to rows. One line, one fact. Those of tests/corpus/frames are all tried."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from ocpplog_common.envelope import Source
from ocpplog_enricher.domain.rows import Enriched, LogRow
from support.exchanges import Sent, row, rows

CORPUS: Final = sorted((Path(__file__).parents[2] / "corpus" / "frames").iterdir())
AVAILABLE: Final = b'{"connectorId":1,"errorCode":"NoError","status":"Available"}'
HEARD: Final = b'{"currentTime":"2026-11-24T10:00:00Z"}'


def call(payload: bytes, action: bytes = b"StatusNotification", message_id: bytes = b'"m"') -> bytes:
    return b'[2,%b,"%b",%b]' % (message_id, action, payload)


def answer(payload: bytes, message_id: bytes = b'"m"') -> Sent:
    return Source.CSMS, b"[3,%b,%b]" % (message_id, payload)


STATUS: Final[dict[str, tuple[bytes, dict[str, Any], list[str]]]] = {
    "blanks after commas (lbbrhzn/ocpp #1925)": (
        b'{"connectorId": 1, "errorCode": "NoError", "status": "Available"}',
        {"connector_id": 1, "error_code": "NoError", "status": "Available"},
        [],
    ),
    "empty strings for info and vendorErrorCode (Wallbox, lbbrhzn/ocpp #1925)": (
        b'{"connectorId":0,"errorCode":"NoError","info":"","status":"Available","timestamp":"2024-03-01T10:00:00.000Z",'
        b'"vendorId":"com.wallbox","vendorErrorCode":""}',
        {"connector_id": 0, "error_code": "NoError", "status": "Available", "vendor_id": "com.wallbox"}
        | {"request_timestamp": "2024-03-01 10:00:00.000000"},
        [],
    ),
    "all that a faulty charger says": (
        b'{"connectorId":2,"errorCode":"ConnectorLockFailure","info":"State transition","status":"Faulted",'
        b'"timestamp":"2024-11-26T10:03:49Z","vendorId":"HLX","vendorErrorCode":"CHARGER_DOOR_OPEN"}',
        {"connector_id": 2, "error_code": "ConnectorLockFailure", "info": "State transition", "status": "Faulted"}
        | {"request_timestamp": "2024-11-26 10:03:49.000000", "vendor_id": "HLX", "vendor_error_code": "CHARGER_DOOR_OPEN"},
        [],
    ),
    "null for what is absent": (
        b'{"connectorId":1,"errorCode":"NoError","status":"Available","info":null}',
        {"connector_id": 1, "error_code": "NoError", "status": "Available"},
        ["request.info: expected text, got None"],
    ),
    "timestamp without zone, meaning local time (Growatt, evcc #10399): as if UTC, and said": (
        b'{"connectorId":1,"errorCode":"NoError","status":"Available","timestamp":"2023-10-26T09:12:44"}',
        {"connector_id": 1, "error_code": "NoError", "status": "Available", "request_timestamp": "2023-10-26 09:12:44.000000"},
        ["request.timestamp: without a time zone, taken as UTC"],
    ),
    'timestamp of "+01:00" (lbbrhzn/ocpp #1709)': (
        b'{"connectorId":1,"errorCode":"NoError","status":"Available","timestamp":"2023-10-26T11:12:44+01:00"}',
        {"connector_id": 1, "error_code": "NoError", "status": "Available", "request_timestamp": "2023-10-26 10:12:44.000000"},
        [],
    ),
    "local time labelled Z, two hours off (steve #136): as reported, the log's own time is beside it": (
        b'{"connectorId":1,"errorCode":"NoError","status":"Available","timestamp":"2026-11-24T02:39:54Z"}',
        {"connector_id": 1, "error_code": "NoError", "status": "Available", "request_timestamp": "2026-11-24 02:39:54.000000"},
        [],
    ),
    "a connector that is text": (
        b'{"connectorId":"1","errorCode":"NoError","status":"Available"}',
        {"error_code": "NoError", "status": "Available"},
        ["request.connectorId: '1' is not a connector number"],
    ),
    "fields that are of the wrong type": (
        b'{"connectorId":1,"errorCode":404,"status":["Available"],"vendorErrorCode":17}',
        {"connector_id": 1},
        [
            "request.status: expected text, got ['Available']",
            "request.errorCode: expected text, got 404",
            "request.vendorErrorCode: expected text, got 17",
        ],
    ),
    "a number beyond all floats beside them": (
        b'{"connectorId":1,"errorCode":"NoError","status":"Available","vendorErrorCode":1e999}',
        {"connector_id": 1, "error_code": "NoError", "status": "Available"},
        ["request.vendorErrorCode: expected text, got inf"],
    ),
}
FIELDS: Final = (
    "connector_id", "status", "error_code", "vendor_error_code", "info", "vendor_id", "request_timestamp", "id_tag",
    "id_tag_info_status", "transaction_id", "meter_stop", "reason",
)  # fmt: skip


def filled(log: LogRow) -> dict[str, Any]:
    return {name: value for name in FIELDS if (value := getattr(log, name)) not in (None, "")}


@pytest.mark.parametrize("fact", STATUS)
def test_a_status(fact: str) -> None:
    payload, expected, violations = STATUS[fact]
    found = row(call(payload), answer(b"{}")).log
    assert filled(found) == expected
    assert found.violations == violations
    assert (found.request, found.outcome) == (payload.decode(), "result")


SESSION: Final[dict[str, tuple[bytes, bytes, bytes, dict[str, Any]]]] = {
    "StartTransaction has its transaction in the response": (
        b"StartTransaction",
        b'{"connectorId":1,"idTag":"43434","meterStart":0,"timestamp":"2024-11-26T10:03:49Z"}',
        b'{"transactionId":4356987,"idTagInfo":{"status":"Accepted"}}',
        {"connector_id": 1, "id_tag": "43434", "transaction_id": "4356987", "id_tag_info_status": "Accepted"}
        | {"request_timestamp": "2024-11-26 10:03:49.000000"},
    ),
    "StopTransaction, who stopped it and why": (
        b"StopTransaction",
        b'{"transactionId":4356987,"idTag":"43434","meterStop":1387299,"timestamp":"2024-11-26T10:03:49Z","reason":"PowerLoss"}',
        b'{"idTagInfo":{"status":"Expired"}}',
        {"id_tag": "43434", "transaction_id": "4356987", "meter_stop": 1387299.0, "reason": "PowerLoss"}
        | {"id_tag_info_status": "Expired", "request_timestamp": "2024-11-26 10:03:49.000000"},
    ),
    "StopTransaction after a reset, without tag and reason (Local, by the standard): both stay empty": (
        b"StopTransaction",
        b'{"transactionId":0,"meterStop":0,"timestamp":"2024-11-26T10:03:49Z"}',
        b"{}",
        {"transaction_id": "0", "meter_stop": 0.0, "request_timestamp": "2024-11-26 10:03:49.000000"},
    ),
    "Authorize": (
        b"Authorize",
        b'{"idTag":"43434"}',
        b'{"idTagInfo":{"status":"Invalid"}}',
        {"id_tag": "43434", "id_tag_info_status": "Invalid"},
    ),
    "RemoteStartTransaction": (
        b"RemoteStartTransaction",
        b'{"connectorId":2,"idTag":"43434"}',
        b'{"status":"Accepted"}',
        {"connector_id": 2, "id_tag": "43434"},
    ),
    "SetChargingProfile of a transaction": (
        b"SetChargingProfile",
        b'{"connectorId":1,"csChargingProfiles":{"chargingProfileId":1,"transactionId":7,"stackLevel":0,"chargingProfilePurpose":'
        b'"TxProfile","chargingProfileKind":"Absolute","chargingSchedule":{"chargingRateUnit":"A","chargingSchedulePeriod":'
        b'[{"startPeriod":0,"limit":6}]}}}',
        b'{"status":"Accepted"}',
        {"connector_id": 1, "transaction_id": "7"},
    ),
    "status of a firmware is no operational state": (b"FirmwareStatusNotification", b'{"status":"Installed"}', b"{}", {}),
    "what a security event adds": (
        b"SecurityEventNotification",
        b'{"type":"TamperDetectionActivated","timestamp":"2024-11-26T10:03:49Z","techInfo":"door 2"}',
        b"{}",
        {"info": "door 2"},
    ),
}


@pytest.mark.parametrize("fact", SESSION)
def test_a_session(fact: str) -> None:
    action, request, response, expected = SESSION[fact]
    found = row(call(request, action), answer(response)).log
    assert (filled(found), found.violations) == (expected, [])


@pytest.mark.parametrize(
    ("message_id", "violations"),
    [
        ("1", []),
        ("de", []),
        ("0000012345", []),
        ("1732442629000", []),
        ("charger-7_session-000000000000000042", []),
        ("", ["request message id: empty", "response message id: empty"]),
        (
            "x" * 37,
            ["request message id: 37 characters, at most 36 allowed", "response message id: 37 characters, at most 36 allowed"],
        ),
    ],
)
def test_message_ids(message_id: str, violations: list[str]) -> None:
    """Counters, milliseconds, 36 characters that are no UUID, empty, longer (lbbrhzn/ocpp #1096, mobilityhouse/ocpp PR 312)."""
    quoted = msgspec.json.encode(message_id)
    found = row(call(b"{}", b"Heartbeat", quoted), answer(HEARD, quoted)).log
    assert (found.message_id, found.outcome, found.violations) == (message_id, "result", violations)


ENDS: Final[dict[str, tuple[list[Sent], list[tuple[str, str, str]]]]] = {
    "a retry uses the same message id again (MicroOcpp #50)": (
        [call(AVAILABLE), call(AVAILABLE), answer(b"{}")],
        [("StatusNotification", "superseded", "charger"), ("StatusNotification", "result", "charger")],
    ),
    "both sides use the same message id at once; a CALL overtakes a result (citrineos #189)": (
        [call(AVAILABLE), (Source.CSMS, call(b'{"type":"Soft"}', b"Reset")), b'[3,"m",{"status":"Accepted"}]', answer(b"{}")],
        [("Reset", "result", "csms"), ("StatusNotification", "result", "charger")],
    ),
    "an answer to an id nobody asked (ocpp-go #184)": ([b'[3,"nobody","asked"]'], [("", "unmatched", "csms")]),
    "truncated JSON (Grizzl-E, lbbrhzn/ocpp #176)": (
        [
            b'[2,"t1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"2023-01-19T09:18:46Z","sampledValue":[{"value":"23'
        ],
        [("", "violation", "charger")],
    ),
    "trailing backslashes (mobilityhouse/ocpp #415)": ([call(AVAILABLE) + rb"\\\ "], [("", "violation", "charger")]),
    "null as payload (steve #1109)": ([call(b"null", b"Heartbeat"), answer(HEARD)], [("Heartbeat", "result", "charger")]),
    "text that is not UTF-8 (MicroOcpp #269)": (
        [b'[2,"u","DataTransfer",{"vendorId":"\xe9t\xe9"}]'],
        [("DataTransfer", "timeout", "charger")],
    ),
    "OCPP 2.1's message type 6 has no answer (ocpp-rpc #96)": (
        [b'[6,"y","NotifyPeriodicEventStream",{}]'],
        [("NotifyPeriodicEventStream", "sent", "charger")],
    ),
    "OCPP 2.1's message type 5 refuses an answer (ocpp-rpc #96)": (
        [b'[5,"y","FormatViolation","",{}]'],
        [("", "error", "charger")],
    ),
}


@pytest.mark.parametrize("fact", ENDS)
def test_how_it_ends(fact: str) -> None:
    frames, expected = ENDS[fact]
    assert [(each.log.action, each.log.outcome, each.log.source) for each in rows(*frames)] == expected


@pytest.mark.parametrize(
    ("error", "code", "description", "violations"),
    [
        (b'[4,"m","NotImplemented",""]', "NotImplemented", "", ["response frame: CALLERROR with 4 elements, expected 5"]),
        (b'[4,"m","InternalError","",{}]', "InternalError", "", []),
        (b'[4,"m","FormationViolation","",{}]', "FormationViolation", "", []),
        (b'[4,"m","OccurenceConstraintViolation","",{}]', "OccurenceConstraintViolation", "", []),
        (b'[4,"m","OccurrenceConstraintViolation","",{}]', "OccurrenceConstraintViolation", "", []),
        (b'[4,"m","FormatViolation","",{}]', "FormatViolation", "", []),
        (b'[4,"m","Error","Error",{}]', "Error", "Error", []),
        (
            b'[4,"m","GenericError",null,null]',
            "GenericError",
            "null",
            ["response errorDescription: not a string", "response errorDetails: expected an object, got null"],
        ),
    ],
)
def test_errors(error: bytes, code: str, description: str, violations: list[str]) -> None:
    """4 elements, no description, both spellings, Legrand's own (steve #45, citrineos-core PR 1050, lbbrhzn/ocpp #1248)."""
    found = row(call(AVAILABLE), (Source.CSMS, error)).log
    assert (found.outcome, found.response_error_code, found.response_error_description) == ("error", code, description)
    assert found.violations == violations
    assert filled(found) == {"connector_id": 1, "error_code": "NoError", "status": "Available"}


def test_a_start_that_is_refused_has_no_transaction() -> None:
    request = b'{"connectorId":1,"idTag":"43434","meterStart":0,"timestamp":"2024-11-26T10:03:49Z"}'
    found = row(call(request, b"StartTransaction"), (Source.CSMS, b'[4,"m","InternalError","",{}]')).log
    assert (found.transaction_id, found.id_tag_info_status, found.id_tag) == ("", "", "43434")


def test_configuration_values_of_more_than_500_characters() -> None:
    """ocpp-go PR 258."""
    response = b'{"configurationKey":[{"key":"K","readonly":false,"value":"%b"}]}' % (b"v" * 4000)
    found = row((Source.CSMS, call(b"{}", b"GetConfiguration")), b'[3,"m",%b]' % response).log
    assert found.response == response.decode()
    assert found.violations == ["response.configurationKey[0].value: 4000 characters, at most 500 allowed"]


def test_a_16_payload_on_a_201_connection() -> None:
    """FoxESS, as Home Assistant's documentation has it."""
    payload = b'{"connectorId":1,"errorCode":"NoError","status":"Available","timestamp":"2025-01-01T00:00:00Z"}'
    found = row(call(payload), answer(b"{}"), subprotocol="ocpp2.0.1").log
    assert filled(found) == {"connector_id": 1, "error_code": "NoError", "status": "Available"} | {
        "request_timestamp": "2025-01-01 00:00:00.000000"
    }
    assert "request.evseId: missing" in found.violations
    assert "request.errorCode: unknown field" in found.violations


def test_the_same_key_twice_is_the_last() -> None:
    found = row(call(b'{"connectorId":1,"connectorId":2,"errorCode":"NoError","status":"Available"}')).log
    assert (found.connector_id, found.request.count("connectorId")) == (2, 2)


def of_file(path: Path) -> list[Enriched]:
    name = path.name.partition("_")[0]
    subprotocol = name if name.startswith("ocpp") else "ocpp1.6"
    return rows(path.read_bytes(), subprotocol=subprotocol, binary=name == "1003")


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_every_frame_of_the_corpus_is_one_row_that_can_be_stored(path: Path) -> None:
    [found] = of_file(path)
    stored = msgspec.json.decode(msgspec.json.encode(found.log))
    sent = path.read_bytes().decode("utf-8", "backslashreplace")
    assert stored.get("request", "") + stored.get("response", "") in sent or found.log.response_error_code
    assert found.log.outcome in {"timeout", "violation", "unmatched", "sent", "error"}
    assert found.log.violations or found.log.outcome in {"timeout", "sent"}


def test_signed_data_of_the_corpus() -> None:
    [found] = of_file(next(path for path in CORPUS if path.name == "ocpp1.6_signed-data"))
    assert [each.signed for each in found.samples].count(True) == len(found.samples) > 0
    assert found.log.violations == []
