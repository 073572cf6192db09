"""What one client gets: entries in the order in which they were stored, and word of what it missed.

The log itself is the buffer. A client that reads slowly falls behind in the journal, and is told how many entries it missed where
that is too far; all that is held for it is one page.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, Protocol

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError

from ocpplog_query_api import metrics
from ocpplog_query_api.errors import ApiError
from ocpplog_query_api.live import events
from ocpplog_query_api.live.journal import Insert, News
from ocpplog_query_api.live.query import Place
from ocpplog_query_api.live.repository import Stored
from ocpplog_query_api.live.watch import Watch
from ocpplog_query_api.logs import times
from ocpplog_query_api.logs.schemas import LogEntry

_log = structlog.get_logger(__name__)
_INSERTS_A_QUERY: Final = 500
_REMEMBERED: Final = 2000
_RETRY_S: Final = 1.0


class Reader(Protocol):
    """What a stream reads; each may raise ApiError or ClickHouseError."""

    async def entries(self, inserts: Sequence[Insert], limit: int, after: Place | None) -> list[Stored]: ...

    async def newest(self, limit: int) -> list[LogEntry]: ...

    async def count(self, first_ms: int, last_ms: int, after: Place | None) -> int: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """`page`: entries that are held for a client. `per_s`: entries that it gets in a second. `behind`: entries by which it may be
    behind before it misses them. `ping_s`: the longest silence."""

    page: int
    ping_s: float
    per_s: int = 500
    behind: int = 5000


@dataclass(frozen=True, slots=True)
class Wish:
    """`sites`: those whose entries can match, None: any. `resume_ms`: of the last event id. `backlog`: entries to begin with.
    `ends_at`: when the caller's token does."""

    sites: frozenset[str] | None
    resume_ms: int | None
    backlog: int
    ends_at: datetime


