"""The worker: what is written when, what is acknowledged, what goes to the dead letters."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from ocpplog_common.envelope import Source
from ocpplog_common.records import LevelName, Site
from ocpplog_enricher import ownership
from ocpplog_enricher.domain import fields
from ocpplog_enricher.domain.pairing import Exchange
from ocpplog_enricher.domain.policy import Policy
from ocpplog_enricher.domain.rows import Enriched
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


async def test_where_much_waits_on_kafka_it_is_written_with_what_is_at_hand() -> None:
    bench = Bench(LOUD, highwater=501)
    await bench.take(0, CHARGER, "nonsense")
    assert bench.rows == []
    await bench.take(1, CHARGER, "nonsense")
    assert bench.suspects == [True] and len(bench.rows) == 2


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
    [(origin, value, _, reason)] = bench.dead
    assert (origin, value) == ("ocpp.frames-0@0", REQUEST.encode()) and "header" in reason
    assert [row.kafka_offset for row in bench.rows] == [1]
    assert bench.finished[-1] == (0, 1, 2)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("received-at-us", b"9" * 30),
        ("received-at-us", b"-" + b"9" * 18),
        ("sequence", b"-1"),
        ("sequence", b"4294967296"),
        ("connection-id", b"zz"),
    ],
)
async def test_so_does_one_with_headers_that_no_column_holds(header: str, value: bytes) -> None:
    bench, record = Bench(LOUD), frame(0, CHARGER, "nonsense")
    await bench.give(replace(record, headers=list((dict(record.headers) | {header: value}).items())))
    [(_, frame_as_it_came, _, reason)] = bench.dead
    assert frame_as_it_came == b"nonsense" and header in reason
    assert (bench.rows, bench.finished[-1]) == ([], (0, 1, 1))


async def test_what_cannot_be_enriched_is_put_aside_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, enrich = Bench(LOUD), fields.enrich

    def fails(exchange: Exchange, partition: int, policy: Policy) -> Enriched:
        if b"bad" in exchange.first.envelope.frame:
            raise RuntimeError("no idea")
        return enrich(exchange, partition, policy)

    monkeypatch.setattr(fields, "enrich", fails)
    records = [frame(0, CHARGER, "good"), frame(1, CHARGER, "bad"), frame(2, CHARGER, "good too")]
    await bench.give(*records)
    assert [row.kafka_offset for row in bench.rows] == [0, 2]
    assert bench.dead == [("ocpp.frames-0@1", b"bad", dict(records[1].headers), "RuntimeError: no idea")]
    assert bench.finished[-1] == (0, 1, 3)


class TestOwnership:
    async def test_a_write_waits_for_the_word(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ownership, "_ASK_AGAIN_S", 0.0)
        bench = Bench(LOUD, is_owner=False)
        await bench.take(0, CHARGER, "nonsense")
        assert bench.rows == []
        # They were assigned in the generation that they are of.
        bench.worker.release_all_but(1)
        bench.is_owner = True
        await settle()
        assert (len(bench.rows), bench.finished[-1]) == (1, (0, 1, 1))

    async def test_what_is_in_hand_of_a_partition_that_was_taken_away_is_dropped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ownership, "_ASK_AGAIN_S", 0.0)
        bench = Bench(LOUD, is_owner=False)
        await bench.take(0, CHARGER, "nonsense")
        bench.worker.release_all_but(2)
        bench.is_owner = True
        await settle()
        assert (bench.rows, bench.finished[-1], bench.failures) == ([], (0, 1, 0), [])

    async def test_a_write_that_was_under_way_then_is_not_acknowledged(self) -> None:
        bench = Bench(LOUD)
        bench.may_write.clear()
        await bench.take(0, CHARGER, "nonsense")
        bench.worker.release([0])
        bench.may_write.set()
        await settle()
        assert (len(bench.rows), bench.finished[-1]) == (1, (0, 1, 0))

    @pytest.mark.parametrize("told", ["revoked", "not revoked", "stopped"])
    async def test_a_partition_that_is_taken_away_while_it_is_opened_is_not_opened(self, told: str) -> None:
        """It would wait for good to be told that it may write, and nothing would time out meanwhile."""
        bench = Bench(LOUD, highwater=1, owned_generation=1)
        bench.may_warm_up.clear()
        opening = asyncio.create_task(bench.worker.take(5, 1, [frame(0, Source.CHARGER, "nonsense")]))
        await bench.warming_up.wait()
        if told == "revoked":
            bench.worker.release([5])
        bench.worker.release_all_but(1)
        bench.worker.release_all_but(2)
        bench.owned_generation = 2
        if told == "stopped":
            await bench.worker.stop()
        bench.may_warm_up.set()
        await opening
        await bench.worker.take(5, 1, [frame(1, Source.CHARGER, "what was in hand behind it")])
        await settle()
        assert bench.rows == []
        if told == "stopped":
            return
        await bench.give(frame(0, Source.CHARGER, '[2,"1","Heartbeat",{}]'), generation=2)
        bench.now += 66_000_000
        await bench.worker.expire_quiet()
        await settle()
        assert [row.outcome for row in bench.rows] == ["timeout"]

    async def test_frames_of_the_new_generation_that_come_before_its_word_are_taken(self) -> None:
        bench = Bench(LOUD)
        bench.worker.release_all_but(1)
        bench.worker.release([0])
        await bench.give(frame(0, Source.CHARGER, "nonsense"), generation=2)
        bench.worker.release_all_but(2)
        await bench.give(frame(1, Source.CHARGER, "nonsense"), generation=2)
        assert len(bench.rows) == 2

    async def test_nothing_times_out_while_kafka_is_silent_nor_for_as_long_as_an_answer_may_take_after(self) -> None:
        bench = Bench(LOUD, highwater=1)
        await bench.take(0, CHARGER, REQUEST)
        for seconds, answers, rows in ((59, True, 0), (70, False, 0), (129, True, 0), (131, True, 1)):
            bench.now, bench.is_owner = AT_US + seconds * 1_000_000, answers
            await bench.worker.expire_quiet()
            await settle()
            assert len(bench.rows) == rows, seconds

    async def test_nor_for_as_long_after_the_start(self) -> None:
        """Kafka may have been silent until then, and what the gateways held back be on its way."""
        bench = Bench(LOUD, highwater=1)
        bench.now = AT_US + 300 * 1_000_000
        await bench.take(0, CHARGER, REQUEST)
        for seconds, rows in ((359, 0), (361, 1)):
            bench.now = AT_US + seconds * 1_000_000
            await bench.worker.expire_quiet()
            await settle()
            assert len(bench.rows) == rows, seconds


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
        await bench.worker.expire_quiet()
        await settle()
        assert [row.outcome for row in bench.rows] == ["timeout"] * rows

    async def test_not_before(self) -> None:
        bench = Bench(LOUD, highwater=1)
        await bench.take(0, CHARGER, REQUEST)
        bench.now = AT_US + 59_000_000
        await bench.worker.expire_quiet()
        await settle()
        assert bench.rows == []


async def test_the_lag_grows_while_nothing_is_fetched() -> None:
    """ClickHouse is away, and there is no room for more."""
    bench = Bench(LOUD, highwater=1, end=500)
    await bench.take(0, CHARGER, REQUEST)
    await bench.worker.expire_quiet()
    assert lag() == 0
    await bench.worker.look_ahead()
    await bench.worker.expire_quiet()
    assert lag() == 499
    bench.end = 0
    await bench.worker.look_ahead()
    await bench.worker.expire_quiet()
    assert lag() == 0


def lag() -> float | None:
    return REGISTRY.get_sample_value("ocpplog_enricher_lag_frames", {"partition": "0"})


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
