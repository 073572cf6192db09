"""Between pairing and ClickHouse: what has ended on a partition waits here for its write.

Each partition has a lane, whose writes follow one another, in the order in which exchanges ended; frames are read meanwhile.
How many lanes write at once is bounded (`turns`), so batches grow where ClickHouse is slow; and so is what waits in all lanes
together (`Backlog`): where there is no room, no more is read.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.pairing import Exchange

_EXCHANGE_BYTES: Final = 2000
"""What an exchange takes besides its frames: about."""


@dataclass(frozen=True, slots=True)
class WriteLimits:
    """A write has at most `rows`, and about `bytes` of frames; it begins `within_s` after its first exchange ended, or when it is
    full. While more is at hand, it waits for `behind_s`: what is late already is written in fewer, larger pieces.
    `backlog_bytes` bounds what waits in all lanes, `at_once` how many write."""

    rows: int
    within_s: float
    at_once: int
    backlog_bytes: int
    bytes: int = 16 << 20
    behind_s: float = 3.0


class Backlog:
    """Memory of what waits in all lanes."""

    def __init__(self, limit: int) -> None:
        self.bytes = 0
        self._limit = limit
        self._room = asyncio.Event()
        self._room.set()

    def add(self, size: int) -> None:
        self.bytes += size
        if self.bytes >= self._limit:
            self._room.clear()

    def remove(self, size: int) -> None:
        self.bytes -= size
        if self.bytes < self._limit:
            self._room.set()

    @property
    def tight(self) -> bool:
        """Whether lanes should no longer wait for more."""
        return 2 * self.bytes >= self._limit

    async def room(self) -> None:
        """Returns once less than the limit waits."""
        await self._room.wait()


_Waiting = tuple[Exchange, int, float]
"""An exchange, its memory in bytes, and when its write is due, in seconds of the loop's time."""
Store = Callable[[Sequence[Exchange]], Awaitable[None]]
"""Writes some exchanges of the lane's partition; raises what ends the process."""


class Lane:
    """`failed` is called with what `store` raises; then the lane stands still."""

    def __init__(
        self,
        store: Store,
        limits: WriteLimits,
        backlog: Backlog,
        turns: asyncio.Semaphore,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._store = store
        self._limits = limits
        self._backlog = backlog
        self._turns = turns
        self._failed = failed
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._ready = asyncio.Event()
        self._due_at = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, exchanges: Sequence[Exchange], more_at_hand: bool = False) -> None:
        """In the order in which they ended. `more_at_hand`: others of the partition are about to follow."""
        if not exchanges or self._closed:
            return
        within_s = self._limits.behind_s if more_at_hand else self._limits.within_s
        due_at = asyncio.get_running_loop().time() + within_s
        for exchange in exchanges:
            size = _size(exchange)
            self._waiting.append((exchange, size, due_at))
            self._bytes += size
            self._backlog.add(size)
        if due_at < self._due_at or self._is_full:
            self._wake(min(self._due_at, due_at))
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def close(self) -> None:
        """What waits is given up; a write under way goes on: see `ended`."""
        self._closed = True
        self._backlog.remove(self._bytes)
        self._waiting.clear()
        self._bytes = 0
        self._wake(math.inf)
        self._ready.set()

    async def ended(self) -> None:
        """After `close`: returns when no write is under way any more."""
        if self._task:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while not self._closed:
                await self._ready.wait()
                async with self._turns:
                    await self._write()
        except Exception as error:
            self._failed(error)

    @property
    def _is_full(self) -> bool:
        limits = self._limits
        return len(self._waiting) >= limits.rows or self._bytes >= limits.bytes or bool(self._waiting and self._backlog.tight)

    def _wake(self, due_at: float) -> None:
        """Be ready for the next write at that time, or now where it is full."""
        if self._is_full:
            self._ready.set()
        if self._timer:
            self._timer.cancel()
        self._due_at = due_at
        self._timer = asyncio.get_running_loop().call_at(due_at, self._ready.set) if due_at < math.inf else None

    async def _write(self) -> None:
        batch, size = self._next()
        if batch:
            try:
                await self._store(batch)
            finally:
                self._backlog.remove(size)

    def _next(self) -> tuple[list[Exchange], int]:
        """The next write's exchanges. What they take counts as waiting until they are stored."""
        batch: list[Exchange] = []
        size = 0
        while self._waiting and len(batch) < self._limits.rows and (not batch or size < self._limits.bytes):
            exchange, its_size, _ = self._waiting.popleft()
            batch.append(exchange)
            size += its_size
        self._bytes -= size
        self._ready.clear()
        self._wake(min((due_at for *_, due_at in self._waiting), default=math.inf))
        return batch, size


def _size(exchange: Exchange) -> int:
    return _EXCHANGE_BYTES + sum(map(_frame_bytes, (exchange.request, exchange.response)))


def _frame_bytes(observed: Observed | None) -> int:
    return len(observed.envelope.frame) if observed else 0
