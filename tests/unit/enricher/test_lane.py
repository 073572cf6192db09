"""Writes of one partition: when they begin, how large they are, how many go at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ocpplog_enricher.domain.pairing import Exchange, Outcome
from ocpplog_enricher.lane import Backlog, Lane, WriteLimits

from .test_pairing import Stream
from .worker_bench import settle


def exchanges(number: int, size: int = 10) -> list[Exchange]:
    stream = Stream()
    return [Exchange(stream.observe(b"x" * size), None, Outcome.VIOLATION, place, True) for place in range(number)]


class Bench:
    def __init__(self, limits: WriteLimits, turns: int = 1) -> None:
        self.limits = limits
        self.backlog = Backlog(limits.backlog_bytes)
        self.turns = asyncio.Semaphore(turns)
        self.writes: list[list[int]] = []
        self.under_way = 0
        self.most_at_once = 0
        self.failures: list[BaseException] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def lane(self) -> Lane:
        return Lane(self.store, self.limits, self.backlog, self.turns, self.failures.append)

    async def store(self, found: Sequence[Exchange]) -> None:
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        await self.gate.wait()
        self.writes.append([exchange.closed_offset for exchange in found])
        self.under_way -= 1


async def test_what_comes_within_the_time_goes_together() -> None:
    bench = Bench(WriteLimits(rows=100, within_s=0.05, at_once=1, backlog_bytes=1 << 20))
    lane, [first, second] = bench.lane(), exchanges(2)
    lane.put([first])
    await settle()
    lane.put([second])
    await settle()
    assert bench.writes == [] and len(lane) == 2
    await asyncio.sleep(0.1)
    assert bench.writes == [[0, 1]] and bench.backlog.bytes == 0


async def test_a_full_write_does_not_wait() -> None:
    bench = Bench(WriteLimits(rows=3, within_s=3600, at_once=1, backlog_bytes=1 << 20))
    lane = bench.lane()
    lane.put(exchanges(7))
    await settle()
    assert bench.writes == [[0, 1, 2], [3, 4, 5]] and len(lane) == 1


async def test_while_more_is_at_hand_a_write_waits_for_it() -> None:
    bench = Bench(WriteLimits(rows=100, within_s=0, at_once=1, backlog_bytes=1 << 20, behind_s=3600))
    lane, [first, second, third] = bench.lane(), exchanges(3)
    lane.put([first], more_at_hand=True)
    lane.put([second], more_at_hand=True)
    await settle()
    assert bench.writes == []
    lane.put([third])
    await settle()
    assert bench.writes == [[0, 1, 2]]


async def test_but_not_longer_than_it_may() -> None:
    bench = Bench(WriteLimits(rows=100, within_s=0, at_once=1, backlog_bytes=1 << 20, behind_s=0.05))
    bench.lane().put(exchanges(1), more_at_hand=True)
    await settle()
    assert bench.writes == []
    await asyncio.sleep(0.1)
    assert bench.writes == [[0]]


async def test_nor_where_memory_is_tight() -> None:
    bench = Bench(WriteLimits(rows=100, within_s=0, at_once=1, backlog_bytes=5000, behind_s=3600))
    bench.gate.clear()
    lane, [first, second, third] = bench.lane(), exchanges(3)
    lane.put([first], more_at_hand=True)
    await settle()
    assert bench.under_way == 0
    lane.put([second], more_at_hand=True)
    await settle()
    assert bench.under_way == 1 and bench.backlog.tight
    bench.gate.set()
    await settle()
    assert bench.writes == [[0, 1]] and not bench.backlog.tight
    lane.put([third], more_at_hand=True)
    await settle()
    assert len(lane) == 1


async def test_what_came_during_a_write_is_due_in_its_own_time() -> None:
    bench = Bench(WriteLimits(rows=2, within_s=0.05, at_once=1, backlog_bytes=1 << 20))
    bench.gate.clear()
    lane, found = bench.lane(), exchanges(3)
    lane.put(found[:2])
    await settle()
    lane.put(found[2:])
    bench.gate.set()
    await settle()
    assert bench.writes == [[0, 1]]
    await asyncio.sleep(0.1)
    assert bench.writes == [[0, 1], [2]]


async def test_what_one_write_has_no_room_for_follows_though_it_was_due_with_it() -> None:
    """Its time has come already: no clock rings for it again by itself."""
    bench = Bench(WriteLimits(rows=3, within_s=0.05, at_once=1, backlog_bytes=1 << 20))
    lane = bench.lane()
    bench.gate.clear()
    lane.put(exchanges(3))
    await settle()
    lane.put(exchanges(4))
    await asyncio.sleep(0.1)
    bench.gate.set()
    await asyncio.sleep(0.1)
    assert bench.writes == [[0, 1, 2], [0, 1, 2], [3]] and len(lane) == 0


async def test_a_write_is_bounded_in_bytes() -> None:
    bench = Bench(WriteLimits(rows=100, within_s=0, at_once=1, backlog_bytes=1 << 20, bytes=5000))
    bench.lane().put(exchanges(3, size=4000))
    await settle()
    assert bench.writes == [[0], [1], [2]]


async def test_how_many_write_at_once() -> None:
    bench = Bench(WriteLimits(rows=100, within_s=0, at_once=2, backlog_bytes=1 << 20), turns=2)
    bench.gate.clear()
    for _ in range(5):
        bench.lane().put(exchanges(1))
    await settle()
    assert bench.under_way == 2
    bench.gate.set()
    await settle()
    assert (len(bench.writes), bench.most_at_once) == (5, 2)


async def test_the_backlog_counts_what_is_being_written() -> None:
    bench = Bench(WriteLimits(rows=100, within_s=0, at_once=1, backlog_bytes=1000))
    bench.gate.clear()
    bench.lane().put(exchanges(1))
    await settle()
    room = asyncio.create_task(bench.backlog.room())
    await settle()
    assert not room.done()
    bench.gate.set()
    await room


async def test_closing_gives_up_what_waits() -> None:
    bench = Bench(WriteLimits(rows=1, within_s=0, at_once=1, backlog_bytes=1 << 20))
    bench.gate.clear()
    lane = bench.lane()
    lane.put(exchanges(3))
    await settle()
    lane.close()
    lane.put(exchanges(1))
    bench.gate.set()
    await lane.ended()
    assert bench.writes == [[0]] and bench.backlog.bytes == 0
