"""The enricher under one fault at a time: every admitted exchange is stored once, samples too, whatever happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from aiokafka import AIOKafkaProducer

from faults.fleet import Fleet, Row, RowName
from faults.oracle import Log
from faults.refusals import REFUSALS, Refusal
from faults.rig import PARTITIONS, SESSION_TIMEOUT_S, Enricher, Rig
from support.faulty_proxy import PASS, Asked, Fault, Kind

pytestmark = pytest.mark.faults


async def test_a_zombie_with_frames_in_hand_writes_none_of_them(rig: Rig, producer: AIOKafkaProducer) -> None:
    """It is stopped with many frames read and a write under way, and wakes when another has written them, while Kafka does not
    tell it so. What it has in hand it would cut in other places: with tokens of their own, its rows would be stored twice."""
    fleet = Fleet(producer, 1)
    await fleet.steps(200)
    zombie = rig.enricher().start().wait()
    await rig.settled(fleet)
    rig.proxy.choose = lambda asked: Fault(before_s=0.7) if asked.table else PASS
    await fleet.steps(400)
    await asyncio.sleep(1.5)
    zombie.freeze()
    rig.proxy.heal()
    heir = rig.enricher(enricher_batch_rows=37).start().wait()
    verdict = await rig.settled(fleet)
    assert verdict.right, verdict
    rig.broker.freeze()
    zombie.thaw()
    await asyncio.sleep(4)
    rig.broker.thaw()
    verdict = await rig.settled(fleet)
    assert verdict.right, verdict
    assert (zombie.terminate(), heir.terminate()) == (0, 0)


async def test_a_write_that_lasts_across_two_rebalances(rig: Rig, producer: AIOKafkaProducer) -> None:
    """It is not acknowledged: meanwhile the partition was another's, and has come back."""
    fleet = Fleet(producer, 2)
    first = rig.enricher().start().wait()
    rig.proxy.always(Fault(Kind.ANSWER, code=252), inserts_only=True)
    await fleet.steps(150)
    await rig.until(lambda: first.metric("ocpplog_enricher_write_retries_total") > 2)
    second = rig.enricher().start().wait()
    await fleet.steps(150)
    await asyncio.sleep(2)
    second.kill()
    await asyncio.sleep(SESSION_TIMEOUT_S + 1)
    rig.proxy.heal()
    await rig.until(lambda: first.metric("ocpplog_enricher_rows_total") > 0)
    first.kill()
    first.start()
    verdict = await rig.settled(fleet)
    assert verdict.right, verdict


async def test_a_gateway_whose_clock_is_ahead(rig: Rig, producer: AIOKafkaProducer) -> None:
    """Frames from the future do not make the enricher believe that nobody can have stored them: what is read again would be
    stored twice, or what is new dropped with it for its token."""
    fleet = Fleet(producer, 3, ahead_s=600)
    enricher = rig.enricher().start().wait()
    await fleet.steps(150)
    await fleet.close_all()
    assert (await rig.settled(fleet)).right
    assert enricher.terminate() == 0
    await rig.rewind(dict.fromkeys(range(PARTITIONS), 0))
    await fleet.steps(20)
    await fleet.close_all()
    enricher.start()
    verdict = await rig.settled(fleet)
    assert verdict.right, verdict


async def test_refused_for_too_long_it_ends_loudly_and_loses_nothing(rig: Rig, producer: AIOKafkaProducer) -> None:
    fleet = Fleet(producer, 4)
    await fleet.steps(200)
    enricher = rig.enricher(enricher_retry_for_s=2).start().wait()
    before = await rig.settled(fleet)
    assert before.right, before
    committed = await rig.committed()
    rig.proxy.always(Fault(Kind.ANSWER, code=243), inserts_only=True)
    await fleet.steps(200)
    assert await asyncio.to_thread(enricher.process.child.wait, 60) == 1
    log = enricher.log.read_text()
    assert "cannot go on" in log and "StoreUnavailable: ocpplog." in log
    # Acknowledged is at most what was stored: nothing that came after the refusal.
    assert all(after <= end - 1 for after, end in zip((await rig.committed()).values(), (await rig.ends()).values(), strict=True))
    assert sum((await rig.committed()).values()) - sum(committed.values()) < 400
    rig.proxy.heal()
    enricher.start()
    verdict = await rig.settled(fleet)
    assert verdict.right, verdict


async def test_an_outage_under_load_takes_no_memory_and_no_place(rig: Rig, producer: AIOKafkaProducer) -> None:
    """The backlog stays on Kafka, the offsets stay where they are, and SIGTERM ends it in time."""
    fleet = Fleet(producer, 5)
    enricher = rig.enricher().start().wait()
    await fleet.steps(300)
    assert (await rig.settled(fleet)).right
    rig.proxy.down()
    await fleet.steps(150)
    await rig.until(lambda: enricher.metric("ocpplog_enricher_write_retries_total") > 3)
    held, memory = await rig.committed(), enricher.resident_mb()
    # 60 MB.
    for _ in range(4):
        await fleet.ballast(150, 100_000)
        await asyncio.sleep(0.5)
    assert enricher.resident_mb() - memory < 40
    assert await rig.committed() == held
    assert enricher.terminate() == 0
    enricher.start()
    await asyncio.sleep(1)
    rig.proxy.up()
    verdict = await rig.settled(fleet)
    assert verdict.right, verdict


