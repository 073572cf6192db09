"""Writes rows to ClickHouse so that each is stored once, whoever is killed when.

Two things together (ADR 0001):

* A write's deduplication token is the id of its first row. Of two writers that stand at the same place of a partition (one
  killed or cut off with its insert still under way, one that took over) ClickHouse lets only the first through.
* While a partition may hold rows from before (`suspect`), the ids that are stored are read first and skipped, and read again
  after the write, because a token that was used before drops the whole insert without a word.

Both hold for one write a writer may still have under way when it loses its partition, and no more: so before each attempt the
writer makes sure that the partition is still its own (`Fence`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

import msgspec
import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError

from ocpplog_common import tracing
from ocpplog_common.clickhouse import tables
from ocpplog_enricher import metrics, spans
from ocpplog_enricher.domain.rows import Enriched, EventRow, LogRow, RowId, RowName, SampleRow
from ocpplog_enricher.errors import RowsRejected, StoreUnavailable

_log = structlog.get_logger(__name__)
_Row = TypeVar("_Row", LogRow, SampleRow, EventRow)
_Result = TypeVar("_Result")

_REJECTED_CODES = (6, 26, 27, 38, 41, 53, 69, 70, 72, 117, 321, 349, 376, 407, 636)
"""ClickHouse's codes for data that it cannot read or hold. Every other error is worth another try."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0
_CONFIRMATIONS = 20
_DAY: Final = len("2026-01-01")
_ENCODER: Final = msgspec.json.Encoder()
WRITE_SETTINGS = {
    "async_insert": 0,
    "insert_deduplicate": 1,
    "wait_end_of_query": 1,
    # An insert holds rows of one Kafka partition, so on a cluster of one shard: it is there when the answer comes.
    "distributed_foreground_insert": 1,
    # One block an insert: that is what the token names and what is stored all or none.
    "input_format_parallel_parsing": 0,
    "max_insert_block_size": 1_000_000,
    # To start threads for one block takes a fifth of the time of a small insert.
    "max_threads": 1,
    "date_time_input_format": "basic",
}


Fence = Callable[[], Awaitable[None]]
"""Returns while the partition is this writer's; raises PartitionLost when it no longer is."""


async def no_fence() -> None: ...


class Store(Protocol):
    """What of clickhouse_connect's AsyncClient the sink needs."""

    async def raw_insert(
        self, table: str, column_names: Sequence[str], *, insert_block: bytes, settings: dict[str, Any], fmt: str
    ) -> Any: ...

    async def query(self, query: str, parameters: dict[str, Any]) -> Any: ...


class Sink:
    """Both tables of the log. `retry_for_s` bounds how long one write is tried."""

    def __init__(self, store: Store, database: str, retry_for_s: float) -> None:
        self._samples = TableWriter(store, f"{database}.{tables.METER_SAMPLE}", retry_for_s)
        self._log = TableWriter(store, f"{database}.{tables.LOG}", retry_for_s)

    async def write(self, found: Sequence[Enriched], suspect: bool, fence: Fence = no_fence) -> bool:
        """Store the rows of one partition, in order. True where some were stored before: see `TableWriter.write`.

        Samples go first: a log row that is stored says that its samples are. Of two rows with one name the first is taken.
        """
        by_name: dict[RowId, Enriched] = {}
        for enriched in found:
            by_name.setdefault(enriched.log.id, enriched)
        samples = [sample for enriched in by_name.values() for sample in enriched.samples]
        await self._samples.write(samples, suspect, fence)
        return await self._log.write([enriched.log for enriched in by_name.values()], suspect, fence)


