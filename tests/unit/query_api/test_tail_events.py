"""What one client is sent, whatever the log, its reader and the clock do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ocpplog_query_api.errors import TooManyStreams, TooManyStreamsOfCaller, Unavailable
from ocpplog_query_api.live import events
from ocpplog_query_api.live.journal import KEEP_MS, OVERLAP_MS, Found, Insert
from ocpplog_query_api.live.query import Place
from ocpplog_query_api.live.repository import Stored
from ocpplog_query_api.live.slots import Slots
from ocpplog_query_api.live.tail import Pace, Tail, Wish
from ocpplog_query_api.live.watch import Watch
from ocpplog_query_api.logs.schemas import LogEntry
from support.waiting import eventually

START = 1_788_220_800_000
NOW = datetime(2026, 9, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    stored_ms: int
    number: int
    partition: int = 0
    site: str = "mine"

    @property
    def place(self) -> Place:
        return Place(START + self.stored_ms, START + self.stored_ms, self.partition, self.number, "a" * 32, self.number)

    @property
    def entry(self) -> LogEntry:
        values: dict[str, Any] = dict.fromkeys(LogEntry.model_fields)
        always = {"id": str(self.number), "datetime": "", "charger_id": "CP1", "site_id": self.site, "source": "charger"}
        return LogEntry.model_validate(values | always | {"outcome": "result", "violations": []})


@dataclass
class Log:
    """A log in memory. `visible`: what shows of it."""

    visible: list[Row] = field(default_factory=list)
    now_ms: int = 1000
    looks_fail: bool = False
    reads_fail: bool = False
    looks: int = 0

    async def look(self, since_ms: int) -> tuple[int, list[Found]]:
        self.looks += 1
        if self.looks_fail:
            raise Unavailable("away")
        names = {(row.stored_ms, row.partition) for row in self.visible if START + row.stored_ms >= since_ms}
        return START + self.now_ms, [self._insert(*name) for name in names]

    def _insert(self, stored_ms: int, partition: int) -> Found:
        rows = [row for row in self.visible if (row.stored_ms, row.partition) == (stored_ms, partition)]
        return Found(Insert(START + stored_ms, partition, len(rows)), tuple({row.site for row in rows}))

    async def entries(self, inserts: Sequence[Insert], limit: int, after: Place | None) -> list[Stored]:
        if self.reads_fail:
            raise Unavailable("away")
        names = {insert.name for insert in inserts}
        rows = sorted((row for row in self.visible if row.place.insert in names), key=lambda row: _key(row.place))
        found = [row for row in rows if row.site == "mine" and (after is None or _key(row.place) > _key(after))]
        return [Stored(row.entry, row.place) for row in found[:limit]]

    async def newest(self, limit: int) -> list[LogEntry]:
        rows = [row for row in self.visible if row.site == "mine"]
        return [row.entry for row in sorted(rows, key=lambda row: _key(row.place))[-limit:]]

    async def count(self, first_ms: int, last_ms: int, after: Place | None) -> int:
        rows = [row for row in self.visible if row.site == "mine" and first_ms <= START + row.stored_ms <= last_ms]
        return len([row for row in rows if after is None or _key(row.place) > _key(after)])


def _key(place: Place) -> tuple[int, int, int]:
    return place.stored_ms, place.partition, place.offset


@dataclass
class Client:
    """What a client has got: (kind, data, id). `place`: its last event id."""

    stream: AsyncIterator[bytes]
    watch: Watch
    got: list[tuple[str, Any, str]] = field(default_factory=list)
    pings: int = 0
    place: str = ""
    over: bool = False

    async def until(self, condition: Callable[[Client], bool]) -> Client:
        async with asyncio.timeout(5):
            while not condition(self) and not self.over:
                await self.read()
        return self

    async def read(self) -> None:
        try:
            text = (await anext(self.stream)).decode()
        except StopAsyncIteration:
            self.over = True
            return
        assert text
        for block in text.split("\n\n"):
            self._note(dict(line.split(": ", 1) for line in block.split("\n") if ": " in line))

    def _note(self, fields: dict[str, str]) -> None:
        self.pings += fields.get("", "") == "ping"
        self.place = fields.get("id", self.place)
        if "event" in fields:
            self.got.append((fields["event"], json.loads(fields["data"]), fields.get("id", "")))

    @property
    def numbers(self) -> list[int]:
        return [int(data["id"]) for kind, data, _ in self.got if kind == "entry"]

    def kinds(self, *without: str) -> list[str]:
        return [kind for kind, _, _ in self.got if kind not in without]


@asynccontextmanager
async def client(
    log: Log, sites: frozenset[str] | None = None, pace: Pace | None = None, watch: Watch | None = None, **wish: Any
) -> AsyncIterator[Client]:
    watch = watch or Watch(log.look, 0.001)
    wished = Wish(sites, wish.get("resume_ms"), wish.get("backlog", 0), wish.get("ends_at", NOW + timedelta(hours=1)))
    pace = pace or Pace(page=10, ping_s=60, per_s=1_000_000)
    async with aclosing(Tail(watch, log, wished, pace, str, lambda: NOW).events()) as stream:
        yield Client(stream, watch)


def live(found: Client) -> bool:
    return "live" in found.kinds()


class TestEntries:
    async def test_what_is_stored_from_now_on(self) -> None:
        log = Log([Row(500, 1)])
        async with client(log) as found:
            await found.until(live)
            log.visible += [Row(1500, 3), Row(1400, 2)]
            await found.until(lambda one: len(one.numbers) == 2)
            log.visible.append(Row(1300, 4, partition=1))
            await found.until(lambda one: len(one.numbers) == 3)
        assert found.numbers == [2, 3, 4]

    async def test_more_than_a_page(self) -> None:
        log = Log()
        async with client(log) as found:
            await found.until(live)
            log.visible += [Row(1500 + number // 7, number) for number in range(35)]
            await found.until(lambda one: len(one.numbers) >= 35)
            log.visible.append(Row(1600, 99))
            await found.until(lambda one: 99 in one.numbers)
        assert found.numbers == [*range(35), 99]

    async def test_an_insert_that_shows_in_two_steps(self) -> None:
        log = Log()
        async with client(log) as found:
            await found.until(live)
            log.visible.append(Row(1500, 1))
            await found.until(lambda one: len(one.numbers) == 1)
            log.visible.append(Row(1500, 2))
            await found.until(lambda one: len(one.numbers) == 2)
        assert found.numbers == [1, 2]

    async def test_one_that_shows_late_while_others_are_paged(self) -> None:
        class Slow(Log):
            async def entries(self, inserts: Sequence[Insert], limit: int, after: Place | None) -> list[Stored]:
                found = await super().entries(inserts, limit, after)
                if len(found) == limit and after is None:
                    self.visible.append(Row(1400, 77, partition=1))
                    looks = self.looks
                    await eventually(lambda: self.looks >= looks + 2)
                return found

        log = Slow()
        async with client(log) as found:
            await found.until(live)
            log.visible += [Row(1500, number) for number in range(15)]
            await found.until(lambda one: len(one.numbers) >= 15)
            log.visible.append(Row(1600, 99))
            await found.until(lambda one: 99 in one.numbers)
        assert found.numbers == [*range(15), 77, 99]

    async def test_backlog_and_then_only_what_is_new(self) -> None:
        log = Log([Row(100 * number, number) for number in range(5)])
        async with client(log, backlog=3) as found:
            await found.until(live)
            log.visible.append(Row(1500, 5))
            await found.until(lambda one: 5 in one.numbers)
        assert found.numbers == [2, 3, 4, 5]

    async def test_news_of_other_sites_ask_for_nothing(self) -> None:
        log = Log()
        async with client(log, sites=frozenset({"mine"})) as found:
            await found.until(live)
            log.reads_fail = True
            log.visible.append(Row(1500, 1, site="theirs"))
            looks = log.looks
            await eventually(lambda: log.looks >= looks + 3)
            log.reads_fail = False
            log.visible.append(Row(1600, 2))
            await found.until(lambda one: len(one.numbers) == 1)
        assert found.kinds("live") == ["entry"]


class TestGoingOn:
    async def test_from_the_last_id(self) -> None:
        log = Log([Row(60_000 + 1000 * number, number) for number in range(40)], now_ms=100_000)
        async with client(log, resume_ms=START + 60_000 + OVERLAP_MS + 20_000) as found:
            await found.until(live)
        assert found.numbers == list(range(20, 40))

    async def test_from_any_id_of_a_stream_nothing_is_missed(self) -> None:
        log = Log()
        async with client(log) as found:
            await found.until(live)
            log.now_ms += 60_000
            log.visible += [Row(20_000 + 1000 * number, number) for number in range(40)]
            await found.until(lambda one: len(one.numbers) == 40)
        for place, (kind, _, event_id) in enumerate(found.got):
            async with client(log, resume_ms=int(event_id)) as again:
                await again.until(live)
            had = {int(data["id"]) for _, data, _ in found.got[: place + 1] if "id" in data}
            assert had | set(again.numbers) == set(range(40)), kind

    async def test_too_old_an_id(self) -> None:
        log = Log([Row(500, 1), Row(600, 2, site="theirs"), Row(KEEP_MS, 3)], now_ms=KEEP_MS + OVERLAP_MS)
        async with client(log, resume_ms=START + 400) as found:
            await found.until(live)
            log.visible.append(Row(log.now_ms + 10, 4))
            await found.until(lambda one: bool(one.numbers))
        [(kind, missed, event_id), *_] = found.got
        assert kind == "missed"
        assert missed == {"missed": 2, "from": "2026-09-01T00:00:00.400Z", "to": "2026-09-01T00:10:50.000Z"}
        assert found.numbers == [4]
        assert int(event_id) == START + log.now_ms


class TestSlowReaders:
    async def test_what_is_too_much_is_missed_and_counted(self) -> None:
        log = Log()
        async with client(log, pace=Pace(page=10, ping_s=60, per_s=1_000_000, behind=20)) as found:
            await found.until(live)
            log.now_ms = 2000
            log.visible += [Row(1500, number) for number in range(50)]
            await found.until(lambda one: "missed" in one.kinds())
            log.visible.append(Row(2100, 50))
            await found.until(lambda one: 50 in one.numbers)
        assert found.numbers == [*range(10), 50]
        assert [data["missed"] for kind, data, _ in found.got if kind == "missed"] == [40]

    async def test_a_reader_that_stands_still_for_too_long(self) -> None:
        log = Log()
        async with client(log) as found:
            await found.until(live)
            log.visible += [Row(1500, 1), Row(1600, 2, site="theirs")]
            await eventually(lambda: found.watch.journal.end == 3)
            log.now_ms = KEEP_MS + 2000
            await eventually(lambda: found.watch.journal.looked_ms == START + log.now_ms)
            await found.until(lambda one: "missed" in one.kinds())
            log.visible.append(Row(log.now_ms, 3))
            await found.until(lambda one: bool(one.numbers))
        assert [data["missed"] for kind, data, _ in found.got if kind == "missed"] == [1]
        assert found.numbers == [3]

    async def test_it_gets_no_more_than_its_share_of_a_second(self, monkeypatch: pytest.MonkeyPatch) -> None:
        slept: list[float] = []
        sleep = asyncio.sleep

        async def noted(seconds: float) -> None:
            slept.append(seconds)
            await sleep(0)

        log = Log()
        async with client(log, pace=Pace(page=10, ping_s=60, per_s=100)) as found:
            await found.until(live)
            monkeypatch.setattr(asyncio, "sleep", noted)
            log.visible += [Row(1500, number) for number in range(20)]
            await found.until(lambda one: len(one.numbers) == 20)
        assert 0.1 in slept


class TestTrouble:
    async def test_while_clickhouse_is_away_the_stream_waits_and_then_goes_on(self) -> None:
        log = Log()
        async with client(log) as found:
            await found.until(live)
            log.looks_fail = True
            await found.until(lambda one: "waiting" in one.kinds())
            log.visible.append(Row(1500, 1))
            log.looks_fail = False
            await found.until(lambda one: one.kinds()[-1] == "live")
        assert found.kinds() == ["live", "waiting", "entry", "live"]

    async def test_a_query_that_fails_is_tried_again(self) -> None:
        log = Log()
        async with client(log) as found:
            await found.until(live)
            log.reads_fail = True
            log.visible.append(Row(1500, 1))
            await found.until(lambda one: "waiting" in one.kinds())
            log.reads_fail = False
            await found.until(lambda one: one.kinds()[-1] == "live")
        assert found.kinds() == ["live", "waiting", "entry", "live"]

    async def test_one_that_comes_while_clickhouse_is_away(self) -> None:
        log = Log(looks_fail=True)
        async with client(log) as found:
            await found.until(lambda one: bool(one.got))
        assert found.kinds() == ["waiting"]

    async def test_silence_is_broken_and_says_how_far_the_stream_is(self) -> None:
        log = Log()
        async with client(log, pace=Pace(page=10, ping_s=0.01)) as found:
            await found.until(lambda one: one.pings >= 2)
        assert events.ping("x") == b": ping\n\nid: x\n\n"
        assert events.ping() == b": ping\n\n"

    async def test_where_nothing_is_stored_it_says_how_far_the_last_look_went(self) -> None:
        log = Log()
        async with client(log, pace=Pace(page=10, ping_s=0.05)) as found:
            await found.until(live)
            log.now_ms += 60_000
            await eventually(lambda: found.watch.journal.looked_ms == START + log.now_ms)
            await found.until(lambda one: one.pings == 1)
            assert int(found.place) == START + log.now_ms
            log.now_ms += 60_000
            await eventually(lambda: found.watch.journal.looked_ms == START + log.now_ms)
            await found.until(lambda one: one.pings == 2)
            assert int(found.place) == START + log.now_ms
        assert found.kinds() == ["live"]

    async def test_it_says_nothing_of_what_is_still_to_be_read(self) -> None:
        log = Log()
        async with client(log, pace=Pace(page=10, ping_s=0.02)) as found:
            await found.until(live)
            log.reads_fail = True
            log.now_ms = 60_000
            log.visible.append(Row(1500, 1))
            await found.until(lambda one: "waiting" in one.kinds() and one.pings >= 3)
            assert int(found.place) < START + 1500 + OVERLAP_MS
            log.reads_fail = False
            await found.until(lambda one: one.kinds()[-1] == "live")
        assert found.numbers == [1]

    async def test_news_for_others_do_not_keep_it_silent(self) -> None:
        log = Log()
        async with client(log, sites=frozenset({"mine"}), pace=Pace(page=10, ping_s=0.05)) as found:
            await found.until(live)
            storing = asyncio.create_task(_store_for_ever(log))
            await found.until(lambda one: one.pings >= 2)
            storing.cancel()

    async def test_nor_do_news_of_which_none_matches(self) -> None:
        log = Log()
        async with client(log, pace=Pace(page=10, ping_s=0.05)) as found:
            await found.until(live)
            storing = asyncio.create_task(_store_for_ever(log))
            await found.until(lambda one: one.pings >= 2)
            storing.cancel()

    async def test_who_was_silent_for_long_goes_on_from_where_the_stream_has_looked_to(self) -> None:
        log = Log()
        async with client(log, pace=Pace(page=10, ping_s=0.05)) as found:
            await found.until(live)
            storing = asyncio.create_task(_store_for_ever(log, every_ms=OVERLAP_MS // 2))
            await found.until(lambda one: bool(one.place) and int(one.place) > START + 2 * KEEP_MS)
            storing.cancel()
        log.visible = [Row(log.now_ms + 1, 7)]
        async with client(log, resume_ms=int(found.place)) as again:
            await again.until(live)
        assert again.kinds("live") == ["entry"]
        assert again.numbers == [7]

    async def test_silence_is_broken_while_much_is_looked_through(self) -> None:
        class Slow(Log):
            async def entries(self, inserts: Sequence[Insert], limit: int, after: Place | None) -> list[Stored]:
                await asyncio.sleep(0.03)
                return await super().entries(inserts, limit, after)

        log = Slow([Row(number, number, site="theirs") for number in range(1200)], now_ms=OVERLAP_MS)
        async with client(log, resume_ms=START + OVERLAP_MS, pace=Pace(page=10, ping_s=0.02)) as found:
            await found.until(lambda one: bool(one.place))
            assert found.kinds() == []
            await found.until(live)
        assert found.kinds() == ["live"]

    async def test_a_token_that_ends(self) -> None:
        log = Log()
        async with client(log, ends_at=NOW) as found:
            await found.until(lambda one: one.over)
        assert found.got == [("end", {"reason": "token-expired"}, "")]

    async def test_a_server_that_stops(self) -> None:
        log = Log()
        async with client(log) as found:
            await found.until(live)
            found.watch.close()
            await found.until(lambda one: one.over)
        assert found.got[-1] == ("end", {"reason": "server-stops"}, "")

    async def test_without_clients_nobody_looks(self) -> None:
        log = Log()
        watch = Watch(log.look, 0.001)
        async with client(log, watch=watch) as one, client(log, watch=watch) as other:
            await one.until(live)
            await other.until(live)
        assert not watch.current
        looks = log.looks
        await asyncio.sleep(0.01)
        assert log.looks == looks
        async with client(log, watch=watch) as again:
            await again.until(live)
        assert log.looks > looks


async def _store_for_ever(log: Log, every_ms: int = 1) -> None:
    """Entries of others, or that do not match: of them, a reader finds none."""
    for number in range(10**6):
        log.now_ms += every_ms
        log.visible = [Row(log.now_ms, number, site="theirs")]
        await asyncio.sleep(0.002)


class TestSlots:
    def test_of_a_caller(self) -> None:
        slots = Slots(total=3, each=1)
        slots.take("one")
        with pytest.raises(TooManyStreamsOfCaller):
            slots.take("one")
        slots.give_back("one")
        slots.take("one")

    def test_of_all(self) -> None:
        slots = Slots(total=2, each=2)
        slots.take("one")
        slots.take("other")
        with pytest.raises(TooManyStreams):
            slots.take("third")
        slots.give_back("other")
        slots.take("third")
