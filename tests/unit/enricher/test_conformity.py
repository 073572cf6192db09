"""Payloads against the official JSON schemas of the connection's version."""

from __future__ import annotations

import importlib
import json
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocpp.charge_point import camel_to_snake_case, remove_nones, snake_to_camel_case

from ocpplog_common import ocppj
from ocpplog_common.envelope import Envelope, Source
from ocpplog_enricher.domain import schemas
from ocpplog_enricher.domain.fields import enrich
from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.pairing import Exchange, Outcome
from support.ocpp_schemas import VERSIONS, actions, example, request_schema, response_schema

TIME = "2026-11-24T10:03:49Z"
AVAILABLE: dict[str, Any] = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


def observed(subprotocol: str, frame: bytes, source: Source, offset: int) -> Observed:
    envelope = Envelope("CP1", "site", source, subprotocol, "a" * 32, offset + 1, 1_795_480_794_403_123, "gw", frame)
    return Observed(envelope, ocppj.parse(frame), offset)


def violations(subprotocol: str, action: str, request: object, response: object = None) -> list[str]:
    """What the row says of an exchange; without a response, of a request that timed out."""
    call = msgspec.json.encode([2, "m", action, msgspec.Raw(request) if isinstance(request, bytes) else request])
    asked = observed(subprotocol, call, Source.CHARGER, 1)
    if response is None:
        return enrich(Exchange(asked, None, Outcome.TIMEOUT, 2, True), 0).log.violations
    answer = observed(subprotocol, msgspec.json.encode([3, "m", response]), Source.CSMS, 2)
    return enrich(Exchange(asked, answer, Outcome.RESULT, 2, True), 0).log.violations


def metered(*values: object, **fields: object) -> dict[str, Any]:
    samples = [{"value": value} | fields for value in values]
    return {"connectorId": 1, "meterValue": [{"timestamp": TIME, "sampledValue": samples}]}


def profile(limit: str) -> bytes:
    return (
        b'{"connectorId":1,"csChargingProfiles":{"chargingProfileId":1,"stackLevel":0,"chargingProfilePurpose":"TxProfile",'
        b'"chargingProfileKind":"Absolute","chargingSchedule":{"chargingRateUnit":"A","chargingSchedulePeriod":'
        b'[{"startPeriod":0,"limit":%s}]}}}' % limit.encode()
    )


class TestWhatIsRight:
    @pytest.mark.parametrize("whole", [False, True], ids=["least", "whole"])
    @pytest.mark.parametrize("subprotocol", VERSIONS)
    def test_every_action(self, subprotocol: str, whole: bool) -> None:
        for action in actions(subprotocol):
            answer = response_schema(subprotocol, action)
            response = example(answer, whole=whole) if answer else None
            request = example(request_schema(subprotocol, action), whole=whole)
            assert violations(subprotocol, action, request, response) == [], action

    @pytest.mark.parametrize("subprotocol", VERSIONS)
    def test_what_the_ocpp_package_sends(self, subprotocol: str) -> None:
        """Of 2.1 it spells some names in its own way, such as SoC for soC: there, what every message must hold."""
        calls = importlib.import_module(f"ocpp.v{VERSIONS[subprotocol].replace('.', '')}.call")
        for action in actions(subprotocol) & set(vars(calls)) - {"BatterySwap", "Get15118EVCertificate"}:
            fields = camel_to_snake_case(example(request_schema(subprotocol, action), whole=subprotocol != "ocpp2.1"))
            sent = snake_to_camel_case(remove_nones(asdict(getattr(calls, action)(**fields))))
            assert violations(subprotocol, action, sent) == [], action

    @pytest.mark.parametrize("limit", ["0.1", "8.1", "16", "16.0", "29.7", "22000", "11000.3", "1e3", "-0.3"])
    def test_tenths(self, limit: str) -> None:
        """8.1 / 0.1 is 81.00000000000001."""
        assert violations("ocpp1.6", "SetChargingProfile", profile(limit)) == []

    @pytest.mark.parametrize("number", [2**31, 2**63, 2**64, 10**100, -(2**70)])
    def test_integers_of_any_length(self, number: int) -> None:
        assert violations("ocpp1.6", "RemoteStopTransaction", b'{"transactionId":%d}' % number) == []

    @pytest.mark.parametrize(
        ("measurand", "unit"), [("Temperature", "Celsius"), ("Temperature", "Celcius"), ("Frequency", "Hertz")]
    )
    def test_units_of_the_errata(self, measurand: str, unit: str) -> None:
        data = metered("50", measurand=measurand, unit=unit)["meterValue"]
        stop = {"meterStop": 1, "timestamp": TIME, "transactionId": 1, "transactionData": data}
        assert violations("ocpp1.6", "StopTransaction", stop) == []
        assert violations("ocpp1.6", "MeterValues", {"connectorId": 1, "meterValue": data}) == []

    def test_custom_data_holds_what_it_likes(self) -> None:
        request = {"customData": {"vendorId": "V", "anything": [{"at": "all"}]}}
        assert violations("ocpp2.0.1", "Heartbeat", request, {"currentTime": TIME}) == []

    def test_an_error_is_no_response_of_the_action(self) -> None:
        asked = observed("ocpp1.6", b'[2,"m","Reset",{"type":"Soft"}]', Source.CSMS, 1)
        answer = observed("ocpp1.6", b'[4,"m","InternalError","",{"any":1}]', Source.CHARGER, 2)
        assert enrich(Exchange(asked, answer, Outcome.ERROR, 2, True), 0).log.violations == []

    def test_a_version_without_schemas(self) -> None:
        assert violations("", "Foo", {"a": 1}) == violations("ocpp2.0", "Foo", {"a": 1}) == []