class TableWriter:
    """`name` is the SQL of the columns that make up a row's `id`."""

    def __init__(self, store: Store, table: str, retry_for_s: float, name: str = "lower(hex(connection_id)), sequence") -> None:
        self._store = store
        self._table = table
        self._label = table.rpartition(".")[2]
        self._retry_for_s = retry_for_s
        self._name = name

    async def write(self, rows: Sequence[_Row], suspect: bool, fence: Fence = no_fence) -> bool:
        """Returns once every row is stored. With `suspect`, true where the last rows were stored before.

        Raises StoreUnavailable, RowsRejected (then none of `rows` is stored by this call), or what `fence` raises.
        """
        if not rows:
            return False
        if not suspect:
            await self._insert_by_day(rows, fence)
            return False
        missing = await self._missing(rows, fence)
        metrics.DUPLICATES.labels(self._label).inc(len(rows) - len(missing))
        stored_before = len(missing) < len(rows)
        for attempt in range(_CONFIRMATIONS):
            if not missing:
                return stored_before
            await self._insert_by_day(missing, fence)
            missing = await self._missing(missing, fence)
            # A replica may show an insert that another one took only a moment later.
            await asyncio.sleep(0.05 * attempt if missing else 0)
        raise StoreUnavailable(f"{self._table}: acknowledged rows do not show: {missing[0].id}")

    async def _insert_by_day(self, rows: Sequence[_Row], fence: Fence) -> None:
        """ClickHouse stores an insert all or none within one partition of the table, of which none is less than a day. Of an
        insert in two of them, one half could come later, behind what another writer has read back and written since."""
        days: dict[str, list[_Row]] = {}
        for row in rows:
            days.setdefault(row.datetime[:_DAY], []).append(row)
        for of_day in days.values():
            await self._insert(of_day, fence)

    async def _insert(self, rows: Sequence[_Row], fence: Fence) -> None:
        token = ":".join(map(str, (self._label, *rows[0].id)))
        settings = WRITE_SETTINGS | {"insert_deduplication_token": token}
        started = time.perf_counter()
        with spans.write(self._label, rows):
            once = insertion(self._store, self._table, rows, settings)
            await self._persist(once, fence)
        metrics.WRITE_SECONDS.labels(self._label).observe(time.perf_counter() - started)
        metrics.BATCH_ROWS.labels(self._label).observe(len(rows))
        metrics.ROWS.labels(self._label).inc(len(rows))

    async def _missing(self, rows: Sequence[_Row], fence: Fence) -> list[_Row]:
        stored = await self._persist(lambda: self._stored(rows), fence)
        return [row for row in rows if row.id not in stored]

    async def _stored(self, rows: Sequence[_Row]) -> set[RowName]:
        result = await self._store.query(
            f"SELECT DISTINCT {self._name} FROM {self._table}"
            " WHERE site_id IN {sites:Array(String)} AND datetime >= {first:DateTime64(3, 'UTC')}"
            " AND datetime <= {last:DateTime64(3, 'UTC')} AND charger_id IN {chargers:Array(String)}",
            {
                "sites": sorted({row.site_id for row in rows}),
                "chargers": sorted({row.charger_id for row in rows}),
                # The column keeps milliseconds.
                "first": min(row.datetime for row in rows)[:-3],
                "last": max(row.datetime for row in rows)[:-3],
            },
        )
        return {tuple(row) for row in result.result_rows}

    async def _persist(self, attempt: Callable[[], Awaitable[_Result]], fence: Fence) -> _Result:
        return await persist(attempt, self._table, self._retry_for_s, fence)


def insertion(
    store: Store, table: str, rows: Sequence[LogRow | SampleRow | EventRow], settings: dict[str, Any]
) -> Callable[[], Awaitable[Any]]:
    """One insert of rows of one kind: the same to the byte whenever it is tried."""
    # Values without their columns' names: less to send, and to read.
    columns = rows[0].__struct_fields__
    # A list: of any other iterable, msgspec (0.22) never lets go.
    block = _ENCODER.encode_lines([msgspec.structs.astuple(row) for row in rows])
    tracing.note({"ocpplog.bytes": len(block)})
    return lambda: store.raw_insert(table, columns, insert_block=block, settings=settings, fmt="JSONCompactEachRow")


async def persist(attempt: Callable[[], Awaitable[_Result]], table: str, retry_for_s: float, fence: Fence = no_fence) -> _Result:
    """Try until it works, with growing pauses. Raises StoreUnavailable, RowsRejected, or what `fence` raises."""
    give_up_at = time.monotonic() + retry_for_s
    pause = _FIRST_PAUSE_S
    while True:
        await fence()
        try:
            return await attempt()
        except (TimeoutError, ClickHouseError, OSError) as error:
            if getattr(error, "code", None) in _REJECTED_CODES:
                raise RowsRejected(f"{table}: {error}") from error
            if time.monotonic() + pause > give_up_at:
                raise StoreUnavailable(f"{table}: no answer in {retry_for_s:.0f} s: {error}") from error
            failure = str(getattr(error, "code", None) or type(error).__name__)
            _log.warning("failed, trying again", table=table, pause_s=pause, error=str(error)[:300])
        tracing.event("retry", {"error.type": failure, "ocpplog.pause_s": pause})
        metrics.WRITE_RETRIES.labels(table.rpartition(".")[2]).inc()
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)
