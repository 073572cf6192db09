"""What happened in a round, for people and for the oracle."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from faults.pipeline.gateways import Gateway
from faults.pipeline.rig import Pipeline
from faults.rig import Enricher

_CHANCE: Final[ContextVar[random.Random]] = ContextVar("chance")


@dataclass(slots=True)
class Silence:
    """Kafka, or the way to it, was not as it should be for a gateway: from, until (microseconds since 1970)."""

    gateway: int
    begin_us: int
    end_us: int = 2**62


@dataclass(slots=True)
class Story:
    """What happened: for people, and for the oracle. `wrong_clocks`: by how much, in seconds, at most. `names`: of faults that
    had an effect. `wrongs`: what did not go as it must, whatever the log has.

    Each fault draws from a `chance` of its own: what one draws does not depend on when others get to it.
    """

    pipeline: Pipeline
    seed: int
    lines: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    crew: list[Enricher] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    wrong_clocks: float = 0.0
    wrongs: list[str] = field(default_factory=list)
    _background: list[asyncio.Task[None]] = field(default_factory=list)
    _turns: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _began: float = field(default_factory=time.monotonic)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def say(self, what: str) -> None:
        self.lines.append(f"{time.monotonic() - self._began:.1f} s: {what}")

    def wrong(self, what: str) -> None:
        self.say(what)
        self.wrongs.append(what)

    async def happen(self, kind: Happening, *, in_background: bool) -> None:
        task = asyncio.create_task(self._in_turn(kind, random.Random(f"{self.seed} fault {next(self._numbers)}")))
        self._background.append(task)
        if not in_background:
            await task

    async def _in_turn(self, kind: Happening, chance: random.Random) -> None:
        _CHANCE.set(chance)
        async with self._turns[kind.of]:
            if why_not := await kind.work(self):
                self.say(f"{kind.name}: no effect, {why_not}")
            else:
                self.names.append(kind.name)

    async def heal(self) -> None:
        await asyncio.gather(*self._background)
        pipeline = self.pipeline
        pipeline.broker.thaw()
        pipeline.proxy.up()
        pipeline.proxy.heal()
        for one in self.crew:
            one.thaw()
            if not one.runs:
                self.say(f"an enricher had ended by itself: {one.process.child.returncode}, {one.last_words()}")
                one.start()
        for gateway in pipeline.gateways:
            gateway.thaw()
            gateway.set_clock(0)
            if not gateway.alive:
                self.wrong(f"gateway {gateway.number} had ended by itself")
                gateway.ended("by itself")
                gateway.start()
            await asyncio.to_thread(gateway.wait)
        await asyncio.to_thread(pipeline.api.wait)

    # What several faults need

    @property
    def chance(self) -> random.Random:
        return _CHANCE.get()

    def gateway(self) -> Gateway:
        return self.chance.choice(self.pipeline.gateways)

    def silent(self, gateways: Sequence[Gateway]) -> list[Silence]:
        """From now on; `spoken` ends it."""
        found = [Silence(gateway.number, time.time_ns() // 1000) for gateway in gateways]
        self.silences += found
        return found

    @staticmethod
    def spoken(silences: Sequence[Silence]) -> None:
        for silence in silences:
            silence.end_us = time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Happening:
    """`of`: what it happens to; one thing at a time happens to that. `work` returns why it had no effect, if it had none."""

    name: str
    of: str
    work: Callable[[Story], Awaitable[str | None]]
    weight: int = 1
    possible: Callable[[], bool] = lambda: True
