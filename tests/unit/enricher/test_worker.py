"""The worker: what is written when, what is acknowledged, what goes to the dead letters."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ocpplog_common.envelope import Source
from ocpplog_common.records import LevelName, Site
from ocpplog_enricher.errors import StoreUnavailable

from .worker_bench import AT_US, Bench, frame, settle

CHARGER, CSMS = Source.CHARGER, Source.CSMS
LOUD = {"s": Site(site_id="s", level=LevelName.DEBUG)}
REQUEST, ANSWER = '[2,"1","Heartbeat",{}]', '[3,"1",{"currentTime":"2026-11-24T10:00:00Z"}]'


async def test_an_exchange_is_acknowledged_when_it_is_stored() -> None:
    bench = Bench(LOUD)
    bench.may_write.clear()
    await bench.give(frame(5, CHARGER, REQUEST), frame(6, CSMS, ANSWER))
    assert set(bench.finished) == {(0, 1, 5)}
    bench.may_write.set()
    await settle()
    assert [row.outcome for row in bench.rows] == ["result"]
    assert bench.finished[-1] == (0, 1, 7)


async def test_what_the_level_does_not_want_is_acknowledged_at_once() -> None:
    bench = Bench({"s": Site(site_id="s")})
    bench.may_write.clear()
    await bench.give(frame(0, CHARGER, REQUEST), frame(1, CSMS, ANSWER))
    assert bench.finished[-1] == (0, 1, 2)


async def test_frames_are_read_while_a_write_is_under_way_and_go_with_the_next() -> None:
    bench = Bench(LOUD)
    bench.may_write.clear()
    for offset in range(4):
        await bench.take(offset, CHARGER, "nonsense")
    bench.may_write.set()
    await settle()
    assert [row.kafka_offset for row in bench.rows] == [0, 1, 2, 3]
    assert len(bench.suspects) == 2


async def test_a_full_backlog_stops_the_reading() -> None:
    bench = Bench(LOUD, backlog_bytes=1)
    bench.may_write.clear()
    taking = asyncio.create_task(bench.take(0, CHARGER, "nonsense"))
    await settle()
    assert not taking.done()
    bench.may_write.set()
    await taking
    assert len(bench.rows) == 1


async def test_a_partition_in_a_new_generation_is_opened_anew_after_its_last_write() -> None:
    bench = Bench(LOUD)
    bench.may_write.clear()
    await bench.take(0, CHARGER, "nonsense")
    await bench.take(1, CHARGER, "more nonsense")
    bench.worker.release([0])
    again = asyncio.create_task(bench.give(frame(0, CHARGER, "nonsense"), generation=2))
    await settle()
    assert not again.done() and bench.rows == []
    bench.may_write.set()
    await again
    # What was not being written yet is left to the new generation.
    assert [row.kafka_offset for row in bench.rows] == [0, 0]
    assert bench.suspects == [True, True]
    assert bench.finished[-1] == (0, 2, 1)


async def test_an_answer_finds_its_request_from_before_the_assignment() -> None:
    bench = Bench(LOUD, earlier=[frame(3, CHARGER, REQUEST)])
    await bench.take(4, CSMS, ANSWER)
    [row] = bench.rows
    assert (row.outcome, row.kafka_offset, row.closed_offset) == ("result", 3, 4)


async def test_a_record_that_is_no_frame_goes_to_the_dead_letters() -> None:
    bench = Bench(LOUD)
    await bench.give(replace(frame(0, CHARGER, REQUEST), headers=[]), frame(1, CHARGER, "nonsense"))
    assert bench.dead == ["ocpp.frames-0@0"]
    assert [row.kafka_offset for row in bench.rows] == [1]
    assert bench.finished[-1] == (0, 1, 2)


async def test_what_a_write_raises_is_told() -> None:
    bench = Bench(LOUD)
    bench.error = StoreUnavailable("down")
    await bench.take(0, CHARGER, "nonsense")
    assert bench.failures == [bench.error]
    assert bench.finished[-1] == (0, 1, 0)


class TestQuietPartitions:
    @pytest.mark.parametrize(("highwater", "rows"), [(1, 1), (2, 0), (None, 0)])
    async def test_time_out_by_the_wall_clock_once_they_are_read_to_their_end(self, highwater: int | None, rows: int) -> None:
        bench = Bench(LOUD, highwater=highwater)
        await bench.take(0, CHARGER, REQUEST)
        bench.now = AT_US + 61_000_000
        bench.worker.expire_quiet()
        await settle()
        assert [row.outcome for row in bench.rows] == ["timeout"] * rows

    async def test_not_before(self) -> None:
        bench = Bench(LOUD, highwater=1)
        await bench.take(0, CHARGER, REQUEST)
        bench.now = AT_US + 59_000_000
        bench.worker.expire_quiet()
        await settle()
        assert bench.rows == []


async def test_stopping_waits_for_the_write_under_way_only() -> None:
    bench = Bench(LOUD)
    bench.may_write.clear()
    await bench.take(0, CHARGER, "nonsense")
    await bench.take(1, CHARGER, "nonsense")
    stopping = asyncio.create_task(bench.worker.stop())
    await settle()
    assert not stopping.done()
    bench.may_write.set()
    await stopping
    assert [row.kafka_offset for row in bench.rows] == [0]
