"""Callers who ask the same at the same time share one answer: when a fault is on, everyone opens the same page (ADR 23)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class _Flight:
    task: asyncio.Task[bytes]
    began: float
    waiting: int = 0


class Shared:
    """An answer that was asked for more than `fresh_s` ago is not shared with who comes now: it does not have the newest entries.
    `clock`: seconds, monotonic."""

    def __init__(self, fresh_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._fresh_s = fresh_s
        self._clock = clock
        self._flights: dict[Hashable, _Flight] = {}

    async def answer(self, key: Hashable, ask: Callable[[], Coroutine[Any, Any, bytes]], keep: bool = False) -> bytes:
        """What `ask` returns or raises, asked once for all who wait for the same key; cancelled when nobody waits any more.

        `keep`: also for who comes after it, as long as it is fresh.
        """
        flight = self._flights.get(key)
        if flight is None or (flight.task.done() and not keep) or self._clock() - flight.began >= self._fresh_s:
            flight = self._begun(key, ask, keep)
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not (keep and _has_answer(flight)):
                self._ended(key, flight)

    def _begun(self, key: Hashable, ask: Callable[[], Coroutine[Any, Any, bytes]], keep: bool) -> _Flight:
        flight = _Flight(asyncio.create_task(ask()), self._clock())
        self._flights[key] = flight
        if keep:
            # Of what is not kept, a timer would hold the answer for nobody.
            asyncio.get_running_loop().call_later(self._fresh_s, self._forget, key, flight)
        return flight

    def _forget(self, key: Hashable, flight: _Flight) -> None:
        # A newer one may have its place by now.
        if self._flights.get(key) is flight:
            del self._flights[key]

    def _ended(self, key: Hashable, flight: _Flight) -> None:
        self._forget(key, flight)
        flight.task.cancel()


def _has_answer(flight: _Flight) -> bool:
    return flight.task.done() and not flight.task.cancelled() and flight.task.exception() is None
