"""Writing once: tokens, look-ups, retries, refusals."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from ocpplog_enricher import sink as sink_module
from ocpplog_enricher.domain.rows import Enriched, LogRow, SampleRow
from ocpplog_enricher.errors import PartitionLost, RowsRejected, StoreUnavailable
from ocpplog_enricher.sink import Sink, TableWriter, insertion

from .test_pairing import OLD


class FakeClickHouse:
    """Stores what it is given, and drops an insert whose token it has seen."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.tokens: dict[str, None] = {}
        self.errors: list[Exception] = []
        self.stores_and_fails = False
        self.queries = 0

    async def raw_insert(
        self, table: str, column_names: Sequence[str], *, insert_block: bytes, settings: dict[str, Any], fmt: str
    ) -> None:
        if self.errors and not self.stores_and_fails:
            raise self.errors.pop(0)
        if settings["insert_deduplication_token"] not in self.tokens:
            self.tokens[settings["insert_deduplication_token"]] = None
            rows = map(msgspec.json.decode, insert_block.splitlines())
            self.rows += [dict(zip(column_names, row, strict=True)) for row in rows]
        if self.errors:
            raise self.errors.pop(0)

    async def query(self, query: str, parameters: dict[str, Any]) -> Any:
        self.queries += 1
        return SimpleNamespace(result_rows=[(row["connection_id"], row["sequence"]) for row in self.rows])

    def sequences(self) -> list[int]:
        return [row["sequence"] for row in self.rows]


def rows(*sequences: int) -> list[LogRow]:
    common: dict[str, Any] = {
        "datetime": "2026-11-24 00:00:00.000000",
        "site_id": "s",
        "charger_id": "c",
        "source": "charger",
        "subprotocol": "ocpp1.6",
        "outcome": "result",
        "connection_id": OLD,
        "gateway_id": "g",
        "kafka_partition": 0,
        "kafka_offset": 0,
        "closed_offset": 0,
    }
    return [LogRow(sequence=number, **common) for number in sequences]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeClickHouse:
    monkeypatch.setattr(sink_module, "_FIRST_PAUSE_S", 0.001)
    return FakeClickHouse()


@pytest.fixture
def writer(store: FakeClickHouse) -> TableWriter:
    return TableWriter(store, "log.ocpp_log", retry_for_s=0.2)


class TestWriting:
    async def test_without_suspicion_nothing_is_looked_up(self, store: FakeClickHouse, writer: TableWriter) -> None:
        assert await writer.write(rows(1, 2), suspect=False) is False
        assert (store.sequences(), store.queries) == ([1, 2], 0)

    async def test_what_is_stored_is_skipped(self, store: FakeClickHouse, writer: TableWriter) -> None:
        await writer.write(rows(1, 2), suspect=False)
        assert await writer.write(rows(1, 2, 3), suspect=True) is True
        assert store.sequences() == [1, 2, 3]

    async def test_an_insert_under_way_elsewhere_wins_and_the_rest_follows(
        self, store: FakeClickHouse, writer: TableWriter
    ) -> None:
        """The one before us sent 1 and 2, and was killed; they arrive after our look-up."""
        look_up = store.query
        late = True

        async def query(query: str, parameters: dict[str, Any]) -> Any:
            nonlocal late
            found = await look_up(query, parameters)
            if late:
                late = False
                await TableWriter(store, "log.ocpp_log", 1).write(rows(1, 2), suspect=False)
            return found

        store.query = query  # type: ignore[method-assign]
        await writer.write(rows(1, 2, 3), suspect=True)
        assert store.sequences() == [1, 2, 3]

    async def test_an_answer_that_was_lost(self, store: FakeClickHouse, writer: TableWriter) -> None:
        store.stores_and_fails = True
        store.errors = [OperationalError("connection reset"), OperationalError("connection reset")]
        await writer.write(rows(1, 2), suspect=False)
        assert store.sequences() == [1, 2]

    async def test_giving_up(self, store: FakeClickHouse, writer: TableWriter) -> None:
        store.errors = [OperationalError("down")] * 1000
        with pytest.raises(StoreUnavailable, match="no answer"):
            await writer.write(rows(1), suspect=False)

    async def test_rows_that_are_refused(self, store: FakeClickHouse, writer: TableWriter) -> None:
        store.errors = [DatabaseError("Code: 27. DB::Exception: Cannot parse input", code=27)]
        with pytest.raises(RowsRejected):
            await writer.write(rows(1), suspect=False)
        store.errors = [DatabaseError("Code: 60. DB::Exception: no table yet", code=60)]
        await writer.write(rows(1), suspect=False)
        assert store.sequences() == [1]


class TestFence:
    async def test_no_attempt_is_made_once_the_partition_is_lost(self, store: FakeClickHouse, writer: TableWriter) -> None:
        """Not even another one of a write that failed."""
        store.errors = [OperationalError("down")] * 3
        attempts = 0

        async def fence() -> None:
            nonlocal attempts
            attempts += 1
            if attempts > 2:
                raise PartitionLost("gone")

        with pytest.raises(PartitionLost):
            await writer.write(rows(1, 2), suspect=False, fence=fence)
        assert (len(store.errors), store.rows) == (1, [])

    async def test_nothing_follows_samples_once_the_partition_is_lost(self, store: FakeClickHouse) -> None:
        fences = iter([None, PartitionLost("gone")])

        async def fence() -> None:
            if problem := next(fences):
                raise problem

        names = ("site_id", "charger_id", "datetime", "sampled_at", "action", "measurand", "transaction_id")
        numbers = {
            "sequence": 1,
            "sample": 0,
            "kafka_partition": 0,
            "closed_offset": 0,
            "connector_id": None,
            "retention_days": 400,
        }
        sample = msgspec.convert(dict.fromkeys(names, "x") | numbers | {"connection_id": OLD}, SampleRow)
        with pytest.raises(PartitionLost):
            await Sink(store, "log", 0.2).write([Enriched(rows(1)[0], [sample])], suspect=False, fence=fence)
        assert [row.get("measurand") for row in store.rows] == ["x"]


async def test_an_insert_is_of_one_day(store: FakeClickHouse) -> None:
    """ClickHouse stores an insert all or none within one partition of the table only."""
    late, early, later = rows(1, 2, 3)
    early.datetime = "2026-11-23 23:59:59.999000"
    assert not await TableWriter(store, "log.ocpp_log", 0.2).write([late, early, later], suspect=False)
    assert store.sequences() == [1, 3, 2]
    assert [token.rpartition(":")[2] for token in store.tokens] == ["1", "2"]


async def test_of_two_rows_with_one_name_the_first_is_stored(store: FakeClickHouse) -> None:
    """A frame and its copy from long after, in one batch of an enricher that lags."""
    first, copy = rows(1)[0], rows(1)[0]
    copy.outcome = "timeout"
    found = [Enriched(first, []), Enriched(rows(2)[0], []), Enriched(copy, [])]
    await Sink(store, "log", retry_for_s=0.2).write(found, suspect=True)
    assert [(row["sequence"], row["outcome"]) for row in store.rows] == [(1, "result"), (2, "result")]


def test_an_insert_leaves_nothing_in_memory(store: FakeClickHouse) -> None:
    """A soak found 5 kB a second: what an iterator held was never let go."""
    written = rows(1, 2, 3)

    def taken() -> int:
        for _ in range(500):
            insertion(store, "t", written, {})
        gc.collect()
        return sys.getallocatedblocks()

    before = taken()
    assert taken() - before < 250
