"""Connection events: what a row is, and each of them once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from ocpplog_common.envelope import new_connection_id
from ocpplog_common.records import ConnectionEvent, ConnectionEventKind, RecordError, encode
from ocpplog_enricher import sink as sink_module
from ocpplog_enricher.connection_agent import Gathering
from ocpplog_enricher.connection_worker import EVENT_NAME, ConnectionWorker
from ocpplog_enricher.domain.connection_events import event_row
from ocpplog_enricher.errors import PartitionLost, StoreUnavailable
from ocpplog_enricher.sink import TableWriter

from .test_sink import FakeClickHouse

AT = datetime(2026, 11, 24, 10, 3, 49, 123456, UTC)
CONNECTION = new_connection_id(1)
DAYS = {"s": 30, "": 8, "long": 1000}.__getitem__


def event(**changes: Any) -> ConnectionEvent:
    kind = ConnectionEventKind.CONNECT
    known: dict[str, Any] = {
        "kind": kind,
        "charger_id": "CP1",
        "at": AT,
        "gateway_id": "gw",
        "site_id": "s",
        "connection_id": CONNECTION,
    }
    return ConnectionEvent(**(known | changes))


class TestRow:
    def test_carries_everything_of_the_event(self) -> None:
        left = event(
            kind=ConnectionEventKind.DISCONNECT,
            at=AT.astimezone(timezone(timedelta(hours=5))),
            peer="10.0.0.1",
            subprotocol="ocpp1.6",
            profile=2,
            close_code=1001,
            closed_by="charger",
            reason="bye",
            duration_s=1.5,
            frames_from_charger=7,
            frames_from_csms=5,
        )
        row = msgspec.to_builtins(event_row(encode(left), 3, 9, DAYS))
        told = msgspec.to_builtins(left) | {"at": "2026-11-24 10:03:49.123456"}
        assert {name: row["datetime" if name == "at" else name] for name in told} == told
        assert (row["kafka_partition"], row["kafka_offset"], row["retention_days"]) == (3, 9, 400)

    def test_equal_records_have_one_name_wherever_they_stand(self) -> None:
        names = {event_row(encode(event()), partition, partition, DAYS).event_id for partition in range(3)}
        others = [event(charger_id="CP2"), event(kind=ConnectionEventKind.DISCONNECT), event(at=AT + timedelta(microseconds=1))]
        assert len(names) == 1
        assert len({event_row(encode(other), 0, 0, DAYS).event_id for other in others} - names) == 3

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            (None, "truncated"),
            (b"x", "malformed"),
            (encode(event()).replace(b"+00:00", b"").replace(b"Z", b""), "at"),
            (encode(event(at=datetime(1901, 1, 1, tzinfo=UTC))), "cannot be kept"),
            (encode(event(connection_id="")), "connection_id"),
            (encode(event(connection_id="7")), "connection_id"),
            (encode(event(kind=ConnectionEventKind.REFUSE, connection_id="7")), "connection_id"),
            (encode(event(close_code=70_000)), "close_code"),
            (encode(event(frames_from_csms=-1)), "frames_from_csms"),
        ],
    )
    def test_what_cannot_be_read_says_why(self, value: bytes | None, reason: str) -> None:
        with pytest.raises(RecordError, match=reason):
            event_row(value, 0, 0, DAYS)

    def test_a_refusal_needs_no_connection(self) -> None:
        refused = event(kind=ConnectionEventKind.REFUSE, connection_id="", charger_id="")
        assert event_row(encode(refused), 0, 0, DAYS).connection_id == "0" * 32


class Events(FakeClickHouse):
    async def query(self, query: str, parameters: dict[str, Any]) -> Any:
        assert f"SELECT DISTINCT {EVENT_NAME} FROM" in query
        return SimpleNamespace(result_rows=[(row["event_id"],) for row in self.rows])


@dataclass
class Record:
    value: bytes | None
    offset: int
    key: bytes | None = b"CP1"
    headers: Sequence[tuple[str, bytes]] = ()


class PutAside:
    def __init__(self) -> None:
        self.put_aside: list[tuple[str, str]] = []

    def went_well(self) -> None: ...

    async def put(self, key: object, value: object, headers: object, origin: str, reason: str) -> None:
        self.put_aside.append((origin, reason))


class Bench:
    def __init__(self) -> None:
        self.store, self.aside = Events(), PutAside()
        self.lost: set[int] = set()

    def worker(self) -> ConnectionWorker:
        writer = TableWriter(self.store, "log.connection_event", 0.2, EVENT_NAME)
        return ConnectionWorker(writer, self.aside, self.fence, DAYS)  # type: ignore[arg-type]

    async def fence(self, generation: int) -> None:
        if generation in self.lost:
            raise PartitionLost("gone")

    async def take(self, *records: Record) -> None:
        await self.worker().take(0, 1, records)

    def records(self, *numbers: int, first: int = 0) -> list[Record]:
        values = [encode(event(at=AT + timedelta(seconds=number))) for number in numbers]
        return [Record(value, first + place) for place, value in enumerate(values)]

    def seconds(self) -> list[int]:
        return [int(row["datetime"][17:19]) - AT.second for row in self.store.rows]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(sink_module, "_FIRST_PAUSE_S", 0.001)
    return Bench()


class TestWorker:
    async def test_copies_and_replays_are_one_row(self, bench: Bench) -> None:
        await bench.take(*bench.records(1, 2, 1))
        await bench.take(*bench.records(1, 2, 1, 3, first=7))
        assert bench.seconds() == [1, 2, 3]

    async def test_an_insert_of_one_that_was_killed_arrives_late(self, bench: Bench) -> None:
        look_up, late = bench.store.query, [1]

        async def query(query: str, parameters: dict[str, Any]) -> Any:
            found = await look_up(query, parameters)
            if late and late.pop():
                await bench.take(*bench.records(1, 2))
            return found

        bench.store.query = query  # type: ignore[method-assign]
        await bench.take(*bench.records(1, 2, 3))
        assert bench.seconds() == [1, 2, 3]

    async def test_refusals_are_kept_as_long_as_their_site_says_and_connections_400_days_at_least(self, bench: Bench) -> None:
        """A charger is online as long as it likes, and offline for longer than its disconnect may be wanted."""
        nobodys = {"site_id": "", "charger_id": "", "connection_id": ""}
        kinds = [
            {"kind": ConnectionEventKind.REFUSE} | nobodys,
            *({"kind": kind, "site_id": name} for name in ("s", "long") for kind in ConnectionEventKind),
        ]
        records = [Record(encode(event(**kind)), place) for place, kind in enumerate(kinds)]
        await bench.take(*records)
        assert [(row["site_id"], row["kind"], row["retention_days"]) for row in bench.store.rows] == [
            ("", "refuse", 8),
            ("s", "connect", 400),
            ("s", "refuse", 30),
            ("s", "disconnect", 400),
            ("long", "connect", 1000),
            ("long", "refuse", 1000),
            ("long", "disconnect", 1000),
        ]

    async def test_it_does_not_return_before_all_is_stored(self, bench: Bench) -> None:
        bench.store.errors = [OperationalError("down")] * 1000
        with pytest.raises(StoreUnavailable):
            await bench.take(*bench.records(1, 2))

    async def test_nothing_is_written_of_a_partition_that_is_lost(self, bench: Bench) -> None:
        bench.lost.add(1)
        with pytest.raises(PartitionLost):
            await bench.take(*bench.records(1))
        assert bench.store.rows == []

    async def test_what_cannot_be_read_or_is_refused_is_put_aside(self, bench: Bench) -> None:
        records = [*bench.records(1, 2), Record(b"x", 2), *bench.records(3, first=3)]
        bench.store.errors = [DatabaseError("no", code=27)] * 2
        await bench.take(*records)
        [(unread, why), (refused, _)] = bench.aside.put_aside
        assert (unread, refused) == ("ocpp.connections-0@2", "ocpp.connections-0@0")
        assert why.startswith("ConnectionEvent record: ")
        assert bench.seconds() == [2, 3]


class TestGathering:
    """Of two partitions, each read in one generation of the group."""

    async def test_what_comes_while_others_are_written_is_written_together(self, bench: Bench) -> None:
        async with self.gathering(bench) as (gathering, finished):
            for number in range(6):
                await gathering.put(number % 2, 1, bench.records(number, first=number))
            await self.until(lambda: len(finished) == 2)
            assert sorted(finished) == [(0, 1, 5), (1, 1, 6)]
            assert len(bench.store.tokens) == 2
            await gathering.put(0, 1, bench.records(8, first=6))
            await self.until(lambda: len(finished) == 3)
        assert finished[-1] == (0, 1, 7)
        assert sorted(bench.seconds()) == [0, 1, 2, 3, 4, 5, 8]

    async def test_a_write_has_an_end_however_much_waits(self, bench: Bench) -> None:
        async with self.gathering(bench) as (gathering, finished):
            for number in range(11):
                await gathering.put(0, 1, bench.records(*range(500 * number, 500 * (number + 1)), first=500 * number))
            await self.until(lambda: len(finished) == 2)
        assert finished == [(0, 1, 5000), (0, 1, 5500)]
        assert len(bench.store.rows) == 5500

    async def test_of_a_partition_that_is_lost_nothing_is_acknowledged_and_others_go_on(self, bench: Bench) -> None:
        bench.lost.add(1)
        async with self.gathering(bench) as (gathering, finished):
            await gathering.put(0, 1, bench.records(1))
            await gathering.put(0, 2, bench.records(1, 2))
            await self.until(lambda: bool(finished))
        assert finished == [(0, 2, 2)]
        assert bench.seconds() == [1, 2]

    async def test_what_cannot_be_stored_ends_it(self, bench: Bench) -> None:
        bench.store.errors = [OperationalError("down")] * 1000
        gathering = Gathering(bench.worker(), lambda *_: pytest.fail("acknowledged"), 0)
        await gathering.put(0, 1, bench.records(1))
        with pytest.raises(StoreUnavailable):
            await gathering.run()

    @contextlib.asynccontextmanager
    async def gathering(self, bench: Bench) -> AsyncIterator[tuple[Gathering, list[tuple[int, int, int]]]]:
        finished: list[tuple[int, int, int]] = []
        found = Gathering(bench.worker(), lambda *place: finished.append(place), 0.01)
        running = asyncio.create_task(found.run())
        yield found, finished
        running.cancel()

    async def until(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not so():  # noqa: ASYNC110 - nothing tells it
                await asyncio.sleep(0.001)
