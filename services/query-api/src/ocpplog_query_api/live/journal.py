"""Which inserts have become visible, in the order in which they were noticed. Pure: values in, values out.

An insert's rows have one `stored_at`, of the moment when ClickHouse began with it, and one Kafka partition: the two name it. It
becomes visible later, all at once, and of several inserts in any order. So each look goes back to OVERLAP before the last one,
and leaves out what is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ocpplog_query_api.live.sites import Sites

OVERLAP_MS: Final = 15_000
"""How much later than its `stored_at` an insert may become visible: the time of an fsync, and of a replica that lags."""
ID_AGE_MS: Final = 20_000
"""How old a client's last id may be: the longest silence that can be set (OCPPLOG_API_TAIL_PING_S), and a look or two."""
KEEP_MS: Final = 600_000 + OVERLAP_MS + ID_AGE_MS
"""How far back a client can resume: 10 minutes, and OVERLAP_MS before where its last id was."""
KEEP_MOST: Final = 64_000
"""Inserts that are kept, at most, which is 100 a second. Of 320 bytes each, whatever their sites: 20 MiB of a process."""
SITES_MOST: Final = 64
"""Sites of an insert that a look names: of more, none is. Twelve partitions, written by turns, have 33 each of 400 sites."""
NAMED_MS: Final = 60_000
"""Of how long ago a look names sites at all: the first one is over KEEP_MS, and would be tens of megabytes."""


@dataclass(frozen=True, slots=True)
class Insert:
    """`stored_ms`: milliseconds since 1970, by ClickHouse's clock; `entries`: how many of the log."""

    stored_ms: int
    partition: int
    entries: int

    @property
    def name(self) -> int:
        """As `query.NAME` makes it of a row."""
        return self.stored_ms * 65_536 + self.partition


@dataclass(frozen=True, slots=True)
class Found:
    """What a look finds: an insert, with entries of these sites, or, where none is named, of any."""

    insert: Insert
    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class News:
    """An insert, with its number in the journal. `at_ms`: what was stored OVERLAP_MS before has a lower number; `sites`: as
    `Sites` has them."""

    number: int
    at_ms: int
    insert: Insert
    sites: int


class Journal:
    """The inserts of the last KEEP_MS. Numbers go up by one and are never used again."""

    def __init__(self) -> None:
        self._news: list[News] = []
        self._known: dict[int, int] = {}
        self._sites = Sites()
        self._looked_ms = 0
        self._covers_ms = 0
        self.end = 0
        """The number that the next insert will have."""

    @property
    def start(self) -> int:
        """The number of the oldest insert that is there, or `end`."""
        return self._news[0].number if self._news else self.end

    @property
    def looked_ms(self) -> int:
        """The moment of the last look, by ClickHouse's clock; 0: none yet."""
        return self._looked_ms

    @property
    def since_ms(self) -> int:
        """From which `stored_at` on the next look has to find everything."""
        return max(0, self._looked_ms - OVERLAP_MS)

    def note(self, looked_ms: int, found: Iterable[Found]) -> None:
        """What a look found from `since_ms` on, or the KEEP_MOST newest of it, or that of the last KEEP_MS."""
        ordered = sorted(found, key=lambda one: one.insert.name)
        from_ms = ordered[0].insert.stored_ms + 1 if len(ordered) >= KEEP_MOST else looked_ms - KEEP_MS
        if from_ms > self.since_ms:
            self._begin_again(from_ms)
        for one in ordered:
            insert = one.insert
            if insert.entries > self._known.get(insert.name, 0):
                at_ms = min(insert.stored_ms, looked_ms)
                self._news.append(News(self.end, at_ms, insert, self._sites.named(one.sites)))
                self._known[insert.name] = insert.entries
                self.end += 1
        self._looked_ms = max(looked_ms, self._looked_ms)
        self._trim()

    def after(self, number: int, sites: frozenset[str] | None, most: int | None = None) -> list[News]:
        """From that number on, the first `most` (None: all) that may have entries of one of the sites (None: any)."""
        places = range(max(0, number - self.start), len(self._news))
        news = (self._news[place] for place in places)
        wanted = self._sites.wanted(sites)
        return list(islice((one for one in news if one.sites & wanted), most))

    def resume(self, at_ms: int) -> int | None:
        """The number to go on from for who has what was stored OVERLAP_MS before `at_ms` and earlier; None: too long ago."""
        from_ms = at_ms - OVERLAP_MS
        if from_ms < self._covers_ms:
            return None
        return next((one.number for one in self._news if one.insert.stored_ms >= from_ms), self.end)

    def _begin_again(self, from_ms: int) -> None:
        """Something may be missing between two looks. Who stands before it cannot go on: a number without an insert says so."""
        self._news.clear()
        self._covers_ms = from_ms
        self.end += 1

    def _trim(self) -> None:
        # What a replica no longer shows may show again: it stays known until no look goes back so far.
        self._known = {name: entries for name, entries in self._known.items() if name // 65_536 >= self.since_ms}
        oldest_ms = self._looked_ms - KEEP_MS
        kept = (place for place, one in enumerate(self._news) if one.insert.stored_ms >= oldest_ms)
        gone = max(next(kept, len(self._news)), len(self._news) - KEEP_MOST)
        self._covers_ms = max([self._covers_ms, *(one.insert.stored_ms + 1 for one in self._news[:gone])])
        del self._news[:gone]