@pytest.mark.parametrize("refusal", REFUSALS, ids=[refusal.name for refusal in REFUSALS])
async def test_clickhouse_itself_refuses(rig: Rig, producer: AIOKafkaProducer, refusal: Refusal) -> None:
    """Out of disk, read-only, too many parts, in the engine's own words: the enricher keeps its place, tries again with growing
    pauses, and catches up."""
    fleet = Fleet(producer, 8)
    enricher = rig.enricher().start().wait()
    await fleet.steps(300)
    assert (await rig.settled(fleet)).right
    stored = Log(rig.client, []).names()
    assert refusal.count(rig.client) == 0
    with refusal.lasting(rig.client):
        await fleet.steps(150)
        await rig.until(lambda: enricher.metric("ocpplog_enricher_write_retries_total") > 3)
        # What was stored before is acknowledged within a second or two.
        await asyncio.sleep(3)
        held = await rig.committed()
        await fleet.steps(150)
        await asyncio.sleep(3)
        assert await rig.committed() == held
        assert Log(rig.client, []).names() == stored
        assert refusal.count(rig.client) >= len(_pauses(enricher, refusal)) > 3
    assert {0.2, 0.4, 0.8, 1.6} <= set(_pauses(enricher, refusal))
    verdict = await rig.settled(fleet)
    assert verdict.right, verdict
    assert enricher.terminate() == 0


def _pauses(enricher: Enricher, refusal: Refusal) -> list[float]:
    """Those after errors in which the engine gives this reason."""
    lines = [json.loads(line) for line in enricher.log.read_text().splitlines() if "trying again" in line]
    return [line["pause_s"] for line in lines if f"Code: {refusal.code}. DB::Exception: " in line["error"]]


async def test_poison_is_put_aside_as_it_came_and_all_else_is_stored(rig: Rig, producer: AIOKafkaProducer) -> None:
    """Records that are no envelope, and frames that ClickHouse refuses, in the midst of others."""
    fleet = Fleet(producer, 6, chargers=4)
    enricher = rig.enricher().start().wait()
    for charger in fleet.chargers:
        await fleet.poison(charger.name.encode())
        await fleet.steps(40)
    marked = fleet.chargers[1]
    name, row = await _one_row(fleet, marked.meter_values)
    del fleet.expected.rows[name]
    needle = row.request.encode().replace(b'"', b'\\"')

    def choose(asked: Asked) -> Fault:
        return Fault(Kind.ANSWER, code=27) if asked.table.endswith("ocpp_log") and needle in asked.body else PASS

    rig.proxy.choose = choose
    await fleet.steps(40)
    verdict = await rig.settled(fleet)
    # Its samples were stored before ClickHouse refused its row.
    assert verdict.foreign == [name], verdict
    verdict.foreign.clear()
    assert verdict.right, verdict
    letters = await rig.dead_letters()
    assert sorted(value for value, headers in letters if "odd" in headers) == sorted(fleet.expected.poison)
    frames = [(value, headers) for value, headers in letters if "odd" not in headers]
    assert [row.request.encode() in value for value, _ in frames] == [True, False]
    for value, headers in letters:
        assert headers["dead-letter-origin"].startswith(b"ocpp.frames-") and headers["dead-letter-reason"], value
    assert [headers["connection-id"].decode() for _, headers in frames] == [name[0]] * 2
    assert enricher.terminate() == 0


async def test_much_poison_in_a_row_stops_it(rig: Rig, producer: AIOKafkaProducer) -> None:
    fleet = Fleet(producer, 7, chargers=1)
    await fleet.steps(50)
    enricher = rig.enricher().start().wait()
    assert (await rig.settled(fleet)).right
    for _ in range(130):
        await fleet.poison(fleet.chargers[0].name.encode())
    await fleet.steps(5)
    assert await asyncio.to_thread(enricher.process.child.wait, 60) == 1
    assert "TooManyDeadLetters: 100 in a row" in enricher.log.read_text()
    committed, ends = await rig.committed(), await rig.ends()
    # Nothing of the poison past the limit is acknowledged, nor what comes after it.
    assert max(end - committed[number] for number, end in ends.items()) > 30


async def _one_row(fleet: Fleet, act: Callable[[], Awaitable[None]]) -> tuple[RowName, Row]:
    before = set(fleet.expected.rows)
    await act()
    [name] = set(fleet.expected.rows) - before
    return name, fleet.expected.rows[name]
