"""From an exchange to the row that people read."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplog_common import ocppj
from ocpplog_common.envelope import Envelope, Source
from ocpplog_enricher.domain.fields import enrich
from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.pairing import Exchange, Outcome
from ocpplog_enricher.domain.rows import LogRow


def observed(frame: bytes, source: Source, offset: int, at_us: int) -> Observed:
    envelope = Envelope("CP1", "site", source, "ocpp1.6", "a" * 32, offset + 1, at_us, "gw", frame)
    return Observed(envelope, ocppj.parse(frame), offset)


def row(action: str, request: bytes | dict[str, Any], response: bytes | dict[str, Any] = b"{}") -> LogRow:
    question = request if isinstance(request, bytes) else msgspec.json.encode(request)
    answer = response if isinstance(response, bytes) else msgspec.json.encode(response)
    first = observed(b'[2,"m1","%s",%s]' % (action.encode(), question), Source.CHARGER, 10, 1_795_480_794_403_123)
    second = observed(b'[3,"m1",%s]' % answer, Source.CSMS, 12, 1_795_480_794_453_999)
    return enrich(Exchange(first, second, Outcome.RESULT, 12, True), 3).log


class TestColumns:
    def test_frame(self) -> None:
        found = row("Heartbeat", b'{ "a": 1.0 }', b'{"currentTime":"x"}')
        assert (found.datetime, found.latency_ms) == ("2026-11-24 00:39:54.403123", 51)
        assert (found.kafka_partition, found.kafka_offset, found.closed_offset, found.sequence) == (3, 10, 12, 11)
        assert (found.request, found.response, found.unescaped) == ('{ "a": 1.0 }', '{"currentTime":"x"}', "")
        assert (found.source, found.message_id, found.action) == ("charger", "m1", "Heartbeat")

    def test_status_notification(self) -> None:
        found = row(
            "StatusNotification",
            {
                "connectorId": 0,
                "errorCode": "EVCommunicationError",
                "status": "Faulted",
                "timestamp": "2024-11-26T10:03:49Z",
                "info": "State transition",
                "vendorId": "HLX",
                "vendorErrorCode": "CHARGER_DOOR_OPEN",
            },
        )
        assert (found.connector_id, found.status, found.error_code) == (0, "Faulted", "EVCommunicationError")
        assert (found.info, found.vendor_id, found.vendor_error_code) == ("State transition", "HLX", "CHARGER_DOOR_OPEN")
        assert found.request_timestamp == "2024-11-26 10:03:49.000000"

    def test_start_transaction_has_its_id_from_the_response(self) -> None:
        request = {"connectorId": 1, "idTag": "43434", "meterStart": 0, "timestamp": "2024-11-26T10:03:49Z"}
        found = row("StartTransaction", request, {"transactionId": 4356987, "idTagInfo": {"status": "Accepted"}})
        assert (found.transaction_id, found.id_tag, found.id_tag_info_status) == ("4356987", "43434", "Accepted")

    def test_stop_transaction(self) -> None:
        data = [{"timestamp": "2024-11-26T10:03:49Z", "sampledValue": [{"value": "7", "measurand": "Voltage"}]}]
        request = {"meterStop": 1387299, "timestamp": "x", "transactionId": 2**62, "reason": "PowerLoss", "transactionData": data}
        found = row("StopTransaction", request)
        assert (found.meter_stop, found.reason, found.transaction_id, found.voltage) == (1387299.0, "PowerLoss", str(2**62), 7.0)
        assert (found.connector_id, found.id_tag, found.request_timestamp) == (None, "", None)
        assert found.violations == ["request.timestamp: 'x' is not a date and time"]

    def test_status_of_other_actions_is_not_the_connectors(self) -> None:
        assert row("FirmwareStatusNotification", {"status": "Installed"}).status == ""

    def test_transaction_event_of_2(self) -> None:
        request = {
            "eventType": "Ended",
            "timestamp": "2024-11-26T10:03:49Z",
            "transactionInfo": {"transactionId": "ab-12", "stoppedReason": "Local"},
            "evse": {"id": 2, "connectorId": 1},
            "idToken": {"idToken": "04AB", "type": "ISO14443"},
            "meterValue": [
                {"timestamp": "2024-11-26T10:03:49Z", "sampledValue": [{"value": 1.5, "measurand": "Voltage", "phase": "L1"}]}
            ],
        }
        found = row("TransactionEvent", request, {"idTokenInfo": {"status": "Accepted"}})
        assert (found.transaction_id, found.reason, found.connector_id, found.id_tag) == ("ab-12", "Local", 2, "04AB")
        assert (found.id_tag_info_status, found.voltage_l1) == ("Accepted", 1.5)

    def test_escapes_are_resolved_beside_the_payload(self) -> None:
        found = row("DataTransfer", b'{"data":"\\u00e9t\\u00e9"}')
        assert found.request == '{"data":"\\u00e9t\\u00e9"}'
        assert "été" in found.unescaped

    @pytest.mark.parametrize(
        ("written", "expected"),
        [("4711.0", "4711"), ("4711", "4711"), ("-1.0", "-1"), ("0.0", "0"), ('"4711.0"', "4711.0"), ("4.711e3", "4711")],
    )
    def test_a_transaction_with_a_fraction_of_zeros(self, written: str, expected: str) -> None:
        answer = b'{"transactionId":%b,"idTagInfo":{"status":"Accepted"}}' % written.encode()
        found = row("StartTransaction", b'{"connectorId":1}', answer)
        assert found.transaction_id == expected
        assert not [line for line in found.violations if "is not an id" in line]

    @pytest.mark.parametrize("written", ["4711.5", "1e300", "9007199254740993.0", "true", "[]"])
    def test_a_transaction_that_is_none(self, written: str) -> None:
        found = row("StartTransaction", b'{"connectorId":1}', b'{"transactionId":%b}' % written.encode())
        assert found.transaction_id == ""
        assert [line for line in found.violations if line.startswith("response.transactionId: ")]

    @pytest.mark.parametrize("value", ["1", True, 2**40, -(2**40), [], None])
    def test_a_connector_that_is_none(self, value: object) -> None:
        found = row("StatusNotification", {"connectorId": value})
        assert found.connector_id is None
        assert [line for line in found.violations if line.startswith("request.connectorId: ")]

    def test_payload_that_is_no_utf8(self) -> None:
        found = row("DataTransfer", b'{"data":"\xff"}')
        assert found.request == '{"data":"\\xff"}'
        assert found.violations

    def test_error_and_violation(self) -> None:
        first = observed(b'[2,"m","Reset",{}]', Source.CSMS, 1, 1_000_000)
        second = observed(b'[4,"m","NotSupported","no \\"way\\"",{"a":1}]', Source.CHARGER, 2, 2_000_000)
        found = enrich(Exchange(first, second, Outcome.ERROR, 2, True), 0).log
        assert (found.response_error_code, found.response_error_description) == ("NotSupported", 'no "way"')
        assert msgspec.json.decode(found.response) == {
            "errorCode": "NotSupported",
            "errorDescription": 'no "way"',
            "errorDetails": {"a": 1},
        }
        broken = observed(b'[2,"m","Res', Source.CHARGER, 3, 1_000_000)
        found = enrich(Exchange(broken, None, Outcome.VIOLATION, 3, True, ("frame: bad",)), 0).log
        assert (found.request, found.response, found.violations, found.latency_ms) == ('[2,"m","Res', "", ["frame: bad"], None)

    def test_an_unmatched_answer_names_who_would_have_asked(self) -> None:
        answer = observed(b'[3,"m",{"a":1}]', Source.CHARGER, 2, 2_000_000)
        found = enrich(Exchange(None, answer, Outcome.UNMATCHED, 2, True), 0).log
        assert (found.source, found.request, found.response, found.message_id) == ("csms", "", '{"a":1}', "m")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "connectorId",
                    "idTag",
                    "timestamp",
                    "status",
                    "idTagInfo",
                    "transactionInfo",
                    "evse",
                    "id",
                    "meterValue",
                    "info",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=15,
)
ACTIONS = st.sampled_from(
    ["StatusNotification", "StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent", "Other"]
)


@given(ACTIONS, JSON, JSON)
def test_no_payload_makes_it_raise_or_unwritable(action: str, request: object, response: object) -> None:
    found = row(action, msgspec.json.encode(request), msgspec.json.encode(response))
    assert msgspec.json.decode(msgspec.json.encode(found))["request"] == msgspec.json.encode(request).decode()


@pytest.mark.parametrize(
    ("action", "name"), [("StatusNotification", "connectorId"), ("MeterValues", "meterValue"), ("X", "idTag")]
)
@pytest.mark.parametrize(("opened", "closed"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_no_depth_makes_it_raise(action: str, name: str, opened: bytes, closed: bytes) -> None:
    """Not where it can still be parsed, and no longer be shown, either."""
    for depth in (200, 300, *range(800, 1010)):
        nested = opened * depth + b"1" + closed * depth
        assert row(action, b'{"%s":%s}' % (name.encode(), nested)).charger_id == "CP1"


def test_meter_values_are_in_messages_that_have_them() -> None:
    entry = b'[{"timestamp":"2024-01-01T00:00:00Z","sampledValue":[{"value":"1","measurand":"Voltage"}]}]'
    assert row("MeterValues", b'{"connectorId":1,"meterValue":%s}' % entry).voltage == 1.0
    for name in (b"", b"meterValue"):
        assert row("Heartbeat", b'{"%s":%s}' % (name, entry)).voltage is None