STATUS, METERED = "StatusNotification", "MeterValues"
METER = {"timestamp": TIME, "sampledValue": [{"value": "1"}]}


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("action", "request_payload", "expected"),
        [
            (STATUS, AVAILABLE | {"status": "Busy"}, "request.status: 'Busy' is none of Available, Preparing, Charging, "),
            (STATUS, AVAILABLE | {"status": None}, "request.status: expected text, got None"),
            (STATUS, AVAILABLE | {"connectorId": 1.5}, "request.connectorId: 1.5 is not a connector number"),
            (STATUS, AVAILABLE | {"info": "x" * 51}, "request.info: 51 characters, at most 50 allowed"),
            (STATUS, AVAILABLE | {"info": 7}, "request.info: expected text, got 7"),
            (STATUS, AVAILABLE | {"timestamp": "2026-11-24T10:03:49"}, "request.timestamp: without a time zone, taken as UTC"),
            (STATUS, AVAILABLE | {"timestamp": "x"}, "request.timestamp: 'x' is not a date and time"),
            (STATUS, AVAILABLE | {"evse": 1}, "request.evse: unknown field"),
            (STATUS, AVAILABLE | {"a: b\n": 1}, "request['a: b\\n']: unknown field"),
            (STATUS, {"connectorId": 1, "status": "Available"}, "request.errorCode: missing"),
            (METERED, metered("1", "2", 604.213), "request.meterValue[0].sampledValue[2].value: expected text, got 604.213"),
            (METERED, metered("1", phase="L4"), "request.meterValue[0].sampledValue[0].phase: 'L4' is none of L1, L2, L3, N, "),
            (METERED, metered(""), "request.meterValue[0].sampledValue[0].value: '' is not a number"),
            (METERED, metered(None), "request.meterValue[0].sampledValue[0].value: None is not a number"),
            (METERED, {"connectorId": 1, "meterValue": {}}, "request.meterValue: expected a list, got {}"),
            (METERED, {"connectorId": 1, "meterValue": []}, "request.meterValue: 0 items, at least 1 allowed"),
            (METERED, {"connectorId": 1, "meterValue": [{"timestamp": TIME}]}, "request.meterValue[0].sampledValue: missing"),
            (
                METERED,
                {"connectorId": 1, "meterValue": [METER | {"timestamp": None}]},
                "request.meterValue[0].timestamp: missing",
            ),
            ("SetChargingProfile", profile("6.25"), "limit: 6.25 is not a multiple of 0.1"),
            ("ChangeConfiguration", {"key": "k", "value": "x" * 501}, "request.value: 501 characters, at most 500 allowed"),
            ("UpdateFirmware", {"location": "a b", "retrieveDate": TIME}, "request.location: 'a b' is not a URI"),
            ("Heartbeat", {"x": 1}, "request.x: unknown field"),
            ("heartbeat", {}, "action: 'heartbeat' is not in OCPP 1.6"),
            ("TransactionEvent", {}, "action: 'TransactionEvent' is not in OCPP 1.6"),
            ("../../v201/schemas/Heartbeat", {}, "action: '../../v201/schemas/Heartbeat' is not in OCPP 1.6"),
            ("HeartbeatResponse", {}, "action: 'HeartbeatResponse' is not in OCPP 1.6"),
        ],
    )
    def test_of_16(self, action: str, request_payload: object, expected: str) -> None:
        [found] = violations("ocpp1.6", action, request_payload)
        assert expected in found

    @pytest.mark.parametrize("subprotocol", ["ocpp2.0.1", "ocpp2.1"])
    def test_a_payload_in_the_shape_of_16(self, subprotocol: str) -> None:
        assert sorted(violations(subprotocol, "StatusNotification", AVAILABLE | {"timestamp": TIME})) == [
            "request.connectorStatus: missing",
            "request.errorCode: unknown field",
            "request.evseId: missing",
            "request.status: unknown field",
        ]

    def test_in_what_an_object_refers_to(self) -> None:
        event = example(request_schema("ocpp2.1", "TransactionEvent"))
        event["transactionInfo"]["stoppedReason"] = "Bored"
        event["evse"] = {"id": -1}
        event["meterValue"] = [{"timestamp": TIME, "sampledValue": []}]
        assert [line[:70] for line in violations("ocpp2.1", "TransactionEvent", event)] == [
            "request.transactionInfo.stoppedReason: 'Bored' is none of DeAuthorized",
            "request.evse.id: -1 is less than 0",
            "request.meterValue[0].sampledValue: 0 items, at least 1 allowed",
        ]

    def test_more_than_allowed(self) -> None:
        request = example(request_schema("ocpp2.1", "SetChargingProfile"))
        schedules = request["chargingProfile"]["chargingSchedule"]
        schedules[0]["chargingSchedulePeriod"][0]["dischargeLimit"] = 7.5
        schedules *= 4
        assert "request.chargingProfile.chargingSchedule: 4 items, at most 3 allowed" in violations(
            "ocpp2.1", "SetChargingProfile", request
        )
        del schedules[1:]
        assert violations("ocpp2.1", "SetChargingProfile", request) == [
            "request.chargingProfile.chargingSchedule[0].chargingSchedulePeriod[0].dischargeLimit: 7.5 is more than 0"
        ]

    def test_a_response_is_compared_with_that_of_its_action(self) -> None:
        assert violations("ocpp1.6", "Heartbeat", {}, {"now": TIME}) == [
            "response.now: unknown field",
            "response.currentTime: missing",
        ]
        assert violations("ocpp1.6", "Reset", {"type": "Cold"}, {"status": "Ok"}) == [
            "request.type: 'Cold' is none of Hard, Soft",
            "response.status: 'Ok' is none of Accepted, Rejected",
        ]

    def test_a_response_that_nobody_asked_for_has_no_schema(self) -> None:
        answer = observed("ocpp1.6", b'[3,"m",{"a":1}]', Source.CHARGER, 2)
        assert enrich(Exchange(None, answer, Outcome.UNMATCHED, 2, True), 0).log.violations == []

    @pytest.mark.parametrize("payload", ["null", "[]", '"text"', "1"])
    def test_what_is_no_object_is_said_once(self, payload: str) -> None:
        assert violations("ocpp1.6", "BootNotification", payload.encode()) == [
            f"request payload: expected an object, got {payload}"
        ]

    def test_a_place_is_named_once(self) -> None:
        event = example(request_schema("ocpp2.0.1", "TransactionEvent"))
        event["evse"] = {"id": "one"}
        event["idToken"] = {"idToken": 4, "type": "Central"}
        event["transactionInfo"]["stoppedReason"] = 1
        paths = [line.partition(": ")[0] for line in violations("ocpp2.0.1", "TransactionEvent", event)]
        assert sorted(paths) == ["request.evse.id", "request.idToken.idToken", "request.transactionInfo.stoppedReason"]
        [found] = violations(
            "ocpp2.0.1", "Authorize", {"idToken": event["idToken"] | {"idToken": "4"}}, {"idTokenInfo": {"status": 1}}
        )
        assert found == "response.idTokenInfo.status: expected text, got 1"


