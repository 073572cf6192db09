"""What the frames of a partition come to: for each frame of the span, the row that it opens, or that it opens none. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ocpplog_common.envelope import Envelope, Opcode, Source
from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.pairing import Exchange, Outcome, Pairing
from ocpplog_enricher.domain.rows import RowId
from ocpplog_enricher.replay.span import Span


@dataclass(frozen=True, slots=True)
class Decision:
    """`exchange` is what the frame opens and the level admits; None: a row of this name has no business in the log."""

    envelope: Envelope
    exchange: Exchange | None

    @property
    def name(self) -> RowId:
        return self.envelope.connection_id, self.envelope.sequence

    @property
    def size(self) -> int:
        """Bytes of the frames that it holds."""
        answer = self.exchange.response if self.exchange and self.exchange.request else None
        return len(self.envelope.frame) + (len(answer.envelope.frame) if answer else 0)


@dataclass(slots=True)
class Copies:
    """Recognises a frame that stands on Kafka twice, however far apart: the pairing forgets after a while, and then takes a copy
    for a frame, whose row must not replace the true one.

    The frames of one sender on one connection come in the order of their sequence. Keeps one number a sender and connection.
    """

    _highest: dict[tuple[str, Source], int] = field(default_factory=dict)
    _gaps: set[RowId] = field(default_factory=set)

    def seen(self, envelope: Envelope) -> bool:
        """Whether this frame came before; remembers it."""
        if envelope.opcode is Opcode.GAP:
            name = envelope.connection_id, envelope.sequence
            known = name in self._gaps
            self._gaps.add(name)
            return known
        sender = envelope.connection_id, envelope.source
        if envelope.sequence <= self._highest.get(sender, 0):
            return True
        self._highest[sender] = envelope.sequence
        return False


@dataclass(slots=True)
class Decider:
    """Pairs the frames of one partition as the live enricher does."""

    pairing: Pairing
    span: Span
    _copies: Copies = field(default_factory=Copies)
    _copied: set[int] = field(default_factory=set)
    """Offsets of copies that are part of no exchange yet."""

    def observe(self, seen: Observed) -> list[Decision]:
        """What this frame decides, of itself and of frames before it."""
        if self._copies.seen(seen.envelope):
            self._copied.add(seen.offset)
        return list(self._decide(self.pairing.observe(seen)))

    def finish(self, last_offset: int) -> list[Decision]:
        """What is decided once there are no further frames: what waits has no answer, and the live enricher is done with it."""
        never_us = self.pairing.stream_time_us + self.pairing.timeout_us
        return list(self._decide(self.pairing.expire_quiet(never_us, last_offset)))

    def _decide(self, exchanges: Iterable[Exchange]) -> Iterator[Decision]:
        for exchange in exchanges:
            opens = exchange if exchange.admitted else None
            for place, frame in enumerate(frame for frame in (exchange.request, exchange.response) if frame):
                copied = frame.offset in self._copied
                self._copied.discard(frame.offset)
                if not copied and exchange.outcome is not Outcome.REPEATED and self.span.covers(frame.envelope):
                    yield Decision(frame.envelope, opens if place == 0 else None)
