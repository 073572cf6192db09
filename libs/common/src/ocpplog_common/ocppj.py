"""OCPP-J frames: parse and classify, without I/O.

A frame is a JSON array whose first element is the message type (OCPP-J 1.6 section 4.2, OCPP 2.0.1 part 4 section 4.2,
OCPP 2.1 part 4 section 4.2): CALL [2, id, action, payload], CALLRESULT [3, id, payload], CALLERROR [4, id, code,
description, details]; 2.1 adds CALLRESULTERROR [5, ...] and SEND [6, id, action, payload].

Payloads are never parsed here: they stay the slice of the frame that carried them, so that what is stored is what was sent.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import msgspec


class MessageType(IntEnum):
    """First element of a frame."""

    CALL = 2
    CALLRESULT = 3
    CALLERROR = 4
    CALLRESULTERROR = 5
    SEND = 6


class Call(msgspec.Struct, frozen=True, gc=False):
    """A request. `expects_answer` is false for SEND, which OCPP 2.1 leaves without a response."""

    message_id: str
    action: str
    payload: bytes
    expects_answer: bool = True
    violations: tuple[str, ...] = ()


class CallResult(msgspec.Struct, frozen=True, gc=False):
    message_id: str
    payload: bytes
    violations: tuple[str, ...] = ()


class CallError(msgspec.Struct, frozen=True, gc=False):
    """CALLERROR, and CALLRESULTERROR of 2.1 (`of_result` is true), which answers a CALLRESULT."""

    message_id: str
    code: str
    description: str
    details: bytes
    of_result: bool = False
    violations: tuple[str, ...] = ()


class Malformed(msgspec.Struct, frozen=True, gc=False):
    """Not OCPP-J. `reason` says which part of the frame is wrong and why."""

    reason: str


Frame = Call | CallResult | CallError | Malformed

_ARRAY: Final = msgspec.json.Decoder(list[msgspec.Raw])
_TYPE: Final = msgspec.json.Decoder(int)
_TEXT: Final = msgspec.json.Decoder(str)
_LENGTH: Final = {
    MessageType.CALL: 4,
    MessageType.CALLRESULT: 3,
    MessageType.CALLERROR: 5,
    MessageType.CALLRESULTERROR: 5,
    MessageType.SEND: 4,
}
_FEWEST: Final = _LENGTH | {MessageType.CALLERROR: 3, MessageType.CALLRESULTERROR: 3}
"""Errors without description or details still say what they answer."""
MAX_MESSAGE_ID: Final = 36
"""Longest message id the standard allows (OCPP-J 1.6 section 4.1.4)."""


def parse(data: bytes) -> Frame:
    """The frame in `data`, one WebSocket message. Never raises: what is not OCPP-J comes back as `Malformed`."""
    try:
        parts = _ARRAY.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return Malformed(f"frame: not a JSON array: {error}")
    if not parts:
        return Malformed("frame: empty array")
    try:
        kind = MessageType(_TYPE.decode(parts[0]))
    except (msgspec.DecodeError, ValueError):
        return Malformed(f"message type: {_excerpt(parts[0])} is none of 2, 3, 4, 5, 6")
    if len(parts) < _FEWEST[kind]:
        return Malformed(f"frame: {kind.name} with {len(parts)} elements, expected {_LENGTH[kind]}")
    try:
        message_id = _TEXT.decode(parts[1])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Malformed(f"message id: {_excerpt(parts[1])} is not a string")
    violations = _shape_violations(kind, parts, message_id)
    match kind:
        case MessageType.CALL | MessageType.SEND:
            return _call(kind, message_id, parts, violations)
        case MessageType.CALLRESULT:
            payload = bytes(parts[2])
            return CallResult(message_id, payload, violations + _object_violation("payload", payload))
        case _:
            return _call_error(kind, message_id, parts, violations)


def _call(kind: MessageType, message_id: str, parts: list[msgspec.Raw], violations: tuple[str, ...]) -> Frame:
    try:
        action = _TEXT.decode(parts[2])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Malformed(f"action: {_excerpt(parts[2])} is not a string")
    if not action:
        return Malformed("action: empty")
    payload = bytes(parts[3])
    found = violations + _object_violation("payload", payload)
    return Call(message_id, action, payload, kind is MessageType.CALL, found)


def _call_error(kind: MessageType, message_id: str, parts: list[msgspec.Raw], violations: tuple[str, ...]) -> CallError:
    code, code_wrong = _lenient_text("errorCode", parts, 2)
    description, description_wrong = _lenient_text("errorDescription", parts, 3)
    details = bytes(parts[4]) if len(parts) > 4 else b"{}"
    found = violations + code_wrong + description_wrong + _object_violation("errorDetails", details)
    return CallError(message_id, code, description, details, kind is MessageType.CALLRESULTERROR, found)


def _lenient_text(name: str, parts: list[msgspec.Raw], index: int) -> tuple[str, tuple[str, ...]]:
    """A text element of an error; what is no text is kept as it was sent, and noted."""
    if index >= len(parts):
        return "", ()
    try:
        return _TEXT.decode(parts[index]), ()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _excerpt(parts[index]), (f"{name}: not a string",)


def _shape_violations(kind: MessageType, parts: list[msgspec.Raw], message_id: str) -> tuple[str, ...]:
    found = []
    if len(parts) != _LENGTH[kind]:
        found.append(f"frame: {kind.name} with {len(parts)} elements, expected {_LENGTH[kind]}")
    if not message_id:
        found.append("message id: empty")
    elif len(message_id) > MAX_MESSAGE_ID:
        found.append(f"message id: {len(message_id)} characters, at most {MAX_MESSAGE_ID} allowed")
    return tuple(found)


def _object_violation(name: str, payload: bytes) -> tuple[str, ...]:
    return () if payload.lstrip()[:1] == b"{" else (f"{name}: expected an object, got {_excerpt(payload)}",)


def _excerpt(raw: bytes | msgspec.Raw, length: int = 40) -> str:
    text = bytes(raw).decode("utf-8", "backslashreplace").strip()
    return text if len(text) <= length else text[:length] + "…"