class TestSecrets:
    SECRET = "correct-horse-battery"

    def test_no_violation_quotes_one(self) -> None:
        request = {"key": "AuthorizationKey", "value": self.SECRET, self.SECRET[:3]: 1, "password": {"a": self.SECRET}}
        found = violations("ocpp1.6", "ChangeConfiguration", request, {"status": self.SECRET})
        assert self.SECRET not in "".join(found)
        assert found == ["request.cor: unknown field", "request.password: unknown field"]

    def test_what_stood_there_may_have_been_right(self) -> None:
        connection = example(request_schema("ocpp2.0.1", "SetNetworkProfile"), whole=True)
        connection["connectionData"]["apn"] |= {"simPin": 1234, "apnPassword": self.SECRET}
        assert violations("ocpp2.0.1", "SetNetworkProfile", connection) == []


class TestBounds:
    def test_of_many_the_first_ten_are_listed(self) -> None:
        found = violations("ocpp1.6", "MeterValues", metered(*range(30)))
        assert found[0] == "request.meterValue[0].sampledValue[0].value: expected text, got 0"
        assert (len(found), found[-1]) == (11, "request: and 20 more")

    def test_of_many_that_have_no_value_too(self) -> None:
        found = violations("ocpp1.6", "MeterValues", metered(*[None] * 30))
        assert (len(found), found[-1]) == (11, "request: and 20 more")

    def test_of_very_many_nothing_is_said_where_the_first_is_known(self) -> None:
        found = violations("ocpp1.6", "MeterValues", metered(*[None] * 600))
        assert (len(found), found[-1]) == (11, "request: and 590 more")

    def test_of_a_payload_with_very_many_values_one_is_listed(self) -> None:
        keys = [{"key": f"k{number}", "readonly": "no"} for number in range(10_000)]
        assert violations("ocpp1.6", "GetConfiguration", {}, {"configurationKey": keys}) == [
            "response.configurationKey[0].readonly: expected true or false, got 'no'",
            "response: of a message this long only the first violation is listed",
        ]

    def test_a_line_is_short(self) -> None:
        long = {"x" * 100_000: 1, "status": "y" * 100_000, "errorCode": ["z"] * 200, "connectorId": {"w" * 100_000: 1}}
        found = violations("ocpp1.6", "StatusNotification", long)
        assert len(found) == 4
        assert max(map(len, found)) < 250

    @pytest.mark.parametrize(
        ("depth", "expected"),
        [(200, "request.customData: expected an object, got [[[["), (300, "request: not compared with its schema: Recursion")],
    )
    def test_depth(self, depth: int, expected: str) -> None:
        payload = b'{"customData":%s1%s}' % (b"[" * depth, b"]" * depth)
        [found] = violations("ocpp2.0.1", "ClearCache", payload)
        assert found.startswith(expected)


