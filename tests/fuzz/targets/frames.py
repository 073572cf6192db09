"""OCPP-J frames, as bytes. A parsed frame says no more and no less than its bytes, as a slow reader of JSON finds them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

import msgspec

from fuzz.corpora import frames
from ocpplog_common import ocppj
from ocpplog_common.ocppj import Call, CallError, CallResult, Malformed, MessageType

WORDS = (b'[2,"1","Heartbeat",{}]', b'[3,"1",{}]', b'[4,"1","GenericError","",{}]', b'[5,"', b'[6,"', b"\\u0022", b"\xef\xbb\xbf")


def seeds() -> Iterable[bytes]:
    return frames()


def check(data: bytes) -> None:
    frame = ocppj.parse(data)
    parts = _read(data)
    if isinstance(frame, Malformed):
        assert 0 < len(frame.reason) < 250, frame.reason
        assert parts is None or not _is_frame(parts), (frame.reason, parts)
        return
    _is_what_was_sent(frame, data, parts)
    again = ocppj.parse(_made(frame))
    assert msgspec.structs.replace(again, violations=frame.violations) == frame


def _is_what_was_sent(frame: Call | CallResult | CallError, data: bytes, parts: list[object] | None) -> None:
    payload = frame.details if isinstance(frame, CallError) else frame.payload
    assert payload in data or (isinstance(frame, CallError) and payload == b"{}")
    if parts is None:
        return
    assert _is_frame(parts), parts
    assert frame.message_id == parts[1]
    if isinstance(frame, Call):
        assert (frame.action, frame.expects_answer) == (parts[2], parts[0] == MessageType.CALL)
    place = {Call: 3, CallResult: 2, CallError: 4}[type(frame)]
    assert place >= len(parts) or json.loads(payload) == parts[place] or parts[place] != parts[place]
    assert any("expected an object" in text for text in frame.violations) is not isinstance(json.loads(payload), dict)


def _made(frame: Call | CallResult | CallError) -> bytes:
    name = msgspec.json.encode(frame.message_id)
    match frame:
        case Call():
            kind, said = 2 if frame.expects_answer else 6, [msgspec.json.encode(frame.action), frame.payload]
        case CallResult():
            kind, said = 3, [frame.payload]
        case CallError():
            texts = [msgspec.json.encode(frame.code), msgspec.json.encode(frame.description)]
            kind, said = 5 if frame.of_result else 4, [*texts, frame.details]
    return b"[%d,%b]" % (kind, b",".join([name, *said]))


def _read(data: bytes) -> list[object] | None:
    """By the standard library, which is slower and takes more; None where it cannot tell."""
    try:
        found = json.loads(data.decode(), parse_constant=_refuse, parse_float=float)
        msgspec.json.encode(found)
    except (ValueError, RecursionError, OverflowError):
        return None
    return found if isinstance(found, list) else None


def _refuse(name: str) -> float:
    raise ValueError(name)


def _is_frame(parts: list[object]) -> bool:
    """OCPP-J's own words, with what is forgiven: errors without details, and more than is needed. 2.0 is no message type."""
    least = {2: 4, 3: 3, 4: 3, 5: 3, 6: 4}
    if not parts or type(parts[0]) is not int or len(parts) < least.get(parts[0], sys.maxsize):
        return False
    if not isinstance(parts[1], str):
        return False
    return parts[0] not in (2, 6) or (isinstance(parts[2], str) and bool(parts[2]))


sys.set_int_max_str_digits(100_000)
