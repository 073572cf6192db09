"""The enricher while ClickHouse refuses or is away: it waits, and every admitted exchange is stored once, samples too."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiokafka import AIOKafkaProducer

from faults.fleet import Fleet
from faults.oracle import Log
from faults.refusals import REFUSALS, Refusal
from faults.rig import Enricher, Rig
from support.faulty_proxy import Fault, Kind

pytestmark = pytest.mark.faults


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
    # What was stored before is acknowledged within a second or two.
    await asyncio.sleep(3)
    held, memory, ends = await rig.committed(), enricher.resident_mb(), await rig.ends()
    # 60 MB.
    for _ in range(4):
        await fleet.ballast(150, 100_000)
        await asyncio.sleep(0.5)
    assert enricher.resident_mb() - memory < 40
    # Where the large messages are, nobody wants them: they are acknowledged as soon as nothing before them waits.
    waiting = [number for number, end in (await rig.ends()).items() if end - ends[number] < 1000]
    assert len(waiting) == 3
    committed = await rig.committed()
    assert [committed[number] for number in waiting] == [held[number] for number in waiting]
    assert enricher.terminate() == 0
    enricher.start()
    await asyncio.sleep(1)
    rig.proxy.up()
    verdict = await rig.settled(fleet)
    assert verdict.right, verdict


async def test_the_lag_is_told_while_nothing_is_read(rig: Rig, producer: AIOKafkaProducer) -> None:
    def lag() -> float:
        return enricher.metric("ocpplog_enricher_lag_frames")

    fleet = Fleet(producer, 4)
    enricher = rig.enricher(enricher_backlog_bytes=100_000).start().wait()
    await fleet.steps(100)
    assert (await rig.settled(fleet)).right
    rig.proxy.down()
    await fleet.steps(500)
    await rig.until(lambda: lag() > 200)
    before = lag()
    await fleet.steps(500)
    await rig.until(lambda: lag() > before + 200)
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
    stored = Log(rig.client, {}).names()
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
        assert Log(rig.client, {}).names() == stored
        assert refusal.count(rig.client) >= len(_pauses(enricher, refusal)) > 3
    assert {0.2, 0.4, 0.8, 1.6} <= set(_pauses(enricher, refusal))
    verdict = await rig.settled(fleet)
    assert verdict.right, verdict
    assert enricher.terminate() == 0


def _pauses(enricher: Enricher, refusal: Refusal) -> list[float]:
    """Those after errors in which the engine gives this reason."""
    lines = [json.loads(line) for line in enricher.log.read_text().splitlines() if "trying again" in line]
    return [line["pause_s"] for line in lines if f"Code: {refusal.code}. DB::Exception: " in line["error"]]
