"""A frame and what is known of it, as one record of `ocpp.frames`: the only place that knows the record's headers.

Key: the charger id (UTF-8). Value: the frame, byte for byte; of a gap its `records.Gap`. Headers: the names of `Header`.
"""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

_CONNECTION_ID: Final = re.compile(r"[0-9a-f]{32}")
_SEQUENCES: Final = range(2**32)
_TIMES: Final = range(2**53)
"""Microseconds: until the year 2255. What is outside no column can hold."""


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
    REGISTERED = "registered"
    """`no`: the charger is not in `ocpp.chargers`, and the site is the gateway's default. Absent for all others."""


_SOURCES = {source: (Header.SOURCE.value, source.encode()) for source in Source}
_SOURCE_OF = {source.encode(): source for source in Source}
_OPCODE_OF = {opcode.encode(): opcode for opcode in Opcode}
_OPCODES = {opcode: (Header.OPCODE.value, opcode.encode()) for opcode in Opcode}
_NOT_REGISTERED = (Header.REGISTERED.value, b"no")


_newest_id = (0, 0)
"""Millisecond and number of the last one."""


def new_connection_id(now_us: int) -> str:
    """A UUIDv7 (RFC 9562 section 5.7) as 32 hex digits: a later connection has the greater id, as text too.

    Within a millisecond a process counts (there, section 6.2, method 1: from a random number with room above it).
    """
    global _newest_id
    milliseconds = now_us // 1000
    number = secrets.randbits(11)
    if _newest_id[0] == milliseconds:
        number = min(_newest_id[1] + 1, (1 << 12) - 1)
    _newest_id = milliseconds, number
    value = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | number << 64 | 0b10 << 62 | secrets.randbits(62)
    return f"{value:032x}"


class Connection:
    """What the frames of one connection have in common, encoded once: a gateway writes it with every frame."""

    __slots__ = ("_constant", "charger_id", "connection_id", "gateway_id", "key", "site_id", "subprotocol")

    def __init__(
        self, charger_id: str, site_id: str, subprotocol: str, connection_id: str, gateway_id: str, registered: bool = True
    ) -> None:
        self.charger_id = charger_id
        self.site_id = site_id
        self.subprotocol = subprotocol
        self.connection_id = connection_id
        self.gateway_id = gateway_id
        self.key = charger_id.encode()
        """Of the records."""
        self._constant = (
            (Header.SITE_ID.value, site_id.encode()),
            (Header.SUBPROTOCOL.value, subprotocol.encode()),
            (Header.CONNECTION_ID.value, connection_id.encode()),
            (Header.GATEWAY_ID.value, gateway_id.encode()),
            *(() if registered else (_NOT_REGISTERED,)),
        )

    def headers(self, source: Source, opcode: Opcode, sequence: int, received_at_us: int) -> list[tuple[str, bytes]]:
        """The headers of one frame."""
        return [
            *self._constant,
            _SOURCES[source],
            _OPCODES[opcode],
            (Header.SEQUENCE.value, b"%d" % sequence),
            (Header.RECEIVED_AT.value, b"%d" % received_at_us),
        ]


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """One frame as the gateway saw it.

    `connection_id` is of `new_connection_id`, new for each connection of a charger; `sequence` counts the frames of both
    directions on that connection from 1: the two together name a frame for good, whatever Kafka does with it.
    `received_at_us` is microseconds since 1970, UTC. `subprotocol` is empty where none was agreed. `registered` says whether
    `ocpp.chargers` has the charger.
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
    registered: bool = True

    def key(self) -> bytes:
        return self.charger_id.encode()

    def headers(self) -> list[tuple[str, bytes]]:
        connection = Connection(
            self.charger_id, self.site_id, self.subprotocol, self.connection_id, self.gateway_id, self.registered
        )
        return connection.headers(self.source, self.opcode, self.sequence, self.received_at_us)

    @classmethod
    def from_record(cls, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]]) -> Envelope:
        """The envelope of a record. Raises `EnvelopeError` for a header that is missing or has no meaning."""
        found = dict(headers)
        try:
            charger_id, site_id, subprotocol, connection_id, gateway_id = _names(
                key or b"",
                found[Header.SITE_ID],
                found[Header.SUBPROTOCOL],
                found[Header.CONNECTION_ID],
                found[Header.GATEWAY_ID],
            )
            return cls(
                charger_id=charger_id,
                site_id=site_id,
                source=_source(found[Header.SOURCE]),
                subprotocol=subprotocol,
                connection_id=connection_id,
                sequence=_number(Header.SEQUENCE, found[Header.SEQUENCE], _SEQUENCES),
                received_at_us=_number(Header.RECEIVED_AT, found[Header.RECEIVED_AT], _TIMES),
                gateway_id=gateway_id,
                frame=value or b"",
                opcode=_opcode(found.get(Header.OPCODE, b"text")),
                registered=found.get(Header.REGISTERED) != _NOT_REGISTERED[1],
            )
        except EnvelopeError:
            raise
        except KeyError as missing:
            raise EnvelopeError(f"header {missing.args[0]}: missing") from None
        except ValueError as error:
            raise EnvelopeError(f"record of ocpp.frames: {error}") from error
        except (AttributeError, TypeError):
            # Kafka allows a header without a value, which is None.
            empty = ", ".join(name for name, value in found.items() if value is None)
            raise EnvelopeError(f"header {empty}: has no value") from None


@lru_cache(50_000)
def _names(charger: bytes, site: bytes, subprotocol: bytes, connection: bytes, gateway: bytes) -> tuple[str, str, str, str, str]:
    """Those of a charger, its site, its subprotocol, its connection and the gateway: they come again with every frame."""
    connection_id = connection.decode()
    if not _CONNECTION_ID.fullmatch(connection_id):
        raise EnvelopeError(f"header {Header.CONNECTION_ID}: {connection_id!r} is not 32 hex digits")
    # Shared: a charger has many connections, a site many chargers.
    charger_id, site_id, agreed, gateway_id = (sys.intern(name.decode()) for name in (charger, site, subprotocol, gateway))
    return charger_id, site_id, agreed, connection_id, gateway_id


def _source(text: bytes) -> Source:
    found = _SOURCE_OF.get(text)
    return Source(text.decode()) if found is None else found


def _opcode(text: bytes) -> Opcode:
    found = _OPCODE_OF.get(text)
    return Opcode(text.decode()) if found is None else found


def _number(name: Header, text: bytes, allowed: range) -> int:
    try:
        number = int(text)
    except ValueError:
        raise EnvelopeError(f"header {name}: {text!r} is not a number") from None
    if number not in allowed:
        raise EnvelopeError(f"header {name}: {number} is out of range")
    return number
