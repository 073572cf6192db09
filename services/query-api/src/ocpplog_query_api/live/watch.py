"""Looks for new inserts on behalf of all streams of a process, while there are any."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator

import structlog

from ocpplog_query_api.live.journal import Found, Journal

_log = structlog.get_logger(__name__)
Look = Callable[[int], Awaitable[tuple[int, list[Found]]]]
"""Of a `stored_at` in milliseconds: ClickHouse's time, and the inserts that show since then. May raise anything."""


class Watch:
    """`current`: the journal has all that shows. `failing`: the last look failed. `closing`: streams are to end."""

    def __init__(self, look: Look, interval_s: float) -> None:
        self.journal = Journal()
        self.current = False
        self.failing = False
        self.closing = False
        self._look = look
        self._interval_s = interval_s
        self._bells: set[asyncio.Event] = set()
        self._looking: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def bell(self) -> Iterator[asyncio.Event]:
        """Rings when there is something to see: news, a failure or the end of one. Looking goes on as long as one is held."""
        bell = asyncio.Event()
        self._bells.add(bell)
        if self._looking is None:
            self._looking = asyncio.create_task(self._follow(), name="look for new entries")
        try:
            yield bell
        finally:
            self._bells.discard(bell)
            if not self._bells:
                self._stop()

    def close(self) -> None:
        """End all streams, so that a server that stops need not wait for them."""
        self.closing = True
        self._ring()

    def _stop(self) -> None:
        if self._looking:
            self._looking.cancel()
        self._looking = None
        self.current = self.failing = False

    async def _follow(self) -> None:
        while True:
            before = (self.journal.end, self.current, self.failing)
            await self._once()
            if before != (self.journal.end, self.current, self.failing):
                self._ring()
            await asyncio.sleep(self._interval_s)

    async def _once(self) -> None:
        try:
            self.journal.note(*await self._look(self.journal.since_ms))
            self.current, self.failing = True, False
        except Exception as error:
            # Of whatever kind: nobody awaits this task, and every stream depends on it.
            if not self.failing:
                _log.warning("cannot look for new entries", error=str(error)[:500])
            self.current, self.failing = False, True

    def _ring(self) -> None:
        for bell in self._bells:
            bell.set()
