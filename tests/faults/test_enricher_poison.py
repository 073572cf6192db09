"""Records that cannot be enriched or stored: they are put aside as they came, and stop nothing but by their number."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka import AIOKafkaProducer

from faults.fleet import Fleet, Row, RowName
from faults.rig import Rig
from support.faulty_proxy import PASS, Asked, Fault, Kind

pytestmark = pytest.mark.faults


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
