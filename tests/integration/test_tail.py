"""GET /v1/logs/tail on the local ClickHouse: a real server, real connections."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import msgspec
import pytest
from clickhouse_connect.driver import Client

from ocpplog_common import tokens
from ocpplog_common.tokens import Role
from ocpplog_query_api.live import query
from ocpplog_query_api.live.journal import SITES_MOST
from support.processes import LocalClickHouse, Process, environment, free_port, local_clickhouse, running, wait_for_http
from support.stores import copy_tables

pytestmark = pytest.mark.integration

_numbers = iter(range(1, 10**9))


@dataclass
class Rig:
    store: LocalClickHouse
    client: Client
    key: str
    url: str
    process: Process

    def token(self, subject: str = "tester", sites: tuple[str, ...] = ("*",), lifetime: int = 600) -> str:
        return tokens.mint(self.key, subject, Role.VIEWER, sites, lifetime)

    @contextlib.contextmanager
    def tail(self, token: str | None = None, last: str = "", **parameters: Any) -> Iterator[Stream]:
        headers = {"Authorization": f"Bearer {token or self.token()}"} | ({"Last-Event-ID": last} if last else {})
        with httpx.stream("GET", f"{self.url}/v1/logs/tail", params=parameters, headers=headers, timeout=20) as answer:
            if answer.status_code != 200:
                answer.read()
            yield Stream(answer, answer.iter_lines())

    def refused(self, token: str | None = None, last: str = "", **parameters: Any) -> tuple[int, dict[str, Any]]:
        with self.tail(token, last, **parameters) as stream:
            assert stream.answer.headers["content-type"] == "application/problem+json"
            return stream.answer.status_code, stream.answer.json()

    def tails(self) -> int:
        return self.metric("ocpplog_api_tails")

    def metric(self, name: str) -> int:
        text = httpx.get(f"{self.url}/metrics").text
        return next((int(float(line.split()[1])) for line in text.splitlines() if line.startswith(f"{name} ")), 0)


@dataclass
class Stream:
    """`got`: (event, data, id). `id`: the last one."""

    answer: httpx.Response
    lines: Iterator[str]
    got: list[tuple[str, Any, str]] = field(default_factory=list)
    pings: int = 0
    id: str = ""

    def until(self, condition: Callable[[Stream], bool]) -> Stream:
        fields: dict[str, str] = {}
        deadline = time.monotonic() + 30
        for line in self.lines:
            assert time.monotonic() < deadline, self.got
            name, _, value = line.partition(": ")
            fields |= {name: value} if line else {}
            self.pings += line == ": ping"
            self.id = fields.get("id", self.id)
            if not line and "event" in fields:
                self.got.append((fields["event"], json.loads(fields["data"]), fields.get("id", "")))
            fields = fields if line else {}
            if not line and condition(self):
                break
        return self

    def live(self) -> Stream:
        return self.until(lambda one: "live" in one.kinds)

    def entries(self, number: int) -> list[str]:
        self.until(lambda one: len(one.found) >= number)
        return self.found

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.got]

    @property
    def found(self) -> list[str]:
        return [data["message_id"] for kind, data, _ in self.got if kind == "entry"]


def insert(client: Client, *rows: dict[str, Any]) -> None:
    """One insert."""
    lines = []
    for row in rows:
        number = next(_numbers)
        common = {
            "datetime": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"),
            "site_id": "mine",
            "charger_id": "CP1",
            "source": "charger",
            "outcome": "result",
            "action": "Heartbeat",
            "connection_id": "a" * 32,
            "sequence": number,
            "kafka_offset": number,
        }
        lines.append(msgspec.json.encode(common | row))
    client.raw_insert("ocpplog.ocpp_log", insert_block=b"\n".join(lines), fmt="JSONEachRow")


def entry(name: str, **columns: Any) -> dict[str, Any]:
    return {"message_id": name, **columns}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    directory = tmp_path_factory.mktemp("tail")
    copy_tables(directory / "clickhouse")
    with (
        local_clickhouse(directory / "clickhouse") as store,
        clickhouse_connect.get_client(host="127.0.0.1", port=store.port) as client,
        api(directory, store, client) as found,
    ):
        yield found


@contextlib.contextmanager
def api(directory: Path, store: LocalClickHouse, client: Client, **settings: Any) -> Iterator[Rig]:
    key_file = directory / "key"
    key = key_file.read_text().strip() if key_file.exists() else tokens.create_key(key_file)
    port = free_port()
    common = {"api_port": port, "api_jwt_key_file": key_file, "clickhouse_url": store.url, "api_tail_ping_s": 0.3}
    process = Process(
        sys.executable,
        "-m",
        "ocpplog_query_api",
        env=environment(common | {"api_max_tails_per_caller": 3} | settings),
        log=directory / "log",
    )
    with running(process):
        wait_for_http(f"http://127.0.0.1:{port}/readyz", process)
        yield Rig(store, client, key, f"http://127.0.0.1:{port}", process)


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


class TestWhoSeesWhat:
    def test_another_sites_entries_never(self, rig: Rig) -> None:
        with rig.tail(rig.token(sites=("mine",))) as mine, rig.tail() as all_sites:
            mine.live()
            all_sites.live()
            insert(rig.client, entry("theirs", site_id="theirs"), entry("ours"))
            assert set(all_sites.entries(2)) == {"theirs", "ours"}
            assert mine.entries(1) == ["ours"]

    def test_an_insert_of_many_sites(self, rig: Rig) -> None:
        with rig.tail(rig.token(sites=("many-5",))) as mine, rig.tail(rig.token(sites=("none-of-them",))) as others:
            mine.live()
            others.live()
            insert(rig.client, *(entry(f"of-{number}", site_id=f"many-{number}") for number in range(SITES_MOST + 1)))
            assert mine.entries(1) == ["of-5"]
            insert(rig.client, entry("last", site_id="none-of-them"))
            assert others.entries(1) == ["last"]

    def test_who_follows_a_quiet_site_of_a_fleet_asks_for_nothing(self, rig: Rig) -> None:
        asked = 'ocpplog_api_query_seconds_count{query="tail"}'
        with rig.tail(rig.token(sites=("fleet-7",))) as busy, rig.tail(rig.token(sites=("quiet",))) as quiet:
            busy.live()
            quiet.live()
            before = rig.metric(asked)
            insert(rig.client, *(entry(f"in-{number}", site_id=f"fleet-{number}") for number in range(33)))
            assert busy.entries(1) == ["in-7"]
            insert(rig.client, entry("at-last", site_id="quiet"))
            assert quiet.entries(1) == ["at-last"]
            assert rig.metric(asked) == before + 2

    def test_a_look_names_sites_of_the_newest_minute_alone(self, rig: Rig) -> None:
        before = (datetime.now(UTC) - timedelta(seconds=90)).strftime("%Y-%m-%d %H:%M:%S")
        insert(rig.client, entry("before", site_id="named-before", stored_at=before, kafka_partition=77))
        insert(rig.client, entry("now", site_id="named-now", kafka_partition=78))
        statement = query.inserts("ocpplog", 0)
        [[_, found]] = rig.client.query(statement.sql, statement.parameters).result_rows
        named = {partition: list(sites) for _, partition, _, sites in found}
        assert (named[77], named[78]) == ([], ["named-now"])

    def test_nor_by_asking_for_it(self, rig: Rig) -> None:
        with rig.tail(rig.token(sites=("mine",)), site="theirs", backlog=10) as stream:
            stream.live()
            insert(rig.client, entry("theirs-again", site_id="theirs"))
            stream.until(lambda one: one.pings >= 8)
            assert stream.found == []

    def test_without_a_token(self, rig: Rig) -> None:
        assert httpx.get(f"{rig.url}/v1/logs/tail").status_code == 401

    def test_until_the_token_ends(self, rig: Rig) -> None:
        with rig.tail(rig.token(lifetime=3)) as stream:
            stream.until(lambda _: False)
        assert stream.got[-1] == ("end", {"reason": "token-expired"}, "")


class TestFilters:
    @pytest.mark.parametrize(
        ("filters", "found"),
        [
            ({}, ["fault", "start", "quoted", "late"]),
            ({"q": "GROUNDfail 50%"}, ["fault"]),
            ({"q": '"two words"'}, ["quoted"]),
            ({"q": "50_"}, []),
            ({"action": "StartTransaction"}, ["start"]),
            ({"charger": ["CP7", "CP8"]}, ["fault", "start"]),
            ({"connector": "none", "action": "DataTransfer"}, ["quoted"]),
            ({"message_id": "late"}, ["late"]),
        ],
    )
    def test_the_same_as_of_a_search(self, rig: Rig, filters: dict[str, Any], found: list[str]) -> None:
        filters = {"site": "filtered", **filters}
        with rig.tail(**filters) as stream:
            stream.live()
            insert(
                rig.client,
                entry("fault", site_id="filtered", charger_id="CP7", request='{"info":"GroundFailure at 50%"}', kafka_offset=1),
                entry("start", site_id="filtered", charger_id="CP8", action="StartTransaction", kafka_offset=2),
                entry("quoted", site_id="filtered", action="DataTransfer", request='{"data":"two words"}', kafka_offset=3),
            )
            insert(rig.client, entry("late", site_id="filtered", datetime=_days_ago(2)))
            insert(rig.client, entry("last", **(_matching(filters) | {"site_id": "filtered"})))
            got = stream.entries(len(found) + 1) if filters != {"site": "filtered", "message_id": "late"} else stream.entries(1)
        assert [name for name in got if name != "last"] == found

    def test_fields(self, rig: Rig) -> None:
        with rig.tail(fields="request") as stream, rig.tail() as plain:
            stream.live()
            plain.live()
            insert(rig.client, entry("with-payload", request='{"a":1}', response="{}"))
            stream.entries(1)
            plain.entries(1)
        [found] = [data for kind, data, _ in stream.got if kind == "entry"]
        assert (found["request"], found["response"]) == ('{"a":1}', None)
        assert [data["request"] for kind, data, _ in plain.got if kind == "entry"] == [None]

    def test_an_entry_is_that_of_the_list(self, rig: Rig) -> None:
        with rig.tail(site="alike") as stream:
            stream.live()
            insert(rig.client, entry("alike", site_id="alike", status="Faulted", connector_id=1, violations=["request: /x: no"]))
            stream.entries(1)
        headers = {"Authorization": f"Bearer {rig.token()}"}
        listed = httpx.get(f"{rig.url}/v1/logs", params={"site": "alike"}, headers=headers).json()["items"]
        assert [data for kind, data, _ in stream.got if kind == "entry"] == listed

    @pytest.mark.parametrize("name", ["from", "to", "order", "limit", "cursor", "nonsense"])
    def test_what_a_stream_has_not(self, rig: Rig, name: str) -> None:
        status, problem = rig.refused(**{name: "-1h"})
        assert status == 422
        assert problem["errors"][0]["field"] == name
        if name in ("from", "to", "order"):
            assert "search /v1/logs instead" in problem["detail"]


def _days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")


def _matching(filters: dict[str, Any]) -> dict[str, Any]:
    """An entry of which all filters are true: it comes last, and says that no other one comes."""
    text = {"request": '{"data":"two words GroundFailure at 50% 50_"}'}
    charger = {"charger_id": "CP7"} if "charger" in filters else {}
    return text | charger | {"action": filters.get("action", "Heartbeat")}


class TestGoingOn:
    def test_backlog(self, rig: Rig) -> None:
        insert(rig.client, *(entry(f"old-{number}", site_id="backlog", kafka_offset=number) for number in range(5)))
        with rig.tail(site="backlog", backlog=3) as stream:
            stream.live()
            insert(rig.client, entry("new", site_id="backlog"))
            assert stream.entries(4) == ["old-2", "old-3", "old-4", "new"]

    def test_after_the_last_event(self, rig: Rig) -> None:
        with rig.tail(site="resumed") as stream:
            stream.live()
            insert(rig.client, entry("first", site_id="resumed"))
            stream.entries(1)
        insert(rig.client, entry("meanwhile", site_id="resumed"))
        with rig.tail(site="resumed", last=stream.id) as again:
            again.live()
            assert again.found[-1] == "meanwhile"
            assert again.kinds.count("missed") == 0
        with rig.tail(site="resumed", last_event_id=stream.id) as again:
            assert again.live().found[-1] == "meanwhile"

    def test_an_id_belongs_to_filters_and_scope(self, rig: Rig) -> None:
        with rig.tail(rig.token(sites=("mine",))) as stream:
            stream.live()
        for token, filters in ((rig.token(), {}), (rig.token(sites=("mine",)), {"q": "x"})):
            status, problem = rig.refused(token, stream.id, **filters)
            assert (status, problem["errors"][0]["field"]) == (422, "last_event_id")
        assert rig.refused(last="nonsense")[0] == 422

    def test_a_reader_that_is_too_far_behind(self, rig: Rig) -> None:
        with rig.tail(site="flood") as stream:
            stream.live()
            for part in range(3):
                insert(rig.client, *(entry(f"{part}-{number}", site_id="flood", info="x" * 900) for number in range(2500)))
            stream.until(lambda one: "missed" in one.kinds)
            missed = stream.got[-1][1]
            insert(rig.client, entry("after", site_id="flood"))
            stream.until(lambda one: "after" in one.found)
        # Whole inserts may have shown when it was counted, or not yet: those came, or were missed with a second word.
        told = sum(data["missed"] for kind, data, _ in stream.got if kind == "missed")
        assert told + len(stream.found) - 1 == 7500
        assert set(missed) == {"missed", "from", "to"}
        assert len(set(stream.found)) == len(stream.found)


class TestConnections:
    def test_headers(self, rig: Rig) -> None:
        with rig.tail() as stream:
            assert stream.answer.headers["content-type"].startswith("text/event-stream")
            assert stream.answer.headers["cache-control"] == "no-store"
            assert stream.answer.headers["x-accel-buffering"] == "no"
            stream.until(lambda one: one.pings >= 2)
            assert stream.id

    def test_so_many_of_a_caller_and_a_client_that_goes_makes_room(self, rig: Rig) -> None:
        assert eventually(lambda: rig.tails() == 0)
        with contextlib.ExitStack() as stack:
            held = [stack.enter_context(rig.tail()).live() for _ in range(3)]
            status, problem = rig.refused()
            assert (status, problem["type"]) == (429, "urn:ocpplog:problem:too-many-streams-of-caller")
            with rig.tail(rig.token("another")) as other:
                other.live()
            assert rig.tails() == len(held)
        assert eventually(lambda: rig.tails() == 0)
        with rig.tail() as stream:
            stream.live()


def test_clickhouse_away_and_back(rig: Rig) -> None:
    with rig.tail(site="outage") as stream:
        stream.live()
        rig.store.process.kill()
        try:
            stream.until(lambda one: "waiting" in one.kinds)
        finally:
            rig.store.start()
        insert(rig.client, entry("afterwards", site_id="outage"))
        stream.until(lambda one: bool(one.found) and "live" in one.kinds[one.kinds.index("waiting") :])
    assert stream.found == ["afterwards"]
    assert "missed" not in stream.kinds


def test_a_server_that_stops_ends_streams_at_once(rig: Rig, tmp_path: Path) -> None:
    with api(tmp_path, rig.store, rig.client, api_max_tails=1) as own, own.tail() as stream:
        stream.live()
        assert own.refused(own.token("another"))[1]["type"] == "urn:ocpplog:problem:too-many-streams"
        own.process.child.terminate()
        stream.until(lambda _: False)
        assert stream.got[-1] == ("end", {"reason": "server-stops"}, "")
        # Without that, the server would wait its 10 s for the stream, and end it without a word.
        assert own.process.child.wait(20) == 0
        assert "timeout graceful shutdown exceeded" not in (tmp_path / "log").read_text()
