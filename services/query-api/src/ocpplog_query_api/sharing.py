"""Callers who ask the same at the same time share one answer: when a fault is on, everyone opens the same page (ADR 23)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Ask: TypeAlias = Callable[[], Coroutine[Any, Any, bytes]]
_KEPT_FOR: Final = 2
"""Times as long as it is fresh. Once it is not, it is given at once and asked for anew (RFC 5861: stale-while-revalidate)."""


@dataclass(slots=True)
class _Flight:
    task: asyncio.Task[bytes]
    began: float
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class _Answer:
    content: bytes
    began: float


class Shared:
    """An answer that was asked for more than `fresh_s` ago is not shared with who comes now: it does not have the newest entries.
    `clock`: seconds, monotonic."""

    def __init__(self, fresh_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._fresh_s = fresh_s
        self._clock = clock
        self._flights: dict[Hashable, _Flight] = {}
        self._kept: dict[Hashable, _Answer] = {}
        self._renewing: dict[Hashable, asyncio.Task[bytes]] = {}

    async def answer(self, key: Hashable, ask: Ask) -> bytes:
        """What `ask` returns or raises, asked once for all who wait for the same key; cancelled when nobody waits any more."""
        flight = self._flights.get(key)
        if flight is None or flight.task.done() or self._clock() - flight.began >= self._fresh_s:
            flight = self._flights[key] = _Flight(asyncio.create_task(ask()), self._clock())
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                self._ended(key, flight)

    def _ended(self, key: Hashable, flight: _Flight) -> None:
        # A newer one may have its place by now.
        if self._flights.get(key) is flight:
            del self._flights[key]
        flight.task.cancel()

    async def kept(self, like: Hashable, key: Hashable, ask: Ask) -> bytes:
        """The same, and for who comes later with a question `like` it: as long as it is fresh, and as long again, in which it is
        asked for anew and nobody waits for that."""
        found = self._kept.get(like)
        age = self._clock() - found.began if found else 0.0
        if found is None or age >= _KEPT_FOR * self._fresh_s:
            return await self.answer(key, lambda: self._asked(like, ask))
        if age >= self._fresh_s and like not in self._renewing:
            self._renewing[like] = renewing = asyncio.create_task(self.answer(key, lambda: self._asked(like, ask)))
            renewing.add_done_callback(lambda task: self._renewed(like, task))
        return found.content

    async def _asked(self, like: Hashable, ask: Ask) -> bytes:
        began = self._clock()
        content = await ask()
        if self._fresh_s:
            self._kept[like] = answer = _Answer(content, began)
            asyncio.get_running_loop().call_later(_KEPT_FOR * self._fresh_s, self._forget, like, answer)
        return content

    def _renewed(self, like: Hashable, task: asyncio.Task[bytes]) -> None:
        del self._renewing[like]
        if not task.cancelled():
            # Who comes when the old answer is no longer given meets the error, where there still is one.
            task.exception()

    def _forget(self, like: Hashable, answer: _Answer) -> None:
        if self._kept.get(like) is answer:
            del self._kept[like]
