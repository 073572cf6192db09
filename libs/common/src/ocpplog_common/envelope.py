"""A frame and what is known of it, as one record of `ocpp.frames`: the only place that knows the record's headers.

Key: the charger id (UTF-8). Value: the frame, byte for byte; of a gap its `records.Gap`. Headers: the names of `Header`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class EnvelopeError(ValueError):
    """A record of `ocpp.frames` whose headers cannot be read: says which header and why."""


class Source(StrEnum):
    """Who sent a frame."""

    CHARGER = "charger"
    CSMS = "csms"

    @property
    def peer(self) -> Source:
        return Source.CSMS if self is Source.CHARGER else Source.CHARGER


class Opcode(StrEnum):
    """How the frame came over the WebSocket (RFC 6455 section 5.6); or that it stands for frames that were not recorded."""

    TEXT = "text"
    BINARY = "binary"
    GAP = "gap"
    """The value is a `records.Gap`; connection id, sequence and time are those of the first frame that is missing."""


class Header(StrEnum):
    SITE_ID = "site-id"
    SOURCE = "source"
    SUBPROTOCOL = "subprotocol"
    CONNECTION_ID = "connection-id"
    SEQUENCE = "sequence"
    RECEIVED_AT = "received-at-us"
    GATEWAY_ID = "gateway-id"
    OPCODE = "opcode"


def new_connection_id(now_us: int) -> str:
    """A UUIDv7 (RFC 9562 section 5.7) as 32 hex digits: a later connection has the greater id, as text too."""
    milliseconds = now_us // 1000
    value = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return f"{value:032x}"


@dataclass(frozen=True, slots=True)
class Envelope:
    """One frame as the gateway saw it.

    `connection_id` is of `new_connection_id`, new for each connection of a charger; `sequence` counts the frames of both
    directions on that connection from 1: the two together name a frame for good, whatever Kafka does with it.
    `received_at_us` is microseconds since 1970, UTC. `subprotocol` is empty where none was agreed.
    """

    charger_id: str
    site_id: str
    source: Source
    subprotocol: str
    connection_id: str
    sequence: int
    received_at_us: int
    gateway_id: str
    frame: bytes
    opcode: Opcode = Opcode.TEXT

    def key(self) -> bytes:
        return self.charger_id.encode()

    def headers(self) -> list[tuple[str, bytes]]:
        return [
            (Header.SITE_ID.value, self.site_id.encode()),
            (Header.SOURCE.value, self.source.encode()),
            (Header.SUBPROTOCOL.value, self.subprotocol.encode()),
            (Header.CONNECTION_ID.value, self.connection_id.encode()),
            (Header.SEQUENCE.value, b"%d" % self.sequence),
            (Header.RECEIVED_AT.value, b"%d" % self.received_at_us),
            (Header.GATEWAY_ID.value, self.gateway_id.encode()),
            (Header.OPCODE.value, self.opcode.encode()),
        ]

    @classmethod
    def from_record(cls, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]]) -> Envelope:
        """The envelope of a record. Raises `EnvelopeError` for a header that is missing or has no meaning."""
        found = dict(headers)
        try:
            return cls(
                charger_id=(key or b"").decode(),
                site_id=_text(found, Header.SITE_ID),
                source=Source(_text(found, Header.SOURCE)),
                subprotocol=_text(found, Header.SUBPROTOCOL),
                connection_id=_text(found, Header.CONNECTION_ID),
                sequence=_number(found, Header.SEQUENCE),
                received_at_us=_number(found, Header.RECEIVED_AT),
                gateway_id=_text(found, Header.GATEWAY_ID),
                frame=value or b"",
                opcode=Opcode(found.get(Header.OPCODE, b"text").decode()),
            )
        except EnvelopeError:
            raise
        except ValueError as error:
            raise EnvelopeError(f"record of ocpp.frames: {error}") from error


def _text(headers: dict[str, bytes], name: Header) -> str:
    try:
        return headers[name].decode()
    except KeyError:
        raise EnvelopeError(f"header {name}: missing") from None


def _number(headers: dict[str, bytes], name: Header) -> int:
    text = _text(headers, name)
    try:
        return int(text)
    except ValueError:
        raise EnvelopeError(f"header {name}: {text!r} is not a number") from None
