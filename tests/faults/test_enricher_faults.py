"""The enricher under one fault of the group or of a clock at a time: every admitted exchange is stored once, samples too."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaProducer

from faults.fleet import Fleet
from faults.rig import PARTITIONS, SESSION_TIMEOUT_S, Rig
from support.faulty_proxy import PASS, Fault, Kind

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
