"""Reads beside the consumer group: what came shortly before a partition's committed offset, so that answers find their requests
after a restart; and what a poll passed over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from ocpplog_common import topics

_AT_ONCE: Final = 500
_ENDS_WITHIN_S: Final = 5.0

_log = structlog.get_logger(__name__)


class FramesReader:
    """Reads `ocpp.frames` beside the consumer group: joins none and commits nothing. `client` are the keyword arguments of an
    aiokafka client; `window_us` how far back a frame can matter to another."""

    def __init__(self, client: dict[str, Any], window_us: int) -> None:
        self._client = client
        # The broker's time of a record is later than the gateway's of the frame.
        self._window_ms = window_us // 1000 + 1000
        self._started: AIOKafkaConsumer | None = None

    @property
    def _consumer(self) -> AIOKafkaConsumer:
        assert self._started is not None
        return self._started

    async def start(self) -> None:
        self._started = AIOKafkaConsumer(enable_auto_commit=False, auto_offset_reset="earliest", **self._client)
        await self._started.start()

    async def stop(self) -> None:
        if self._started:
            await self._started.stop()
            self._started = None


async def between(
    client: dict[str, Any], topic: str, partition: int, first: int, end: int
) -> AsyncIterator[Sequence[ConsumerRecord]]:
    """The records from offset `first` on and before `end`, whose record is there: a fetch's at a time. With a consumer of its
    own, because it is seldom needed."""
    place = TopicPartition(topic, partition)
    async with AIOKafkaConsumer(enable_auto_commit=False, auto_offset_reset="earliest", **client) as consumer:
        consumer.assign([place])
        async for records in _read(consumer, place, first, end):
            yield records


async def _read(consumer: AIOKafkaConsumer, place: TopicPartition, first: int, end: int) -> AsyncIterator[list[ConsumerRecord]]:
    consumer.seek(place, first)
    while await consumer.position(place) < end:
        batches = await consumer.getmany(place, timeout_ms=1000, max_records=_AT_ONCE)
        if found := [record for record in batches.get(place, []) if first <= record.offset < end]:
            yield found


class WarmUp(FramesReader):
    async def records_before(self, partition: int, offset: int, timestamp_ms: int) -> AsyncIterator[ConsumerRecord]:
        """The records of the window that ends before `offset`, whose record has `timestamp_ms`, in order."""
        place = TopicPartition(topics.FRAMES, partition)
        self._consumer.assign([place])
        start = await self._start(place, timestamp_ms - self._window_ms)
        if start >= offset:
            return
        _log.info("reading frames before the committed offset", partition=partition, first=start, last=offset - 1)
        async for records in _read(self._consumer, place, start, offset):
            for record in records:
                yield record

    async def ends(self, partitions: Collection[int]) -> Mapping[int, int]:
        """The offset that the next record of each will have; of none where Kafka does not say in time."""
        places = [TopicPartition(topics.FRAMES, number) for number in partitions]
        try:
            async with asyncio.timeout(_ENDS_WITHIN_S):
                found = await self._consumer.end_offsets(places)
        except (KafkaError, TimeoutError):
            return {}
        return {place.partition: offset for place, offset in found.items()}

    async def _start(self, place: TopicPartition, timestamp_ms: int) -> int:
        found = (await self._consumer.offsets_for_times({place: max(0, timestamp_ms)})).get(place)
        if found is not None:
            return int(found.offset)
        return int((await self._consumer.beginning_offsets([place]))[place])
