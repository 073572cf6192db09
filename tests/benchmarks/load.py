"""The two ways to load a relay: as fast as it answers, and at a rate of its own."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.chargers import Charger, Fleet, nobody
from benchmarks.processes import CpuMeter

_TICK_S = 0.001


class ClosedLoop:
    """Each charger sends its next CALL when the last one is answered, as OCPP-J demands (1.6, section 4.1.1)."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._running = True

    def _next(self, charger: Charger, _: float) -> None:
        if self._running:
            charger.call(0.0)

    async def run(self, warm_up_s: float, seconds: float, cpu: CpuMeter) -> float:
        """Answers per second, after the warm-up; `cpu` gets what the processes took meanwhile."""
        fleet = self._fleet
        with _without_collector():
            for charger in fleet.chargers:
                charger.answered = self._next
                charger.call(0.0)
            await fleet.sleep(warm_up_s)
            began, before = time.monotonic(), fleet.answers
            cpu.start()
            await fleet.sleep(seconds)
            cpu.stop()
            rate = (fleet.answers - before) / (time.monotonic() - began)
            self._running = False
            await fleet.drain()
        return rate


class OpenLoop:
    """CALLs are due evenly, in turn from all chargers, whether the relay keeps up or not; late sending counts as latency."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._latencies: list[float] = []
        self.sent_late: list[float] = []
        """Seconds between when each CALL was due and when it was sent: the client's own share."""

    def _take(self, _: Charger, at: float) -> None:
        self._latencies.append(time.monotonic() - at)

    async def run(self, calls_per_s: float, warm_up_s: float, seconds: float, cpu: CpuMeter) -> list[float]:
        """Round trips in seconds, from when each CALL was due."""
        with _without_collector():
            await self._pace(calls_per_s, warm_up_s)
            for charger in self._fleet.chargers:
                charger.answered = self._take
            self.sent_late.clear()
            cpu.start()
            await self._pace(calls_per_s, seconds)
            cpu.stop()
            await self._fleet.drain()
        for charger in self._fleet.chargers:
            charger.answered = nobody
        return self._latencies

    async def _pace(self, calls_per_s: float, seconds: float) -> None:
        chargers = self._fleet.chargers
        total, sent = int(calls_per_s * seconds), 0
        began = time.monotonic()
        while sent < total:
            now = time.monotonic()
            due = min(total, int((now - began) * calls_per_s) + 1)
            for number in range(sent, due):
                at = began + number / calls_per_s
                chargers[number % len(chargers)].call(at)
                self.sent_late.append(now - at)
            sent = due
            await asyncio.sleep(_TICK_S)
            self._fleet.check()


@contextmanager
def _without_collector() -> Iterator[None]:
    """The client's garbage collector would be taken for latency."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
