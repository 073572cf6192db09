"""OCPP-J frames."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplog_common.ocppj import Call, CallError, CallResult, Malformed, parse


class TestWellFormed:
    def test_call_keeps_the_payload_byte_for_byte(self) -> None:
        frame = parse(b' [2, "19223201" ,"Heartbeat", {"a" : 1.0e3,  "b":"\\u00e9"} ]')
        assert frame == Call("19223201", "Heartbeat", b'{"a" : 1.0e3,  "b":"\\u00e9"}')

    def test_callresult(self) -> None:
        assert parse(b'[3,"1",{"currentTime":"x"}]') == CallResult("1", b'{"currentTime":"x"}')

    def test_callerror(self) -> None:
        assert parse(b'[4,"1","NotImplemented","no",{}]') == CallError("1", "NotImplemented", "no", b"{}")

    def test_send_and_callresulterror_of_ocpp_21(self) -> None:
        assert parse(b'[6,"1","NotifyPeriodicEventStream",{}]') == Call("1", "NotifyPeriodicEventStream", b"{}", False)
        assert parse(b'[5,"1","FormatViolation","",{}]') == CallError("1", "FormatViolation", "", b"{}", of_result=True)


class TestOddButReadable:
    """What the field sends and what still says which exchange it belongs to."""

    @pytest.mark.parametrize(
        ("frame", "violation"),
        [
            (b'[2,"","Heartbeat",{}]', "message id: empty"),
            (b'[2,"' + b"x" * 37 + b'","Heartbeat",{}]', "message id: 37 characters, at most 36 allowed"),
            (b'[2,"1","Heartbeat",null]', "payload: expected an object, got null"),
            (b'[3,"1",[]]', "payload: expected an object, got []"),
            (b'[2,"1","Heartbeat",{},1]', "frame: CALL with 5 elements, expected 4"),
            (b'[4,"1","Error",""]', "frame: CALLERROR with 4 elements, expected 5"),
            (b'[4,"1",7,"",{}]', "errorCode: not a string"),
        ],
    )
    def test_noted(self, frame: bytes, violation: str) -> None:
        found = parse(frame)
        assert not isinstance(found, Malformed)
        assert violation in found.violations


class TestMalformed:
    @pytest.mark.parametrize(
        ("frame", "reason"),
        [
            (b"", "frame: not a JSON array"),
            (b'[2,"1","Boot', "frame: not a JSON array"),
            (b"{}", "frame: not a JSON array"),
            (b"\xff\xfe", "frame: not a JSON array"),
            (b"[" * 100_000, "frame: not a JSON array"),
            (b"[]", "frame: empty array"),
            (b'["2","1","Heartbeat",{}]', "message type"),
            (b'[2.5,"1","Heartbeat",{}]', "message type"),
            (b'[9,"1","Heartbeat",{}]', "message type: 9 is none of"),
            (b'[2,"1","Heartbeat"]', "frame: CALL with 3 elements"),
            (b'[3,"1"]', "frame: CALLRESULT with 2 elements"),
            (b'[4,"1"]', "frame: CALLERROR with 2 elements"),
            (b'[2,1,"Heartbeat",{}]', "message id: 1 is not a string"),
            (b'[2,"\\ud800","Heartbeat",{}]', "frame: not a JSON array"),
            (b'[2,"1",["Heartbeat"],{}]', "action"),
            (b'[2,"1","",{}]', "action: empty"),
        ],
    )
    def test_reason(self, frame: bytes, reason: str) -> None:
        found = parse(frame)
        assert isinstance(found, Malformed)
        assert found.reason.startswith(reason)


@given(st.binary(max_size=200))
def test_nothing_makes_it_raise(data: bytes) -> None:
    parse(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(JSON, max_size=7))
def test_no_array_makes_it_raise(elements: list[object]) -> None:
    parse(msgspec.json.encode(elements))


@given(st.text(min_size=1, max_size=36), st.text(min_size=1), st.dictionaries(st.text(), JSON, max_size=3))
def test_what_is_written_is_read(message_id: str, action: str, payload: dict[str, object]) -> None:
    found = parse(msgspec.json.encode([2, message_id, action, payload]))
    assert found == Call(message_id, action, msgspec.json.encode(payload))
