"""Putting frames on Kafka: what goes wrong with one connection or one producer stays there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import OutOfOrderSequenceNumber

from ocpplog_common.envelope import Connection, Opcode, Source
from ocpplog_gateway import producer, recorder
from ocpplog_gateway.queues import Record
from ocpplog_gateway.recorder import KafkaRecorder
from ocpplog_gateway.settings import GatewaySettings


class FakeBatch:
    def __init__(self) -> None:
        self.values: list[bytes] = []

    def append(self, *, value: bytes, **_: object) -> object:
        self.values.append(value)
        return self

    def close(self) -> None: ...


class FakeKafka:
    """A producer of one broker. `starting` and `fails` are what the next starts and the next batches raise.

    An `endless` one gets no producer id, and waits for it.
    """

    def __init__(self, kafka: list[bytes], starting: list[Exception], fails: list[Exception], endless: bool = False) -> None:
        self.client = self.cluster = self
        self.endless = endless
        self.kafka = kafka
        self.starting = starting
        self.fails = fails

    async def start(self) -> None:
        if self.starting:
            raise self.starting.pop(0)
        if self.endless:
            await asyncio.Event().wait()

    def brokers(self) -> set[object]:
        return {self}

    async def stop(self) -> None: ...

    async def partitions_for(self, topic: str) -> set[int]:
        return {0}

    async def fetch_all_metadata(self) -> None: ...

    def leader_for_partition(self, partition: object) -> int:
        return 0

    def create_batch(self) -> FakeBatch:
        return FakeBatch()

    async def send_batch(self, batch: FakeBatch, topic: str, *, partition: int) -> asyncio.Future[Any]:
        if self.fails:
            raise self.fails.pop(0)
        self.kafka += batch.values
        answer = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(answer.set_result, None)
        return answer


class FakeOwner:
    source = Source.CHARGER
    connection = Connection("CP1", "s", "ocpp1.6", "c", "g")

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.released = asyncio.Event()

    def release(self, record: Record) -> None:
        if self.broken:
            raise RuntimeError("a fault of this connection")
        self.released.set()

    def refuse(self, record: Record) -> None: ...


class Scene:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kafka: list[bytes] = []
        self.starting: list[Exception] = []
        self.fails: list[Exception] = []
        monkeypatch.setattr(recorder, "_PAUSE_S", 0)
        monkeypatch.setattr(recorder, "_PROBE_AGAIN_S", 0)
        monkeypatch.setattr(producer, "_START_WITHIN_S", 0.05)
        self.ids = True
        self.asked: list[bool] = []
        self.recorder = KafkaRecorder(GatewaySettings(gateway_hold_s=0.1))
        monkeypatch.setattr(producer, "create", self._create)

    def _create(self, settings: GatewaySettings, *, idempotent: bool) -> FakeKafka:
        self.asked.append(idempotent)
        return FakeKafka(self.kafka, self.starting, self.fails, endless=idempotent and not self.ids)

    def record(self, owner: FakeOwner, data: bytes) -> None:
        self.recorder.record(self.recorder.partition(b"CP1"), owner, data, Opcode.TEXT, 1, 1)


async def test_a_fault_of_one_connection_does_not_end_its_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, owner = Scene(monkeypatch), FakeOwner()
    told = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda *_: told.set())
    await scene.recorder.start()
    scene.record(FakeOwner(broken=True), b"a")
    async with asyncio.timeout(5):
        await told.wait()
        scene.record(owner, b"b")
        await owner.released.wait()
    assert scene.kafka == [b"a", b"b"]
    assert await scene.recorder.stop() == 0


async def test_a_producer_that_does_not_start_is_tried_again_whatever_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, owner = Scene(monkeypatch), FakeOwner()
    await scene.recorder.start()
    scene.fails.append(AssertionError("of the library"))
    scene.starting += [ValueError("of the library"), ConnectionError()]
    scene.record(owner, b"a")
    async with asyncio.timeout(5):
        await owner.released.wait()
    assert scene.kafka == [b"a"]
    assert await scene.recorder.stop() == 0


async def test_frames_go_on_without_idempotence_where_kafka_gives_no_producer_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen with three nodes that were killed, and restarted: half a minute without a producer id, while others could write."""
    scene, owner = Scene(monkeypatch), FakeOwner()
    await scene.recorder.start()
    scene.ids = False
    scene.fails.append(OutOfOrderSequenceNumber())
    scene.record(owner, b"a")
    async with asyncio.timeout(5):
        await owner.released.wait()
    assert scene.kafka == [b"a"]
    assert scene.asked == [True, True, False]
    assert await scene.recorder.stop() == 0


async def test_late_records_are_looked_for_after_a_fault_too(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    looked = asyncio.Event()

    def check(now: float) -> None:
        if not looked.is_set():
            looked.set()
            raise RuntimeError("a fault of one connection")
        again.set()

    again = asyncio.Event()
    monkeypatch.setattr(scene.recorder.buffer, "check", check)
    await scene.recorder.start()
    async with asyncio.timeout(5):
        await again.wait()
    await scene.recorder.stop()
