"""As little of WebSocket (RFC 6455) and OCPP-J as a load needs: short, unfragmented frames. No I/O.

The ends of a benchmark have to be light: what they take, the relay under test does not get.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

TEXT: Final = 1
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10
_FINAL: Final = 0x80
_MASKED: Final = 0x80
_ACCEPT_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY: Final = b"AAAAAAAAAAAAAAAAAAAAAA=="
"""The same for every handshake: nothing here is kept secret."""
_ID_BEGINS, _ID_ENDS = 4, 14
"""Where the message id stands in `[2,"0000000001",...`: ten digits."""


class WireError(Exception):
    """What came is not what a relay may make of what was sent."""


class Message(NamedTuple):
    """A frame as received; `mask` is empty where it is not masked."""

    opcode: int
    mask: bytes
    payload: bytes

    def data(self) -> bytes:
        """The payload, unmasked."""
        return unmask(self.payload, self.mask) if self.mask else self.payload


class Reader:
    """Frames out of a stream of bytes that is cut anywhere."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Message]:
        """What is complete with `data`. Raises WireError for fragments and reserved bits."""
        if self._rest:
            data = self._rest + data
        found: list[Message] = []
        position, end = 0, len(data)
        while end - position >= 2:
            first, second = data[position], data[position + 1]
            if not first & _FINAL or first & 0x70:
                raise WireError(f"a frame that begins with {first:#x}")
            begins, length = _length(data, position + 2, second & 0x7F)
            masked = second & _MASKED
            stop = begins + length + (4 if masked else 0)
            if stop > end:
                break
            mask = data[begins : begins + 4] if masked else b""
            found.append(Message(first & 0x0F, mask, data[stop - length : stop]))
            position = stop
        self._rest = data[position:]
        return found


def _length(data: bytes, at: int, short: int) -> tuple[int, int]:
    """Where the mask or the payload begins, and the payload's length; far away where the length itself is not there yet."""
    if short < 126:
        return at, short
    size = 2 if short == 126 else 8
    if at + size > len(data):
        return len(data) + 1, 0
    return at + size, int.from_bytes(data[at : at + size], "big")


def unmask(payload: bytes, mask: bytes) -> bytes:
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")).to_bytes(length, "little")


def header(opcode: int, length: int, masked: bool) -> bytes:
    """What stands before a payload. The masking key is zero: to whoever receives it, it is as much work as any other."""
    flag = _MASKED if masked else 0
    if length < 126:
        begin = bytes((_FINAL | opcode, flag | length))
    elif length < 1 << 16:
        begin = struct.pack(">BBH", _FINAL | opcode, flag | 126, length)
    else:
        begin = struct.pack(">BBQ", _FINAL | opcode, flag | 127, length)
    return begin + bytes(4) if masked else begin


def frame(opcode: int, payload: bytes, masked: bool) -> bytes:
    return header(opcode, len(payload), masked) + payload


@dataclass(frozen=True, slots=True)
class Template:
    """A message as a masked or unmasked text frame, but for its id: `before` + ten digits + `after`."""

    before: bytes
    after: bytes

    @classmethod
    def of(cls, message_type: int, rest: str, masked: bool) -> Template:
        """`rest` is what follows the message id, such as `,"Heartbeat",{}]`."""
        begin, after = b'[%d,"' % message_type, b'"' + rest.encode()
        return cls(header(TEXT, len(begin) + 10 + len(after), masked) + begin, after)

    def with_id(self, message_id: bytes) -> bytes:
        return self.before + message_id + self.after


def message_id(data: bytes) -> bytes:
    """Of an unmasked CALL or CALLRESULT of this load."""
    return data[_ID_BEGINS:_ID_ENDS]


def accept_of(key: bytes) -> bytes:
    """`Sec-WebSocket-Accept` (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _ACCEPT_GUID, usedforsecurity=False).digest())


_ACCEPT: Final = accept_of(_KEY)


def upgrade_request(path: str, user: str, password: str) -> bytes:
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    lines = (
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {_KEY.decode()}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: ocpp1.6",
        f"Authorization: Basic {credentials}",
    )
    return "\r\n".join((*lines, "", "")).encode()


def check_upgrade_response(head: bytes) -> None:
    """Raises WireError unless it accepts `upgrade_request`, without extensions."""
    fields = _fields(head)
    status = head.partition(b"\r\n")[0]
    right = fields.get(b"sec-websocket-accept") == _ACCEPT and fields.get(b"sec-websocket-protocol") == b"ocpp1.6"
    if not status.startswith(b"HTTP/1.1 101 ") or not right or b"sec-websocket-extensions" in fields:
        raise WireError(f"refused: {status.decode('latin-1')}")


def upgrade_response(head: bytes) -> bytes:
    """Accepts any handshake, as OCPP 1.6. Raises WireError for what is none."""
    key = _fields(head).get(b"sec-websocket-key")
    if key is None:
        raise WireError("no handshake")
    lines = (
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept_of(key),
        b"Sec-WebSocket-Protocol: ocpp1.6",
    )
    return b"\r\n".join((*lines, b"", b""))


def _fields(head: bytes) -> dict[bytes, bytes]:
    pairs = (line.partition(b":") for line in head.split(b"\r\n")[1:] if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
