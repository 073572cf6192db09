"""Faust's Kafka transport, handing over records in batches: Faust chooses it by the URL scheme `kafka-batches`.

Stock Faust makes a pair of tasks, an event and an entry in its accounting for every record, which costs more than the enricher's
work on it. Here the consumer's scheduler (Faust's setting `ConsumerScheduler`) passes on what one poll brought of a partition
as one message, and streams run as ever: each of their events is a `Batch`.

Offsets are not acknowledged by event but with `BatchConsumer.finished`, at whatever record the work is done up to; Faust commits
them at its own interval. Topics have to be declared with `batch_topic`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import faust
from aiokafka import ConsumerRecord
from aiokafka.client import ConnectionGroup
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import HeartbeatRequest
from faust.transport.consumer import ConsumerMessage
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

SCHEME: Final = "kafka-batches"
BATCH_RECORDS: Final = 500
"""A poll brings no more, so that a heartbeat of the event loop comes between. What is fetched beyond is not unpacked before its
turn: the objects of megabytes of records are slow to walk through, for the processor and for the garbage collector."""

FETCH_WAIT_MS: Final = 100


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition, in the order of their offsets, fetched in `generation` of the consumer group.

    `begins`: the offset at which the group was when the partition was assigned; None where it had committed none.
    """

    topic: str
    partition: int
    generation: int
    begins: int | None
    records: list[ConsumerRecord]


class BatchScheduler:
    """What a poll brought of each partition, as one."""

    def iterate(self, records: Mapping[TP, list[ConsumerRecord]]) -> Iterator[tuple[TP, list[ConsumerRecord]]]:
        return iter(records.items())


class _Thread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Faust fixes for how long a fetch may wait at the broker: 1.5 s. A broker that looks for records only now and then within
    that time, as the embedded one does, lets them wait for half of it."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer, with batches for messages and an accounting that keeps one number a partition."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._finished: dict[TP, int] = {}
        self._begins: Mapping[TP, int] = {}

    def finished(self, topic: str, partition: int, generation: int, next_offset: int) -> None:
        """All before `next_offset` is done. Nothing happens where the partition has gone to another member meanwhile."""
        place = TP(topic, partition)
        if generation == self.app.consumer_generation_id and place in self.assignment():
            self._finished[place] = next_offset

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def is_member(self, generation: int, within_s: float) -> bool:
        """Whether the group's coordinator counts this process to that generation: asked with a heartbeat of our own, because
        what aiokafka's last one was answered, it tells nobody. False too where there is no answer in that time."""
        if not self.assignment():
            return False
        # aiokafka's consumer lives in a thread and loop of its own. Past Faust's queue to it, where a commit may be waiting.
        asking = asyncio.run_coroutine_threadsafe(self._heartbeat(generation, within_s), self._thread.thread_loop)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(asking), 2 * within_s)
        except TimeoutError:
            return False

    async def _heartbeat(self, generation: int, within_s: float) -> bool:
        coordinator = self._thread._ensure_consumer()._coordinator
        if coordinator.coordinator_id is None:
            return False
        request = HeartbeatRequest(coordinator.group_id, generation, coordinator.member_id)
        sending = coordinator._client.send(coordinator.coordinator_id, request, group=ConnectionGroup.COORDINATION)
        try:
            answer = await asyncio.wait_for(sending, within_s)
        except (KafkaError, TimeoutError):
            return False
        return bool(answer.error_code == 0)

    def _to_message(self, tp: TP, records: list[ConsumerRecord]) -> ConsumerMessage:
        last = records[-1]
        generation = self.app.consumer_generation_id
        batch = Batch(tp.topic, tp.partition, generation, self._begins.get(tp), records)
        timestamp = last.timestamp / 1000
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            timestamp,
            last.timestamp_type,
            [],
            None,
            batch,
            None,
            0,
            0,
            tp,
            generation_id=generation,
        )

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        # The callbacks that this calls commit what is finished.
        await super().on_partitions_revoked(revoked)
        for place in revoked:
            self._finished.pop(place, None)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Back to where the group is, whatever a poll has brought meanwhile.

        aiokafka leaves a partition without a committed offset where it is. What Faust had read of it and thrown away, because the
        group was rebalanced at that moment, would never come again, and be acknowledged with what follows.
        """
        committed: Mapping[TP, int] = await super().seek_to_committed()
        if fresh := [place for place, offset in committed.items() if not offset]:
            await self._thread.seek_to_beginning(*fresh)
        self._begins = {place: offset for place, offset in committed.items() if offset}
        return committed

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust looks whether work on a partition stands still, to log it. Where the partition came just now, and aiokafka does
        not know its position yet, or where it has gone, that look would end the process."""
        with contextlib.suppress(AssertionError, AttributeError, KeyError):
            super().verify_event_path(now, tp)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (place for place in self._finished if topics is None or place in topics or place.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._finished.get(tp)


class Transport(driver.Transport):  # type: ignore[misc]
    Consumer = BatchConsumer


class _Batches(faust.Schema):  # type: ignore[misc]
    """Events whose value is the batch itself."""

    def compile(self, app: Any, **_: Any) -> Any:
        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return app.create_event(None, message.value, message.headers, message)

        return decode


def batch_topic(app: Any, name: str) -> Any:
    """The topic for an agent whose events are batches. Faust's own acknowledgements are off: see `BatchConsumer.finished`."""
    return app.topic(name, schema=_Batches(), acks=False, maxsize=1)


def options(brokers: str) -> dict[str, Any]:
    """Options of faust.App for addresses as `host:port,host:port`."""
    urls = ";".join(f"{SCHEME}://{address.strip()}" for address in brokers.split(","))
    return {"broker": urls, "broker_max_poll_records": BATCH_RECORDS, "ConsumerScheduler": BatchScheduler}
