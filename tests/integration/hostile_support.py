"""An ordinary charger and an ordinary caller, who must notice nothing while something hostile goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx

from integration.gateway_support import Gate, join


def resident(pid: int) -> int:
    """Bytes of memory that a process has (Linux)."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


def descriptors(pid: int) -> int:
    """How many files and sockets a process has open (Linux)."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


class Served:
    """How many answers came, each byte for byte what it has to be."""

    def __init__(self) -> None:
        self.count = 0
        self._came = asyncio.Event()

    def one(self) -> None:
        self.count += 1
        self._came.set()

    async def more(self, count: int) -> None:
        """Returns once so many more have come."""
        wanted = self.count + count
        while self.count < wanted:
            self._came.clear()
            await asyncio.wait_for(self._came.wait(), 20)


@contextlib.asynccontextmanager
async def charger(gate: Gate, charger_id: str) -> AsyncIterator[Served]:
    """Asks, and gets the answer to it, on one connection."""

    async def talk(served: Served) -> None:
        async with join(gate, f"/{charger_id}") as point:
            for number in range(10**9):
                await point.send(f'[2,"{number}", "Heartbeat" ,{{"ünï":[1.50]}}]')
                assert await asyncio.wait_for(point.recv(), 20) == f'[3,"{number}",{{}}]'
                served.one()
                await asyncio.sleep(0.01)

    async with beside(talk) as served:
        yield served


@contextlib.asynccontextmanager
async def caller(url: str, path: str, headers: dict[str, str], pause_s: float = 0.01) -> AsyncIterator[Served]:
    """Asks for the same again and again, on a new connection each time, and gets the same."""

    async def ask(served: Served) -> None:
        first = None
        while True:
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client:
                answer = await client.get(path)
            assert answer.status_code == 200, answer.text
            assert first in (None, answer.content)
            first = answer.content
            served.one()
            await asyncio.sleep(pause_s)

    async with beside(ask) as served:
        yield served


@contextlib.asynccontextmanager
async def beside(work: Callable[[Served], Coroutine[Any, Any, None]]) -> AsyncIterator[Served]:
    """Runs while the body does, and is served before it and after it; what it raises ends the body."""
    served = Served()
    task = asyncio.create_task(work(served))
    body = asyncio.current_task()
    assert body
    task.add_done_callback(lambda ended: None if ended.cancelled() else body.cancel())
    try:
        await served.more(3)
        yield served
        await served.more(3)
    finally:
        if task.done() and not task.cancelled():
            task.result()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