class Tail:
    """`seal` makes an event id of milliseconds: what was stored OVERLAP_MS before then has been sent, or told as missed."""

    def __init__(
        self, watch: Watch, reader: Reader, wish: Wish, pace: Pace, seal: Callable[[int], str], now: Callable[[], datetime]
    ) -> None:
        self._watch = watch
        self._reader = reader
        self._wish = wish
        self._pace = pace
        self._seal = seal
        self._now = now
        self._told: Literal["", "live", "waiting"] = ""
        self._next: int | None = None
        self._at_ms = 0
        self._after: Place | None = None
        self._paged: Sequence[News] = ()
        self._sent: dict[str, None] = {}

    async def events(self) -> AsyncGenerator[bytes, None]:
        """Until the token or the server ends, or the client goes."""
        loop = asyncio.get_running_loop()
        with self._watch.bell() as bell:
            yield events.RETRY
            spoke = loop.time()
            while not (reason := self._over()):
                bell.clear()
                async for found in self._turn():
                    if piece := found or self._ping(spoke):
                        yield piece
                        spoke = loop.time()
                await self._rest(bell, spoke + self._pace.ping_s - loop.time())
                if piece := self._ping(spoke):
                    yield piece
                    spoke = loop.time()
            yield events.event("end", events.told(reason=reason))

    def _ping(self, spoke: float) -> bytes:
        """Once it has been silent for long enough: how far the stream has looked. Who has not begun has no place."""
        if asyncio.get_running_loop().time() < spoke + self._pace.ping_s:
            return b""
        journal = self._watch.journal
        if self._next == journal.end:
            # Nothing rang while nothing was stored, and the last turn is as long ago as the silence.
            self._at_ms = journal.looked_ms
        return events.ping("" if self._next is None else self._place())

    def _over(self) -> str:
        if self._watch.closing:
            return "server-stops"
        return "token-expired" if self._now() >= self._wish.ends_at else ""

    async def _rest(self, bell: asyncio.Event, seconds: float) -> None:
        """Until there is something to see, or the stream is over, or for so long."""
        left_s = (self._wish.ends_at - self._now()).total_seconds()
        retry_s = _RETRY_S if self._told == "waiting" else seconds
        try:
            await asyncio.wait_for(bell.wait(), max(0.0, min(seconds, left_s, retry_s)))
        except TimeoutError:
            return

    async def _turn(self) -> AsyncIterator[bytes]:
        """What is new, and the state of the stream where that is. Nothing (b"") where it looked, and nothing matched."""
        state: Literal["", "live", "waiting"] = "waiting" if self._watch.failing else ""
        try:
            if self._watch.current:
                async for found in self._catch_up():
                    yield found
                state = "live"
        except (ApiError, ClickHouseError) as error:
            _log.warning("a stream waits", error=str(error)[:500])
            state = "waiting"
        if state and state != self._told:
            self._told = state
            yield events.event(state, "{}", self._place() if state == "live" else "")

    async def _catch_up(self) -> AsyncIterator[bytes]:
        """Pages, until the end of the journal is reached."""
        journal = self._watch.journal
        if self._next is None:
            async for found in self._begin():
                yield found
        while self._next is not None and not self._over():
            if self._next < journal.start:
                yield await self._skip()
            # Between two pages these stay the same: `_after` would pass over one that came since, and was stored before it.
            news = self._paged or journal.after(self._next, self._wish.sites, _INSERTS_A_QUERY)
            if not news:
                self._next, self._at_ms = journal.end, journal.looked_ms
                return
            async for found in self._deliver(news):
                yield found

    async def _begin(self) -> AsyncIterator[bytes]:
        """Where to go on from. Entries that are stored while the backlog is read are in both: `_sent` knows them."""
        journal, resume_ms = self._watch.journal, self._wish.resume_ms
        found = journal.end if resume_ms is None else journal.resume(resume_ms)
        self._at_ms = journal.looked_ms if resume_ms is None else resume_ms
        if found is None:
            yield await self._skip()
            return
        if resume_ms is None and self._wish.backlog:
            backlog = await self._reader.newest(self._wish.backlog)
            self._sent |= dict.fromkeys(entry.id for entry in backlog)
            yield b"".join(events.event("entry", entry.model_dump_json()) for entry in backlog)
        self._next = found

    async def _skip(self) -> bytes:
        """Go on at the end, and say what was left out."""
        journal = self._watch.journal
        end, first_ms, last_ms = journal.end, self._at_ms, journal.looked_ms
        missed = await self._reader.count(first_ms, last_ms, self._after)
        self._next, self._at_ms, self._after, self._paged = end, last_ms, None, ()
        told = events.told(missed=missed, **{"from": _iso(first_ms), "to": _iso(last_ms)})
        return events.event("missed", told, self._place())

    async def _deliver(self, news: Sequence[News]) -> AsyncIterator[bytes]:
        """One page of these inserts. Once it is their last, go on behind them."""
        page = await self._reader.entries([one.insert for one in news], self._pace.page, self._after)
        found = self._page(page, {one.insert.name: one.at_ms for one in news})
        if len(page) < self._pace.page:
            self._next, self._at_ms, self._after, self._paged = news[-1].number + 1, news[-1].at_ms, None, ()
            yield found
            return
        self._after, self._paged = page[-1].place, news
        yield found
        if await self._reader.count(self._at_ms, self._watch.journal.looked_ms, self._after) > self._pace.behind:
            yield await self._skip()
        await asyncio.sleep(len(page) / self._pace.per_s)

    def _page(self, page: Sequence[Stored], at_ms: dict[int, int]) -> bytes:
        """The events of a page; each says how far the stream has come."""
        fresh = [one for one in page if one.entry.id not in self._sent]
        self._remember(one.entry.id for one in fresh)
        metrics.TAILED.inc(len(fresh))
        parts = []
        for one in fresh:
            self._at_ms = at_ms[one.place.insert]
            parts.append(events.event("entry", one.entry.model_dump_json(), self._place()))
        return b"".join(parts)

    def _remember(self, ids: Iterable[str]) -> None:
        self._sent |= dict.fromkeys(ids)
        for old in list(self._sent)[: max(0, len(self._sent) - _REMEMBERED)]:
            del self._sent[old]

    def _place(self) -> str:
        return self._seal(self._at_ms)


def _iso(milliseconds: int) -> str:
    return times.iso(datetime.fromtimestamp(milliseconds / 1000, UTC))
