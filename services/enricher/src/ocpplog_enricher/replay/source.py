"""Reads a span of `ocpp.frames` again, up to where the live enricher has come. Joins no group and commits nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from ocpplog_common import topics
from ocpplog_common.compacted import partitions_of
from ocpplog_enricher.errors import TopicIsNew
from ocpplog_enricher.replay.span import Span, Stretch
from ocpplog_enricher.warm_up import FramesReader

_PATIENCE_S = 60.0


class FrameSource(FramesReader):
    """`group` is the live enricher's."""

    def __init__(self, client: dict[str, Any], group: str, window_us: int) -> None:
        super().__init__(client, window_us)
        self._group = group

    async def stretches(self, span: Span) -> list[Stretch]:
        """Of every partition. Raises ValueError where there is no such topic."""
        places = [TopicPartition(topics.FRAMES, number) for number in await partitions_of(topics.FRAMES, self._client)]
        if not places:
            raise ValueError(f"there is no topic {topics.FRAMES}")
        self._consumer.assign(places)
        begins = await self._consumer.beginning_offsets(places)
        firsts = await self._at(places, span.from_us // 1000 - self._window_ms)
        committed = await self._committed(places)
        return [Stretch(place.partition, begins[place], firsts[place], committed.get(place, 0)) for place in places]

    async def records(self, stretch: Stretch) -> AsyncIterator[ConsumerRecord]:
        """In order, from `first` to the end of the partition. Raises TopicIsNew, or OSError where Kafka brings nothing."""
        place = TopicPartition(topics.FRAMES, stretch.partition)
        self._consumer.assign([place])
        self._consumer.seek(place, stretch.first)
        give_up_at = time.monotonic() + _PATIENCE_S
        while not await self._at_end(place, stretch.end):
            batches = await self._consumer.getmany(place, timeout_ms=500)
            if batches:
                give_up_at = time.monotonic() + _PATIENCE_S
            elif time.monotonic() > give_up_at:
                raise OSError(f"{topics.FRAMES}, partition {stretch.partition}: Kafka brings nothing for {_PATIENCE_S:.0f} s")
            for record in batches.get(place, []):
                yield record

    async def _at_end(self, place: TopicPartition, committed: int) -> bool:
        """By what the last fetch said: not every broker reports the end exactly when asked for it."""
        highwater = self._consumer.highwater(place)
        if highwater is None:
            return False
        if highwater < committed:
            raise TopicIsNew(
                f"{topics.FRAMES}, partition {place.partition}: ends at {highwater}, before the committed {committed}"
            )
        return bool(await self._consumer.position(place) >= highwater)

    async def _at(self, places: list[TopicPartition], timestamp_ms: int) -> dict[TopicPartition, int]:
        """The first offsets that are not older; where there are none, the ends."""
        found = await self._consumer.offsets_for_times(dict.fromkeys(places, max(0, timestamp_ms)))
        ends = await self._consumer.end_offsets(places)
        return {place: found[place].offset if found.get(place) else ends[place] for place in places}

    async def _committed(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        admin = AIOKafkaAdminClient(**self._client)
        await admin.start()
        try:
            found = await admin.list_consumer_group_offsets(self._group, partitions=places)
        finally:
            await admin.close()
        return {place: offset.offset for place, offset in found.items() if offset.offset >= 0}
