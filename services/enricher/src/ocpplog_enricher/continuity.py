"""Sees to it that no record of a partition is passed over.

Offsets of `ocpp.frames` and `ocpp.connections` follow one another: both are neither compacted nor written in transactions.
Where a batch begins behind the end of the one before, or behind where the group was, something between broker and stream left
out records, and what follows would be acknowledged with them. They are read by themselves then.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import structlog
from aiokafka import ConsumerRecord

from ocpplog_enricher import metrics
from ocpplog_enricher.kafka_driver import Batch

Between = Callable[[str, int, int, int], AsyncIterator[Sequence[ConsumerRecord]]]
"""(topic, partition, first offset, offset after the last) -> the records there, in order, some at a time."""

_log: Final = structlog.get_logger(__name__)


class Continuity:
    """Remembers of each partition up to where its batches went."""

    def __init__(self, between: Between) -> None:
        self._between = between
        self._reached: dict[tuple[str, int], tuple[int, int]] = {}

    async def complete(self, batch: Batch) -> AsyncIterator[Sequence[ConsumerRecord]]:
        """The records of the batch, and before them, or among them, those that should have come; some at a time.

        Raises aiokafka's KafkaError.
        """
        generation, expected = self._reached.get((batch.topic, batch.partition), (-1, 0))
        if generation != batch.generation:
            expected = batch.records[0].offset if batch.begins is None else batch.begins
        first, last = batch.records[0].offset, batch.records[-1].offset
        self._reached[batch.topic, batch.partition] = (batch.generation, max(expected, last + 1))
        if first <= expected and last - first + 1 == len(batch.records):
            yield batch.records
            return
        done = 0
        for number, record in enumerate(batch.records):
            if record.offset > expected:
                if number > done:
                    yield batch.records[done:number]
                    done = number
                async for records in self._passed_over(batch, expected, record.offset):
                    yield records
            expected = max(expected, record.offset + 1)
        yield batch.records[done:]

    async def _passed_over(self, batch: Batch, first: int, end: int) -> AsyncIterator[Sequence[ConsumerRecord]]:
        found = 0
        async for records in self._between(batch.topic, batch.partition, first, end):
            found += len(records)
            yield records
        missing = end - first - found
        metrics.PASSED_OVER.labels(batch.topic).inc(found)
        metrics.MISSING.labels(batch.topic).inc(missing)
        report = _log.error if missing else _log.warning
        report(
            "records were passed over", topic=batch.topic, partition=batch.partition, first=first, last=end - 1, missing=missing
        )
