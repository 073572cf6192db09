"""What the enricher holds of one partition while it is assigned: open requests, and frames not yet done with. No I/O."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.pairing import Exchange, Outcome, Pairing

_ANY_TIME: Final = (Outcome.TIMEOUT, Outcome.LOST, Outcome.SUPERSEDED)
"""How a request may end that timed out by the clock for whoever had the partition before: its row was stored then, and not
where the stream has it."""


@dataclass(slots=True)
class Partition:
    """One partition in one generation of the consumer group, opened when its end was `opened_end`.

    Whoever had the partition before wrote nothing after losing it, and so saw no frame from there on.

    `fresh_rows` counts the rows written since one was last found stored before: once it reaches `suspect_rows`, the size of
    the largest write, nothing further on can have been stored, because rows are stored in the order of their closing frames.
    """

    number: int
    generation: int
    pairing: Pairing
    first_offset: int
    suspect_rows: int
    opened_end: int
    next_offset: int = 0
    fresh_rows: int = 0
    _held: OrderedDict[int, None] = field(default_factory=OrderedDict)
    """Offsets of the frames that are needed still, ascending. Ordered by links: the first of a dict is slow to find once many
    before it have gone."""
    _late: set[int] = field(default_factory=set)

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
        return self.pairing.observe(seen)

    def skip(self, offset: int) -> None:
        """Take a record that is no frame (it went to the dead letters)."""
        self.next_offset = max(self.next_offset, offset + 1)

    def complete(self, exchanges: Iterable[Exchange]) -> None:
        """These exchanges are stored, or not wanted: their frames need not be read again."""
        for exchange in exchanges:
            for offset in exchange.offsets():
                self._held.pop(offset, None)
                self._late.discard(offset)

    def suspects(self, exchanges: Iterable[Exchange]) -> bool:
        """Whether rows of these exchanges, the next to be written, may be stored already: by whoever had the partition before,
        or because a frame is a copy, of one so far back that the pairing has forgotten it."""
        in_order = self.opened_end if self.fresh_rows < self.suspect_rows else self.first_offset

        def may_be_stored(exchange: Exchange) -> bool:
            offset = exchange.first.offset
            return offset < (self.opened_end if exchange.outcome in _ANY_TIME else in_order) or offset in self._late

        return any(map(may_be_stored, exchanges))

    def wrote(self, rows: int, stored_before: bool) -> None:
        self.fresh_rows = 0 if stored_before else self.fresh_rows + rows
