"""A compacted topic as a dictionary that follows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Generic, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError

_log = structlog.get_logger(__name__)
_Value = TypeVar("_Value")
_POLL_MS = 500
_RETRY_S = 1.0
_LOOK_S = 0.01
READS: Final = {"enable_auto_commit": False, "auto_offset_reset": "earliest", "isolation_level": "read_committed"}
"""How records are read: all that are on the topic, and of a transaction nothing before it is committed."""


class CompactedTable(Mapping[str, _Value], Generic[_Value]):
    """The latest value of every key of `topic`.

    `start()` returns once everything that was on the topic is read (or raises the `KafkaError` that prevents it); from then
    on a task follows the topic until `stop()`. A value that `decode` refuses (ValueError) is logged and leaves the older
    value in place: one bad record must not take a site off. Of a transaction, nothing is seen before it is committed.
    """

    def __init__(self, topic: str, decode: Callable[[bytes], _Value], client: dict[str, Any]) -> None:
        self.topic = topic
        self._decode = decode
        self._client = client
        self._values: dict[str, _Value] = {}
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None

    def __getitem__(self, key: str) -> _Value:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    async def start(self) -> None:
        consumer = self._consumer = AIOKafkaConsumer(**READS, **self._client)
        try:
            # Within: one that could not start has connections too, and is tried again for as long as Kafka is away.
            await consumer.start()
            await self._load(consumer)
        except BaseException:
            await self.stop()
            raise
        self._task = asyncio.create_task(self._follow(consumer), name=f"follow {self.topic}")

    async def catch_up(self, beyond: Mapping[int, int] | None = None) -> None:
        """Returns once everything is read that is on the topic now and, of the partitions in `beyond`, up to that offset.

        Raises aiokafka's KafkaError, also where `start()` has not returned yet. Bound it in time: Kafka may be silent.
        """
        if self._consumer is None or self._task is None:
            raise KafkaConnectionError(f"{self.topic} is not read yet")
        ends = await self._ends(list(self._consumer.assignment()))
        for number, offset in (beyond or {}).items():
            partition = TopicPartition(self.topic, number)
            ends[partition] = max(ends.get(partition, 0), offset)
        for partition, end in ends.items():
            # The position: what ends a transaction takes an offset too, and is no record. It moves as records are applied.
            while await self._consumer.position(partition) < end:  # noqa: ASYNC110 - aiokafka has no event for it
                await asyncio.sleep(_LOOK_S)

    async def _ends(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Over a connection of its own: on the follower's, the answer comes behind that of a fetch, which waits for news."""
        consumer = AIOKafkaConsumer(**READS, **self._client)
        try:
            await consumer.start()
            return dict(await consumer.end_offsets(partitions))
        finally:
            await consumer.stop()

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._consumer:
            consumer, self._consumer = self._consumer, None
            # While Kafka is away, aiokafka's stop raises whatever its own tasks were at, CancelledError included.
            for problem in await asyncio.gather(consumer.stop(), return_exceptions=True):
                if problem is not None:
                    _log.warning("consumer did not stop cleanly", topic=self.topic, error=repr(problem))

    async def _load(self, consumer: AIOKafkaConsumer) -> None:
        partitions = await self._assign(consumer)
        ends = await consumer.end_offsets(partitions)
        while True:
            quiet = not await self._poll(consumer, timeout_ms=100)
            # Both conditions: a poll can be empty before the end, and not every broker reports the end exactly.
            if quiet and all([await consumer.position(tp) >= end for tp, end in ends.items()]):
                return

    async def _assign(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        while not (numbers := await partitions_of(self.topic, self._client)):
            _log.warning("topic not there yet", topic=self.topic)
            await asyncio.sleep(_RETRY_S)
        partitions = [TopicPartition(self.topic, number) for number in numbers]
        consumer.assign(partitions)
        return partitions

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            try:
                await self._poll(consumer, timeout_ms=_POLL_MS)
            except Exception as error:
                # Of whatever kind: nobody would notice that this ended.
                _log.warning("compacted topic not readable, trying again", topic=self.topic, error=str(error))
                await asyncio.sleep(_RETRY_S)

    async def _poll(self, consumer: AIOKafkaConsumer, timeout_ms: int) -> bool:
        batches = await consumer.getmany(timeout_ms=timeout_ms)
        for records in batches.values():
            for record in records:
                self._apply(record)
        return bool(batches)

    def _apply(self, record: ConsumerRecord) -> None:
        key = (record.key or b"").decode("utf-8", "backslashreplace")
        if record.value is None:
            self._values.pop(key, None)
            return
        try:
            self._values[key] = self._decode(record.value)
        except ValueError as error:
            _log.error("unreadable record", topic=self.topic, key=key, offset=record.offset, error=str(error))


async def partitions_of(topic: str, client: dict[str, Any]) -> list[int]:
    """The numbers of a topic's partitions; empty where there is no such topic. Raises aiokafka's KafkaError.

    Not the consumer's partitions_for_topic: it knows nothing of a topic that is not assigned yet.
    """
    admin = AIOKafkaAdminClient(**client)
    try:
        await admin.start()
        [found] = await admin.describe_topics([topic])
        return sorted(partition["partition"] for partition in found["partitions"])
    finally:
        await admin.close()
