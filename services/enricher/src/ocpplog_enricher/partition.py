"""What the enricher holds of one partition while it is assigned: open requests, and frames not yet done with. No I/O."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.pairing import Exchange, Pairing

_GRACE_US = 60_000_000
"""Frames that passed the gateway this long after a partition was opened were not seen by whoever had it before."""


@dataclass(slots=True)
class Partition:
    """One partition in one generation of the consumer group, opened at `opened_us`.

    `fresh_rows` counts the rows written since one was last found stored before: once it is over `suspect_rows`, the size of
    the largest write, nothing further on can have been stored, because rows are stored in the order of their closing frames.
    """

    number: int
    generation: int
    pairing: Pairing
    first_offset: int
    suspect_rows: int
    opened_us: int
    next_offset: int = 0
    fresh_rows: int = 0
    _held: OrderedDict[int, None] = field(default_factory=OrderedDict)
    """Offsets of the frames that are needed still, ascending. Ordered by links: the first of a dict is slow to find once many
    before it have gone."""
    _late: set[int] = field(default_factory=set)
    _live_from: int | None = None
    """Offset of the first frame that is newer than the assignment by the grace."""

    def __post_init__(self) -> None:
        self.next_offset = self.first_offset

    @property
    def finished(self) -> int:
        """All frames before this offset are done with: it may be committed."""
        return next(iter(self._held), self.next_offset)

    @property
    def behind(self) -> int:
        """Frames taken that may not be acknowledged yet."""
        return self.next_offset - self.finished

    def accept(self, seen: Observed) -> list[Exchange]:
        """Take the next frame; a frame that was taken before in this generation changes nothing."""
        if seen.offset < self.next_offset:
            return []
        self.next_offset = seen.offset + 1
        self._held[seen.offset] = None
        if self.pairing.is_late(seen):
            self._late.add(seen.offset)
        ended = self.pairing.observe(seen)
        if self._live_from is None and self.pairing.stream_time_us > self.opened_us + _GRACE_US:
            self._live_from = seen.offset
        return ended

    def skip(self, offset: int) -> None:
        """Take a record that is no frame (it went to the dead letters)."""
        self.next_offset = max(self.next_offset, offset + 1)

    def complete(self, exchanges: Iterable[Exchange]) -> None:
        """These exchanges are stored, or not wanted: their frames need not be read again."""
        for exchange in exchanges:
            for offset in exchange.offsets():
                self._held.pop(offset, None)
                self._late.discard(offset)

    def suspects(self, exchanges: Sequence[Exchange]) -> bool:
        """Whether rows of these exchanges, the next to be written, may be stored already: by whoever had the partition before,
        or because a frame is a copy, of one so far back that the pairing has forgotten it."""
        live = self._live_from is not None and all(exchange.closed_offset >= self._live_from for exchange in exchanges)
        if self.fresh_rows <= self.suspect_rows and not live:
            return True
        firsts = (exchange.first.offset for exchange in exchanges)
        return any(offset < self.first_offset or offset in self._late for offset in firsts)

    def wrote(self, rows: int, stored_before: bool) -> None:
        self.fresh_rows = 0 if stored_before else self.fresh_rows + rows
