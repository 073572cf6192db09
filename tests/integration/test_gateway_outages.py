"""The gateway while Kafka is silent: charging goes on, and what could not be recorded is declared, exactly.

On the embedded broker, and on Apache Kafka where its jars are given.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from integration.gateway_support import (
    HEARTBEAT,
    Bench,
    Gate,
    Traffic,
    Upstream,
    join,
    listening,
)
from ocpplog_common import records, topics
from ocpplog_common.admin import kafka as admin
from ocpplog_common.envelope import Envelope, Opcode, Source
from ocpplog_common.records import Gap
from ocpplog_common.settings import KafkaSettings
from support.broker import DURABLE, IDEMPOTENCE, REPLICATION, Broker, broker
from support.processes import free_port

pytestmark = pytest.mark.integration
SMALL = 300_000


@pytest.fixture
def kafka() -> Iterator[Broker]:
    with broker() as found:
        asyncio.run(_topics(found))
        yield found


async def _topics(found: Broker) -> None:
    await admin.create_topics(KafkaSettings(kafka_bootstrap=found.bootstrap, kafka_idempotence=IDEMPOTENCE), 3, REPLICATION)


class Yard:
    """A gateway that takes any charger, and its central system."""

    def __init__(self, kafka: Broker, log: Path, upstream: Upstream, port: int, **settings: object) -> None:
        known: dict[str, object] = {
            "kafka_idempotence": str(IDEMPOTENCE).lower(),
            "gateway_default_site": "yard",
            "gateway_upstream": f"ws://127.0.0.1:{port}/csms",
            "gateway_hold_s": 0.5,
            "gateway_delivery_timeout_s": 2,
        }
        self.kafka = kafka
        self.upstream = upstream
        self.gate = Gate(kafka.bootstrap, log, **{**known, **settings})
        self.bench = Bench(kafka.bootstrap, port, 0, self.gate, self.gate)

    async def recorded(self) -> dict[tuple[str, Source], Recorded]:
        """What is on Kafka, once it has everything. A frame that is there twice counts once."""
        await self.gate.reaches("ocpplog_gateway_buffer_records", 0, 0)
        found: dict[tuple[str, Source], Recorded] = defaultdict(Recorded)
        seen: set[tuple[str, int, Opcode]] = set()
        for record in await self.bench.all_of(topics.FRAMES):
            envelope = Envelope.from_record(record.key, record.value, record.headers)
            name = (envelope.connection_id, envelope.sequence, envelope.opcode)
            if name in seen:
                continue
            seen.add(name)
            side = found[envelope.charger_id, envelope.source]
            if envelope.opcode is Opcode.GAP:
                side.gaps.append((envelope, records.decode_gap(record.value)))
            else:
                side.frames.append(envelope)
        return found


@dataclass
class Recorded:
    """Of one charger and source, in the order of the topic."""

    frames: list[Envelope] = field(default_factory=list)
    gaps: list[tuple[Envelope, Gap]] = field(default_factory=list)

    def holds(self, received: list[bytes]) -> None:
        """Assert that what the other side received is recorded or declared, each once, in order."""
        order = [(envelope.connection_id, envelope.sequence) for envelope in self.frames]
        assert order == sorted(order)
        on_kafka = [envelope.frame for envelope in self.frames]
        missing = _missing(received, on_kafka)
        assert sum(gap.count for _, gap in self.gaps) == len(missing)
        assert sum(gap.bytes for _, gap in self.gaps) == sum(map(len, missing))
        for envelope, gap in self.gaps:
            assert envelope.received_at_us == round(gap.first_at.timestamp() * 1_000_000)
            assert gap.first_at <= gap.last_at
            inside = [e for e in self.frames if e.connection_id == envelope.connection_id and e.sequence == envelope.sequence]
            assert not inside


def _missing(received: list[bytes], on_kafka: list[bytes]) -> list[bytes]:
    """What was received and is not on Kafka, of which the rest has to be in the same order. (Kafka may have some more at the end:
    recorded, and never passed on.)"""
    left = iter(on_kafka)
    missing = []
    expected = next(left, None)
    for frame in received:
        if frame == expected:
            expected = next(left, None)
        else:
            missing.append(frame)
    return missing


def everything_is_recorded(recorded: dict[tuple[str, Source], Recorded], traffic: Traffic, upstream: Upstream) -> None:
    """Without gaps, in order, what either side received."""
    for charger_id, received in traffic.received.items():
        assert [e.frame for e in recorded[charger_id, Source.CSMS].frames] == received
        assert [e.frame for e in recorded[charger_id, Source.CHARGER].frames] == upstream.received[charger_id]


@pytest.fixture
async def central() -> AsyncIterator[tuple[Upstream, int]]:
    system, port = Upstream(), free_port()
    async with listening(system, port):
        yield system, port


async def _ends_well(yard: Yard) -> None:
    assert await asyncio.to_thread(yard.gate.process.stop) == 0
    text = yard.gate.log.read_text()
    assert "Traceback" not in text and "never retrieved" not in text, text[-4000:]
    # Besides what each connection has to tell, an outage is not worth many lines.
    assert len([line for line in text.splitlines() if '"charger"' not in line]) < 60


async def test_charging_goes_on_and_what_did_not_fit_is_declared(
    kafka: Broker, tmp_path: Path, central: tuple[Upstream, int]
) -> None:
    upstream, port = central
    yard = Yard(kafka, tmp_path / "log", upstream, port, gateway_buffer_bytes=SMALL)
    with yard.gate as gate:
        await asyncio.to_thread(gate.wait)
        traffic = Traffic(gate, [f"HOLD-{number}" for number in range(8)])
        await traffic.flowing()
        kafka.freeze()
        # Held back at first, then passed on.
        before = min(map(len, traffic.received.values()))
        await traffic.flowing(before + 200)
        assert await gate.metric("ocpplog_gateway_kafka_up") == 0
        assert await gate.metric("ocpplog_gateway_passed_early_total") > 0
        await gate.reaches("ocpplog_gateway_dropped_frames_total", 100)
        assert await gate.metric("ocpplog_gateway_buffer_bytes") < SMALL + 3 * 256 * 1024
        # Whoever comes now is served as well.
        assert (await gate.get("/readyz"))[0] == 200
        async with join(gate, "/NEW") as point:
            await point.send(HEARTBEAT.format("new"))
            assert await point.recv() == '[3,"new",{}]'
        kafka.thaw()
        before = min(map(len, traffic.received.values()))
        await gate.reaches("ocpplog_gateway_kafka_up", 1)
        await traffic.flowing(before + 50)
        await traffic.stop()
        await upstream.gone()

        recorded = await yard.recorded()
        dropped = await gate.metric("ocpplog_gateway_dropped_frames_total")
        assert dropped == sum(gap.count for side in recorded.values() for _, gap in side.gaps)
        assert traffic.codes == [1000] * 8
        for charger_id, received in traffic.received.items():
            recorded[charger_id, Source.CHARGER].holds(upstream.received[charger_id])
            recorded[charger_id, Source.CSMS].holds(received)
        assert {gap.site_id for side in recorded.values() for _, gap in side.gaps} == {"yard"}
        await _ends_well(yard)


async def test_a_short_silence_loses_nothing(kafka: Broker, tmp_path: Path, central: tuple[Upstream, int]) -> None:
    upstream, port = central
    yard = Yard(kafka, tmp_path / "log", upstream, port)
    with yard.gate as gate:
        await asyncio.to_thread(gate.wait)
        traffic = Traffic(gate, [f"SHORT-{number}" for number in range(5)], pause_s=0.02)
        for _ in range(3):
            await traffic.flowing(min(map(len, traffic.received.values())) + 20)
            kafka.freeze()
            await asyncio.sleep(1)
            kafka.thaw()
        await traffic.flowing(min(map(len, traffic.received.values())) + 20)
        await traffic.stop()
        await upstream.gone()
        recorded = await yard.recorded()
        everything_is_recorded(recorded, traffic, upstream)
        assert not any(side.gaps for side in recorded.values())
        await _ends_well(yard)


async def test_sigterm_waits_for_kafka(kafka: Broker, tmp_path: Path, central: tuple[Upstream, int]) -> None:
    upstream, port = central
    yard = Yard(kafka, tmp_path / "log", upstream, port, gateway_flush_s=20)
    with yard.gate as gate:
        await asyncio.to_thread(gate.wait)
        traffic = Traffic(gate, ["STOP-1"], pause_s=0.005)
        await traffic.flowing()
        kafka.freeze()
        await traffic.flowing(len(traffic.received["STOP-1"]) + 100)
        stopping = asyncio.create_task(asyncio.to_thread(gate.process.stop))
        await traffic.ended()
        await asyncio.sleep(0.5)
        kafka.thaw()
        assert await stopping == 0
        await upstream.gone()
        on_kafka = await yard.bench.everything()
        received = traffic.received["STOP-1"]
        assert on_kafka["STOP-1", Source.CSMS][: len(received)] == received
        at_upstream = upstream.received["STOP-1"]
        assert on_kafka["STOP-1", Source.CHARGER][: len(at_upstream)] == at_upstream


async def test_sigterm_says_what_kafka_never_took(kafka: Broker, tmp_path: Path, central: tuple[Upstream, int]) -> None:
    upstream, port = central
    yard = Yard(kafka, tmp_path / "log", upstream, port, gateway_flush_s=0.5)
    with yard.gate as gate:
        await asyncio.to_thread(gate.wait)
        traffic = Traffic(gate, ["LOST-1"])
        await traffic.flowing()
        kafka.freeze()
        await traffic.flowing(len(traffic.received["LOST-1"]) + 10)
        assert await asyncio.to_thread(gate.process.stop, timeout=40) == 1
        await traffic.ended()
        kafka.thaw()
        assert "Kafka did not take what still waited at the end" in gate.log.read_text()


@pytest.mark.skipif(not DURABLE, reason="the embedded broker loses its topics when it is killed")
async def test_killed_and_started_again(kafka: Broker, tmp_path: Path, central: tuple[Upstream, int]) -> None:
    upstream, port = central
    yard = Yard(kafka, tmp_path / "log", upstream, port)
    with yard.gate as gate:
        await asyncio.to_thread(gate.wait)
        # So slowly that the buffer lasts until Kafka is back.
        traffic = Traffic(gate, [f"KILL-{number}" for number in range(5)], pause_s=0.02)
        for _ in range(2):
            await traffic.flowing(min(map(len, traffic.received.values())) + 20)
            await asyncio.to_thread(kafka.kill)
            await traffic.flowing(min(map(len, traffic.received.values())) + 100)
            await asyncio.to_thread(kafka.start)
        await gate.reaches("ocpplog_gateway_kafka_up", 1, timeout=30)
        await traffic.stop()
        await upstream.gone()
        recorded = await yard.recorded()
        everything_is_recorded(recorded, traffic, upstream)
        await _ends_well(yard)
