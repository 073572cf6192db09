"""The enricher's work on a batch of connection events: decode, store, acknowledge (`connection_agent.py` brings them)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

from ocpplog_common import topics
from ocpplog_common.records import RecordError
from ocpplog_enricher import metrics
from ocpplog_enricher.dead_letter import DeadLetters
from ocpplog_enricher.domain.connection_events import event_row
from ocpplog_enricher.domain.rows import EventRow
from ocpplog_enricher.errors import RowsRejected
from ocpplog_enricher.sink import Fence, TableWriter

EVENT_NAME = "lower(hex(event_id))"
"""The columns that `EventRow.id` is made of."""


class Record(Protocol):
    """A record of ocpp.connections, as aiokafka brings it."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class ConnectionWorker:
    """Keeps nothing between batches. What is stored already is looked up before and after every write, not only after an
    assignment: events are few, and a copy of one may come at any time."""

    def __init__(
        self,
        writer: TableWriter,
        dead_letters: DeadLetters,
        fence: Callable[[int], Awaitable[None]],
        retention_days: Callable[[str], int],
    ) -> None:
        """`fence(generation)` returns while the partitions of that generation are this process's; raises PartitionLost when
        they no longer are. `retention_days(site id)`: how long the site wants its events kept, asked when a row is written."""
        self._writer = writer
        self._dead_letters = dead_letters
        self._fence = fence
        self._retention_days = retention_days

    async def take(self, partition: int, generation: int, records: Sequence[Record]) -> None:
        """Returns when all records, of one partition, are stored: they belong to one shard.

        Raises PartitionLost, and StoreUnavailable or TooManyDeadLetters: then the process has to end, so that the events are
        read again.
        """
        found: dict[str, tuple[EventRow, Record]] = {}
        for record in records:
            try:
                row = event_row(record.value, partition, record.offset, self._retention_days)
            except RecordError as error:
                await self._put_aside(partition, record, str(error))
            else:
                found.setdefault(row.event_id, (row, record))
        await self._write(list(found.values()), partial(self._fence, generation))
        metrics.EVENTS.inc(len(records))

    async def _write(self, found: list[tuple[EventRow, Record]], fence: Fence) -> None:
        """Write, and put aside the rows that ClickHouse refuses, found by halving."""
        if not found:
            return
        try:
            await self._writer.write([row for row, _ in found], True, fence)
            self._dead_letters.went_well()
            return
        except RowsRejected as error:
            if len(found) == 1:
                [(row, record)] = found
                await self._put_aside(row.kafka_partition, record, str(error))
                return
        middle = len(found) // 2
        await self._write(found[:middle], fence)
        await self._write(found[middle:], fence)

    async def _put_aside(self, partition: int, record: Record, reason: str) -> None:
        origin = f"{topics.CONNECTIONS}-{partition}@{record.offset}"
        await self._dead_letters.put(record.key, record.value, list(record.headers), origin, reason)
