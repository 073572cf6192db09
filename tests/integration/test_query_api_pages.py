"""The query API on the local ClickHouse: pages, cursors, and an entry with its neighbours."""

from __future__ import annotations

import base64
import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import clickhouse_connect
import pytest

from integration.query_api_support import Bench, insert, numbers, problem, query_api
from ocpplog_common import tokens
from ocpplog_common.tokens import Role

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with query_api(tmp_path_factory.mktemp("api")) as found:
        yield found


class TestPaging:
    @pytest.mark.parametrize("order", ["desc", "asc"])
    def test_no_entry_twice_and_none_skipped_while_entries_come(self, bench: Bench, order: str) -> None:
        charger = f"paged-{order}"
        chance = random.Random(1)
        # Many share their millisecond.
        moments = [f"2026-11-24 11:00:{chance.randrange(60):02}.00{chance.randrange(3)}" for _ in range(250)]
        insert(
            bench.client,
            *({"charger_id": charger, "datetime": moment, "message_id": f"p{n}"} for n, moment in enumerate(moments)),
        )
        stop = threading.Event()

        def keep_inserting() -> None:
            with clickhouse_connect.get_client(host="127.0.0.1", port=bench.store.port) as client:
                while not stop.is_set():
                    # Everywhere: where the pages have been, where they are and where they are still to come.
                    late = f"2026-11-24 11:00:{chance.randrange(60):02}.00{chance.randrange(3)}"
                    insert(client, {"charger_id": charger, "datetime": late, "message_id": f"late{next(numbers)}"})

        thread = threading.Thread(target=keep_inserting)
        thread.start()
        seen: list[dict[str, Any]] = []
        cursor = ""
        try:
            while True:
                page = bench.get("/v1/logs", charger=charger, limit=17, order=order, cursor=cursor).json()
                seen += page["items"]
                cursor = page["next_cursor"]
                if not cursor:
                    break
        finally:
            stop.set()
            thread.join()
        names = [item["message_id"] for item in seen]
        assert len(set(names)) == len(names)
        assert sorted(name for name in names if name.startswith("p")) == sorted(f"p{n}" for n in range(250))
        times = [item["datetime"] for item in seen]
        assert times == sorted(times, reverse=order == "desc")

    def test_a_cursor_belongs_to_its_search(self, bench: Bench) -> None:
        cursor = bench.get("/v1/logs", limit=1).json()["next_cursor"]
        problem(bench.get("/v1/logs", limit=1, cursor=cursor, q="x"), 422, "invalid-parameter")
        problem(bench.get("/v1/logs", limit=1, cursor=cursor, order="asc"), 422, "invalid-parameter")
        assert bench.get("/v1/logs", limit=2, cursor=cursor, fields="request").status_code == 200

    def test_a_cursor_is_of_no_use_to_others(self, bench: Bench) -> None:
        cursor = bench.get("/v1/logs", limit=1, message_id=["fault", "start"]).json()["next_cursor"]
        narrower = bench.token(sites=("mine",))
        somebody_else = tokens.mint(bench.key, "somebody else", Role.SUPPORT, ("*",), 600)
        for token in (narrower, somebody_else):
            problem(bench.get("/v1/logs", token, limit=1, message_id=["fault", "start"], cursor=cursor), 422, "invalid-parameter")
        # Nor does it tell where it stands: times, connections and offsets are not in it to read.
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        assert b"2026-11-24" not in raw
        assert b"aaaa" not in raw

    def test_count(self, bench: Bench) -> None:
        body = bench.get("/v1/logs", action="DataTransfer", limit=1, count="true").json()
        assert (body["total"], body["total_is_lower_bound"], len(body["items"])) == (2, False, 1)


