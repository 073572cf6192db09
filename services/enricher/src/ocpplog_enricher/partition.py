"""What the enricher holds of one partition while it is assigned: open requests, and frames not yet acknowledged. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.pairing import Exchange, Pairing

_Event = TypeVar("_Event")
_GRACE_US = 60_000_000
"""Frames that passed the gateway this long after a partition was opened were not seen by whoever had it before."""


@dataclass(slots=True)
class Partition(Generic[_Event]):
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
    # All three hold no more than the frames that are not acknowledged.
    _waiting: deque[tuple[int, _Event]] = field(default_factory=deque)
    _done: set[int] = field(default_factory=set)
    _late: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.next_offset = self.first_offset

    def __len__(self) -> int:
        """Frames that are not acknowledged. No more than `pairing.limits.frames`, and those in hand."""
        return len(self._waiting)

    def accept(self, seen: Observed, event: _Event) -> list[Exchange]:
        """Take the next frame; a frame that was taken before in this generation changes nothing."""
        if not self._hold(seen.offset, event):
            return []
        if self.pairing.is_late(seen):
            self._late.add(seen.offset)
        return self.pairing.observe(seen)

    def skip(self, offset: int, event: _Event) -> None:
        """Take a record that is no frame (it went to the dead letters)."""
        if self._hold(offset, event):
            self._done.add(offset)

    def _hold(self, offset: int, event: _Event) -> bool:
        if offset < self.next_offset:
            return False
        self.next_offset = offset + 1
        self._waiting.append((offset, event))
        return True

    def complete(self, exchanges: Iterable[Exchange]) -> None:
        """These exchanges are stored, or not wanted: their frames need not be read again."""
        for exchange in exchanges:
            self._done.update(offset for offset in exchange.offsets() if offset >= self.first_offset)
            self._late.difference_update(exchange.offsets())

    def acknowledge(self) -> list[_Event]:
        """The events that may be acknowledged now: in the order of the stream, up to the first frame still in use.

        In order because Faust's own accounting loses the frame at the committed offset when the one after it is
        acknowledged first.
        """
        ready = []
        while self._waiting and self._waiting[0][0] in self._done:
            offset, event = self._waiting.popleft()
            self._done.discard(offset)
            ready.append(event)
        return ready

    def suspects(self, exchanges: Iterable[Exchange]) -> bool:
        """Whether rows of these exchanges may be stored already: by whoever had the partition before, or because a frame is a
        copy, of one so far back that the pairing has forgotten it."""
        live = self.pairing.stream_time_us > self.opened_us + _GRACE_US
        if self.fresh_rows <= self.suspect_rows and not live:
            return True
        firsts = (exchange.first.offset for exchange in exchanges)
        return any(offset < self.first_offset or offset in self._late for offset in firsts)

    def wrote(self, rows: int, stored_before: bool) -> None:
        self.fresh_rows = 0 if stored_before else self.fresh_rows + rows
