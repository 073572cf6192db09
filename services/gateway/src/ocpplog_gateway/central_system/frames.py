"""The head of a frame as it was sent, and the frames that answer it.

`ocppj` reads well-formed frames. This reads message type and message id alone, so that a broken frame can be told off under its
own message id, and so that an answer repeats the message id byte for byte, escapes included.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

_HEAD: Final = re.compile(
    rb'\s*\[\s*"?(?P<kind>[^\s,"\[\]{}]*)"?'
    rb'(?:\s*,\s*(?P<id>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"))?'
)
_NOT_TO_ANSWER: Final = frozenset((b"3", b"4", b"5", b"6"))
"""CALLRESULT, CALLERROR, CALLRESULTERROR and SEND (OCPP 2.1 part 4 section 4.1)."""
_MAX_DESCRIPTION: Final = 255
"""Characters of errorDescription (OCPP-J 1.6 section 4.2.3, OCPP 2.0.1 part 4 section 4.2.3)."""


@dataclass(frozen=True, slots=True)
class Head:
    """`kind`: digits of the message type; `message_id`: its JSON string, with the quotes. Empty: could not be read."""

    kind: bytes
    message_id: bytes

    @property
    def wants_answer(self) -> bool:
        return self.kind not in _NOT_TO_ANSWER


def read_head(frame: bytes) -> Head:
    """Message type and message id of a frame, as far as they can be read, whatever follows them. Never raises."""
    found = _HEAD.match(frame)
    if not found:
        return Head(b"", b"")
    # Some write 3 as "3" or 3.0: no message type, but still meant as an answer.
    return Head(found["kind"].partition(b".")[0], _utf8(found["id"] or b""))


def result(message_id: bytes, payload: dict[str, Any]) -> bytes:
    """A CALLRESULT. Without blanks: there are chargers that choke on them."""
    return b"[3,%b,%b]" % (message_id, msgspec.json.encode(payload))


def error(message_id: bytes, code: str, description: str) -> bytes:
    """A CALLERROR without details."""
    return b"[4,%b,%b,{}]" % (message_id, msgspec.json.encode([code, description[:_MAX_DESCRIPTION]])[1:-1])


def _utf8(text: bytes) -> bytes:
    try:
        text.decode()
    except UnicodeDecodeError:
        return b""
    return text