class TestAllSites:
    def test_pages_go_on_where_one_window_ends(self, bench: Bench) -> None:
        now = datetime.now(UTC)
        ago = [timedelta(minutes=5), timedelta(minutes=50), timedelta(hours=3), timedelta(hours=20), timedelta(days=9)]
        insert(
            bench.client,
            *(
                {"site_id": f"s{n % 2}", "message_id": f"w{n}", "datetime": (now - age).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]}
                for n, age in enumerate(age for age in ago for _ in range(3))
            ),
        )
        order = "datetime DESC, connection_id DESC, sequence DESC"
        expected = bench.client.query(f"SELECT message_id FROM ocpplog.ocpp_log ORDER BY {order}").result_rows
        found, cursor = [], None
        while True:
            page = bench.get("/v1/logs", limit=4, **({"cursor": cursor} if cursor else {})).json()
            found += [item["message_id"] for item in page["items"]]
            if not (cursor := page["next_cursor"]):
                break
        assert found == [message_id for (message_id,) in expected]


class TestLargePages:
    def test_a_page_that_is_too_much_at_once_says_so(self, bench: Bench) -> None:
        rows = [{"charger_id": "large", "message_id": f"l{number}", "request": "x" * 1_000_000} for number in range(70)]
        for start in range(0, 70, 10):
            insert(bench.client, *rows[start : start + 10])
        answer = bench.get("/v1/logs", charger="large", limit=100, fields="request")
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (504, "query-too-big")
        assert "a smaller `limit`, or leave payloads out of `fields`" in answer.json()["detail"]
        assert len(bench.get("/v1/logs", charger="large", limit=100).json()["items"]) == 70
        page = bench.get("/v1/logs", charger="large", limit=20, fields="request").json()
        assert [len(item["request"]) for item in page["items"]] == [1_000_000] * 20


class TestEntry:
    def test_everything(self, bench: Bench) -> None:
        [item] = bench.get("/v1/logs", message_id="quoted").json()["items"]
        entry = bench.get(f"/v1/logs/{item['id']}").json()
        assert entry["request"] == '{"data":"two words, \\"quoted\\""}'
        assert entry["request_json"] == {"data": 'two words, "quoted"'}
        assert entry["response_json"] is None
        assert entry["connection_id"] == "a" * 32
        assert {name: entry[name] for name in item} == item | {"request": entry["request"]}

    def test_places_on_kafka_are_for_who_sees_all_sites(self, bench: Bench) -> None:
        [item] = bench.get("/v1/logs", message_id="quoted").json()["items"]
        assert bench.get(f"/v1/logs/{item['id']}").json()["kafka_offset"] > 0
        entry = bench.get(f"/v1/logs/{item['id']}", bench.token(sites=("mine",))).json()
        assert entry["kafka_offset"] is entry["kafka_partition"] is None

    def test_neighbours_are_the_nearest_of_the_same_charger(self, bench: Bench) -> None:
        moments = {f"n{n}": f"2026-10-{n + 1:02} 10:00:00.000" for n in range(9)} | {"n4b": "2026-10-05 10:00:00.000"}
        insert(bench.client, *({"charger_id": "N", "message_id": name, "datetime": moment} for name, moment in moments.items()))
        insert(
            bench.client, {"charger_id": "N", "site_id": "theirs", "message_id": "other", "datetime": "2026-10-05 09:59:00.000"}
        )
        insert(bench.client, {"charger_id": "M", "message_id": "other", "datetime": "2026-10-05 10:00:01.000"})
        [item] = bench.get("/v1/logs", message_id="n4").json()["items"]

        def beside(**parameters: Any) -> tuple[list[str], list[str]]:
            found = bench.get(f"/v1/logs/{item['id']}", **parameters).json()["neighbours"]
            before, after = ([entry["message_id"] for entry in found[side]] for side in ("before", "after"))
            return before, after

        assert beside() == (["n3", "n2", "n1", "n0"], ["n4b", "n5", "n6", "n7", "n8"])
        assert beside(neighbours=2) == (["n3", "n2"], ["n4b", "n5"])
        assert beside(neighbours=0) == ([], [])
        problem(bench.get(f"/v1/logs/{item['id']}", neighbours=51), 422, "invalid-parameter")

    @pytest.mark.parametrize("name", ["x", "1-" + "a" * 32 + "-1", "%00", "f" * 200])
    def test_unknown(self, bench: Bench, name: str) -> None:
        problem(bench.get(f"/v1/logs/{name}"), 404, "not-found")