def test_all_are_there_at_start() -> None:
    schemas.load()
    for subprotocol in VERSIONS:
        found = schemas.of(subprotocol)
        assert found is not None
        assert set(found.requests) == actions(subprotocol)
        assert set(found.responses) >= actions(subprotocol) - {"NotifyPeriodicEventStream"}


def test_a_version_that_is_missing_is_noticed_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(schemas._FOLDERS, "ocpp3.0", "v30")
    with pytest.raises(OSError, match="v30"):
        schemas.load()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
PLACES = [(version, action) for version in VERSIONS for action in sorted(actions(version))]


@st.composite
def near_misses(draw: st.DrawFn) -> tuple[str, str, Any, Any]:
    """A whole, valid exchange in which some values are replaced by any others."""
    version, action = draw(st.sampled_from(PLACES))
    answer = response_schema(version, action) or {"type": "object"}
    payloads = [example(request_schema(version, action), whole=True), example(answer, whole=True)]
    for payload in payloads:
        for _ in range(draw(st.integers(0, 3))):
            _replace(draw, payload)
    return version, action, *payloads


def _replace(draw: st.DrawFn, value: Any) -> None:
    """One value somewhere below."""
    while isinstance(value, dict | list) and value:
        key: Any = draw(st.sampled_from(sorted(value))) if isinstance(value, dict) else draw(st.integers(0, len(value) - 1))
        if not isinstance(value[key], dict | list) or draw(st.booleans()):
            value[key] = draw(JSON)
            return
        value = value[key]


@given(near_misses())
def test_no_payload_makes_it_raise_or_long(exchange: tuple[str, str, Any, Any]) -> None:
    found = violations(*deepcopy(exchange))
    assert len(found) <= 40
    assert all(": " in line and len(line) < 400 for line in found)
    json.dumps(found)


@given(st.sampled_from(PLACES), JSON, JSON)
def test_neither_does_any_json(place: tuple[str, str], request: object, response: object) -> None:
    violations(*place, request, response)
