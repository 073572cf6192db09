"""From the bytes of frames to rows, on the way that the enricher takes them."""

from __future__ import annotations

from typing import Final

from ocpplog_common import ocppj
from ocpplog_common.envelope import Envelope, Opcode, Source
from ocpplog_enricher.domain.fields import enrich
from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.pairing import Exchange, Pairing
from ocpplog_enricher.domain.rows import Enriched

START_US: Final = 1_795_480_794_403_123
"""2026-11-24 00:39:54.403123 UTC, when the first frame passes; each later one comes a second after the one before."""
_TIMEOUT_US: Final = 60_000_000
Sent = bytes | tuple[Source, bytes]
"""A frame, from the charger unless it says otherwise."""


def exchanges(*frames: Sent, subprotocol: str = "ocpp1.6", binary: bool = False) -> list[Exchange]:
    """What becomes of the frames of one connection, in the order in which exchanges end; what is open ends as a timeout."""
    pairing = Pairing(lambda *_: True, _TIMEOUT_US)
    found = []
    for number, sent in enumerate(frames):
        source, frame = sent if isinstance(sent, tuple) else (Source.CHARGER, sent)
        opcode = Opcode.BINARY if binary else Opcode.TEXT
        at_us = START_US + number * 1_000_000
        envelope = Envelope("CP1", "site", source, subprotocol, "a" * 32, number + 1, at_us, "gw", frame, opcode)
        found += pairing.observe(Observed(envelope, ocppj.parse(frame), number))
    return found + pairing.expire_quiet(START_US + 1_000_000 * len(frames) + 2 * _TIMEOUT_US, len(frames))


def rows(*frames: Sent, subprotocol: str = "ocpp1.6", binary: bool = False) -> list[Enriched]:
    return [enrich(exchange, 0) for exchange in exchanges(*frames, subprotocol=subprotocol, binary=binary)]


def row(*frames: Sent, subprotocol: str = "ocpp1.6", binary: bool = False) -> Enriched:
    """Of frames that are one exchange."""
    [found] = rows(*frames, subprotocol=subprotocol, binary=binary)
    return found
