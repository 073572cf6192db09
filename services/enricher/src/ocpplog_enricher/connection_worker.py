"""The enricher's work on a batch of connection events: decode, store, acknowledge (`connection_agent.py` brings them)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from ocpplog_common import topics
from ocpplog_common.records import RecordError
from ocpplog_enricher import metrics
from ocpplog_enricher.dead_letter import DeadLetters
from ocpplog_enricher.domain.connection_events import event_row
from ocpplog_enricher.domain.rows import EventRow
from ocpplog_enricher.errors import RowsRejected
from ocpplog_enricher.sink import TableWriter

EVENT_NAME = "lower(hex(event_id))"
"""The columns that `EventRow.id` is made of."""


class Record(Protocol):
    """A record of ocpp.connections and its acknowledgement."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]

    def ack(self) -> object: ...


class ConnectionWorker:
    """Keeps nothing between batches. What is stored already is looked up before and after every write, not only after an
    assignment: events are few, and a copy of one may come at any time."""

    def __init__(self, writer: TableWriter, dead_letters: DeadLetters) -> None:
        self._writer = writer
        self._dead_letters = dead_letters

    async def handle(self, records: Sequence[Record]) -> None:
        """Returns when all of a batch is stored and acknowledged, in the order of the stream.

        Raises StoreUnavailable or TooManyDeadLetters: then the process has to end, so that the events are read again.
        """
        by_partition: dict[int, list[Record]] = {}
        for record in records:
            by_partition.setdefault(record.partition, []).append(record)
        # One partition's rows an insert: they belong to one shard.
        await asyncio.gather(*map(self._store, by_partition.values()))
        metrics.EVENTS.inc(len(records))

    async def _store(self, records: list[Record]) -> None:
        found: dict[str, tuple[EventRow, Record]] = {}
        for record in records:
            try:
                row = event_row(record.value, record.partition, record.offset)
            except RecordError as error:
                await self._put_aside(record, str(error))
            else:
                found.setdefault(row.event_id, (row, record))
        await self._write(list(found.values()))
        for record in records:
            record.ack()

    async def _write(self, found: list[tuple[EventRow, Record]]) -> None:
        """Write, and put aside the rows that ClickHouse refuses, found by halving."""
        if not found:
            return
        try:
            await self._writer.write([row for row, _ in found], suspect=True)
            self._dead_letters.went_well()
            return
        except RowsRejected as error:
            if len(found) == 1:
                await self._put_aside(found[0][1], str(error))
                return
        middle = len(found) // 2
        await self._write(found[:middle])
        await self._write(found[middle:])

    async def _put_aside(self, record: Record, reason: str) -> None:
        origin = f"{topics.CONNECTIONS}-{record.partition}@{record.offset}"
        await self._dead_letters.put(record.key, record.value, record.headers, origin, reason)
