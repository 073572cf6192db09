"""Reads again what came shortly before a partition's committed offset, so that answers find their requests after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from ocpplog_common import topics

_log = structlog.get_logger(__name__)


class WarmUp:
    """`client` are the keyword arguments of an aiokafka client; `window_us` how far back a frame can matter."""

    def __init__(self, client: dict[str, Any], window_us: int) -> None:
        self._client = client
        self._window_ms = window_us // 1000 + 1000
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        self._consumer = AIOKafkaConsumer(enable_auto_commit=False, auto_offset_reset="earliest", **self._client)
        await self._consumer.start()

    async def stop(self) -> None:
        if self._consumer:
            await self._consumer.stop()
            self._consumer = None

    async def records_before(self, partition: int, offset: int, timestamp_ms: int) -> AsyncIterator[ConsumerRecord]:
        """The records of the window that ends before `offset`, whose record has `timestamp_ms`, in order."""
        assert self._consumer is not None
        place = TopicPartition(topics.FRAMES, partition)
        self._consumer.assign([place])
        start = await self._start(place, timestamp_ms - self._window_ms)
        if start >= offset:
            return
        _log.info("reading frames before the committed offset", partition=partition, first=start, last=offset - 1)
        self._consumer.seek(place, start)
        while await self._consumer.position(place) < offset:
            batches = await self._consumer.getmany(place, timeout_ms=1000)
            for record in batches.get(place, []):
                if record.offset >= offset:
                    return
                yield record

    async def _start(self, place: TopicPartition, timestamp_ms: int) -> int:
        assert self._consumer is not None
        found = (await self._consumer.offsets_for_times({place: max(0, timestamp_ms)})).get(place)
        if found is not None:
            return int(found.offset)
        return int((await self._consumer.beginning_offsets([place]))[place])
