"""The query API on the local ClickHouse: who may see what, searching, paging, downloading."""

from __future__ import annotations

import csv
import io
import random
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import jwt
import msgspec
import pytest
from clickhouse_connect.driver import Client

from ocpplog_common import tokens
from ocpplog_common.clickhouse.migrate import migrate
from ocpplog_common.clickhouse.tables import EXPORT_COLUMNS
from ocpplog_common.tokens import Role
from support.processes import LocalClickHouse, Process, free_port, local_clickhouse, wait_for_http

pytestmark = pytest.mark.integration

HEADERS_OF_THE_PRODUCT = (
    "Datetime,Action,Charger ID,Connector ID,Request Vendor Error Code,Request Timestamp,Request Status,Request Error Code,"
    "Request Info,Request Vendor ID,Request ID Tag,Request Meter Stop,Request Transaction ID,Request Reason,"
    "Response ID Tag Info Status,L1 Voltage,L2 Voltage,L3 Voltage,Voltage,L1 Current.Import,L2 Current.Import,L3 Current.Import,"
    "Current.Import,L1 Power,L2 Power,L3 Power,Power"
)


@dataclass
class Bench:
    store: LocalClickHouse
    client: Client
    key: str
    url: str
    process: Process

    def token(self, role: Role = Role.SUPPORT, sites: tuple[str, ...] = ("*",), lifetime: int = 600) -> str:
        return tokens.mint(self.key, "tester", role, sites, lifetime)

    def api(self, token: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token or self.token()}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20)

    def get(self, path: str, token: str | None = None, **parameters: Any) -> httpx.Response:
        with self.api(token) as api:
            return api.get(path, params=parameters)

    def found(self, token: str | None = None, **parameters: Any) -> list[str]:
        """Message ids of what matches, newest first."""
        answer = self.get("/v1/logs", token, **parameters)
        assert answer.status_code == 200, answer.text
        return [item["message_id"] for item in answer.json()["items"]]


_numbers = iter(range(1, 10**9))


def insert(client: Client, *rows: dict[str, Any]) -> None:
    lines = []
    for row in rows:
        number = next(_numbers)
        common = {
            "datetime": "2026-11-24 10:00:00.000",
            "site_id": "mine",
            "charger_id": "CP1",
            "source": "charger",
            "subprotocol": "ocpp1.6",
            "outcome": "result",
            "message_id": f"m{number}",
            "connection_id": "a" * 32,
            "sequence": number,
            "kafka_partition": 0,
            "kafka_offset": number,
        }
        lines.append(msgspec.json.encode(common | row))
    client.raw_insert("ocpplog.ocpp_log", insert_block=b"\n".join(lines), fmt="JSONEachRow")


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"urn:ocpplog:problem:{kind}"
    return body


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    directory = tmp_path_factory.mktemp("api")
    port = free_port()
    with (
        local_clickhouse(directory / "clickhouse") as store,
        clickhouse_connect.get_client(host="127.0.0.1", port=store.port) as client,
    ):
        migrate(client, "ocpplog")
        key_file = directory / "key"
        key = tokens.create_key(key_file)
        environment = {
            "OCPPLOG_API_PORT": str(port),
            "OCPPLOG_API_JWT_KEY_FILE": str(key_file),
            "OCPPLOG_CLICKHOUSE_URL": store.url,
            "OCPPLOG_API_MAX_EXPORT": "100",
        }
        process = Process(sys.executable, "-m", "ocpplog_query_api", env=environment, log=directory / "log").start()
        url = f"http://127.0.0.1:{port}"
        wait_for_http(f"{url}/readyz", process)
        seed(client)
        yield Bench(store, client, key, url, process)
        assert process.stop() == 0


def seed(client: Client) -> None:
    fault = {"action": "StatusNotification", "status": "Faulted", "error_code": "GroundFailure", "vendor_error_code": "E7"}
    insert(
        client,
        {"message_id": "fault", "connector_id": 1, "request": '{"info":"Türe 50% auf_zu","x":"C:\\\\tmp"}', **fault},
        {"message_id": "start", "action": "StartTransaction", "connector_id": 0, "id_tag": "43434", "transaction_id": "4356987"},
        {"message_id": "quoted", "action": "DataTransfer", "request": '{"data":"two words, \\"quoted\\""}', "info": '=1+"a"\nb'},
        {
            "message_id": "escaped",
            "action": "DataTransfer",
            "request": '{"data":"\\u00c9t\\u00e9"}',
            "unescaped": '{"data":"Été"}',
        },
        {"message_id": "broken", "outcome": "violation", "request": '[2,"Boot', "violations": ["frame: not a JSON array"]},
        {"message_id": "5b1b3e8e-63c1-4a59-8b0c-1f1f8f2b9a10", "action": "Heartbeat", "source": "csms", "charger_id": "CP2"},
        {"message_id": "old", "datetime": "2026-11-20 10:00:00.000", "action": "Heartbeat"},
        {"message_id": "theirs", "site_id": "theirs", "charger_id": "CP9", "request": '{"secret":"GroundFailure"}', **fault},
    )


class TestWhoMaySeeWhat:
    def test_every_route_wants_a_token(self, bench: Bench) -> None:
        forged = jwt.encode({"sub": "x", "aud": "ocpplog", "exp": time.time() + 60, "role": "support", "sites": ["*"]}, "y" * 64)
        unsigned = jwt.encode(
            {"sub": "x", "aud": "ocpplog", "exp": time.time() + 60, "role": "support", "sites": ["*"]}, "", "none"
        )
        foreign = jwt.encode({"sub": "x", "aud": "other", "exp": time.time() + 60, "role": "support", "sites": ["*"]}, bench.key)
        for_ever = jwt.encode({"sub": "x", "aud": "ocpplog", "role": "support", "sites": ["*"]}, bench.key)
        no_role = jwt.encode({"sub": "x", "aud": "ocpplog", "exp": time.time() + 60, "sites": ["*"]}, bench.key)
        no_sites = jwt.encode({"sub": "x", "aud": "ocpplog", "exp": time.time() + 60, "role": "support"}, bench.key)
        bad = [forged, unsigned, foreign, for_ever, no_role, no_sites, "x", bench.token(lifetime=-5)]
        paths = [
            path.replace("{entry_id}", "1-" + "a" * 32 + "-1") for path in httpx.get(f"{bench.url}/openapi.json").json()["paths"]
        ]
        assert len(paths) >= 5
        for path in paths:
            answer = httpx.get(bench.url + path)
            problem(answer, 401, "unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer"
            for token in bad:
                problem(bench.get(path, token), 401, "unauthenticated")

    def test_another_sites_log(self, bench: Bench) -> None:
        viewer = bench.token(Role.VIEWER, ("mine",))
        assert set(bench.found(error_code="GroundFailure")) == {"fault", "theirs"}
        assert bench.found(viewer, error_code="GroundFailure") == ["fault"]
        assert bench.found(viewer, q="secret") == []
        assert bench.found(viewer, site="theirs") == bench.found(viewer, charger="CP9") == []
        assert bench.get("/v1/logs", viewer, charger="CP9", count="true").json()["total"] == 0
        assert [site["site_id"] for site in bench.get("/v1/sites", viewer).json()] == ["mine"]
        assert "CP9" not in bench.get("/v1/logs/export", viewer).text
        [theirs] = bench.get("/v1/logs", site="theirs").json()["items"]
        problem(bench.get(f"/v1/logs/{theirs['id']}", viewer), 404, "not-found")
        assert bench.get(f"/v1/logs/{theirs['id']}").status_code == 200
        assert bench.found(bench.token(sites=()), error_code="GroundFailure") == []

    def test_me(self, bench: Bench) -> None:
        assert bench.get("/v1/me", bench.token(Role.VIEWER, ("b", "a"))).json() == {
            "subject": "tester",
            "role": "viewer",
            "sites": ["a", "b"],
        }


class TestSearch:
    @pytest.mark.parametrize(
        ("q", "found"),
        [
            ("cp1 FAULTED", []),
            ("groundfailure secret", ["theirs"]),
            ("TÜRE", ["fault"]),
            ("50% AUF_ZU", ["fault"]),
            ("5%auf", []),
            ("auf-zu", []),
            ("C:\\\\tmp", ["fault"]),
            ('"two words"', ["quoted"]),
            ("wo ords", ["quoted"]),
            ('"words two"', []),
            ("ÉTÉ", ["escaped"]),
            ("u00c9", ["escaped"]),
            ("4356987", ["start"]),
            ("violation json", ["broken"]),
            ("5b1b3e8e-63c1-4a59-8b0c-1f1f8f2b9a10", ["5b1b3e8e-63c1-4a59-8b0c-1f1f8f2b9a10"]),
            ("nothing-like-it", []),
            ("heartbeat cp2", ["5b1b3e8e-63c1-4a59-8b0c-1f1f8f2b9a10"]),
        ],
    )
    def test_every_term_must_match(self, bench: Bench, q: str, found: list[str]) -> None:
        assert bench.found(q=q) == found

    @pytest.mark.parametrize(
        ("filters", "found"),
        [
            ({"connector": "0"}, {"start"}),
            ({"connector": ["0", "1"]}, {"start", "fault"}),
            ({"connector": ["0", "none"], "action": "StartTransaction"}, {"start"}),
            ({"connector": "none", "action": "Heartbeat"}, {"old", "5b1b3e8e-63c1-4a59-8b0c-1f1f8f2b9a10"}),
            ({"action": ["Heartbeat", "StartTransaction"], "from": "2026-11-24T00:00:00Z", "source": "charger"}, {"start"}),
            ({"to": "2026-11-21"}, {"old"}),
            ({"status": "Faulted", "error_code": "GroundFailure", "vendor_error_code": "E7", "site": "theirs"}, {"theirs"}),
            ({"outcome": "violation"}, {"broken"}),
            ({"id_tag": "43434"}, {"start"}),
            ({"message_id": "start"}, {"start"}),
            ({"from": "2026-11-25", "to": "2026-11-24"}, set()),
        ],
    )
    def test_filters(self, bench: Bench, filters: dict[str, Any], found: set[str]) -> None:
        assert set(bench.found(**filters)) == found

    @pytest.mark.parametrize(
        ("parameters", "field"),
        [
            ({"nope": "1"}, "nope"),
            ({"limit": "0"}, "limit"),
            ({"limit": "1001"}, "limit"),
            ({"limit": "9" * 30}, "limit"),
            ({"from": "yesterday"}, "from"),
            ({"source": "me"}, "source.0"),
            ({"connector": "²"}, "connector"),
            ({"cursor": "abc"}, "cursor"),
            ({"fields": "password"}, "fields"),
            ({"order": "up"}, "order"),
            ({"q": "a " * 30}, "q"),
        ],
    )
    def test_a_wrong_parameter_is_named(self, bench: Bench, parameters: dict[str, str], field: str) -> None:
        body = problem(bench.get("/v1/logs", **parameters), 422, "invalid-parameter")
        assert [error["field"] for error in body["errors"]] == [field]

    def test_payloads_come_when_asked_for(self, bench: Bench) -> None:
        [item] = bench.get("/v1/logs", message_id="fault").json()["items"]
        assert (item["request"], item["status"], item["connector_id"], item["info"]) == (None, "Faulted", 1, None)
        [item] = bench.get("/v1/logs", message_id="fault", fields="request,response").json()["items"]
        assert item["request"] == '{"info":"Türe 50% auf_zu","x":"C:\\\\tmp"}'


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
                    newer = f"2026-11-24 {12 if order == 'desc' else 10}:30:00.000"
                    insert(client, {"charger_id": charger, "datetime": newer, "message_id": "late"})

        thread = threading.Thread(target=keep_inserting)
        thread.start()
        seen: list[dict[str, Any]] = []
        cursor = ""
        try:
            while True:
                page = bench.get("/v1/logs", charger=charger, limit=37, order=order, cursor=cursor).json()
                seen += [item for item in page["items"] if item["message_id"] != "late"]
                cursor = page["next_cursor"]
                if not cursor:
                    break
        finally:
            stop.set()
            thread.join()
        assert sorted(item["message_id"] for item in seen) == sorted(f"p{n}" for n in range(250))
        times = [item["datetime"] for item in seen]
        assert times == sorted(times, reverse=order == "desc")

    def test_a_cursor_belongs_to_its_search(self, bench: Bench) -> None:
        cursor = bench.get("/v1/logs", limit=1).json()["next_cursor"]
        problem(bench.get("/v1/logs", limit=1, cursor=cursor, q="x"), 422, "invalid-parameter")
        problem(bench.get("/v1/logs", limit=1, cursor=cursor, order="asc"), 422, "invalid-parameter")
        # It is no way into another site's log either: the scope is the caller's.
        assert "theirs" not in bench.found(bench.token(sites=("mine",)), limit=1, cursor=cursor)

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
        order = "datetime DESC, kafka_partition DESC, kafka_offset DESC, connection_id DESC, sequence DESC"
        expected = bench.client.query(f"SELECT message_id FROM ocpplog.ocpp_log ORDER BY {order}").result_rows
        found, cursor = [], None
        while True:
            page = bench.get("/v1/logs", limit=4, **({"cursor": cursor} if cursor else {})).json()
            found += [item["message_id"] for item in page["items"]]
            if not (cursor := page["next_cursor"]):
                break
        assert found == [message_id for (message_id,) in expected]

    @pytest.mark.parametrize("q", ["231.5", "5.2", '"-5.25"', "17533", "753", '"l1 231"', "l1"])
    def test_a_number_is_found_wherever_it_stands(self, bench: Bench, q: str) -> None:
        request = '{"x":"L1 231","v":[{"value":"231.5"},{"value":"-5.25"},{"value":"17533"}]}'
        number = f"numbers-{next(_numbers)}"
        insert(bench.client, {"message_id": number, "charger_id": "numbers", "request": request})
        assert number in bench.found(q=q, charger="numbers")


class TestEntry:
    def test_everything(self, bench: Bench) -> None:
        [item] = bench.get("/v1/logs", message_id="quoted").json()["items"]
        entry = bench.get(f"/v1/logs/{item['id']}").json()
        assert entry["request"] == '{"data":"two words, \\"quoted\\""}'
        assert entry["request_json"] == {"data": 'two words, "quoted"'}
        assert entry["response_json"] is None
        assert entry["connection_id"] == "a" * 32
        assert {name: entry[name] for name in item} == item | {"request": entry["request"]}

    @pytest.mark.parametrize("name", ["x", "1-" + "a" * 32 + "-1", "%00", "f" * 200])
    def test_unknown(self, bench: Bench, name: str) -> None:
        problem(bench.get(f"/v1/logs/{name}"), 404, "not-found")


class TestExport:
    def test_headers_and_cells(self, bench: Bench) -> None:
        answer = bench.get("/v1/logs/export", action="DataTransfer", to="2026-11-25")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"] == 'attachment; filename="ocpp-log_all-sites_20261125T000000Z.csv"'
        assert answer.text.split("\r\n")[0] == HEADERS_OF_THE_PRODUCT == ",".join(EXPORT_COLUMNS)
        rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
        assert [row["Request Info"] for row in rows] == ["", '\'=1+"a"\nb']
        assert {row["Datetime"] for row in rows} == {"2026-11-24T10:00:00Z"}

    def test_chosen_columns_in_their_order(self, bench: Bench) -> None:
        answer = bench.get(
            "/v1/logs/export", message_id="start", columns="Request ID Tag,action", separator="semicolon", bom="true"
        )
        assert answer.content.decode() == "\ufeffRequest ID Tag;Action\r\n43434;StartTransaction\r\n"
        problem(bench.get("/v1/logs/export", columns="Nope"), 422, "invalid-parameter")
        problem(bench.get("/v1/logs/export", format="exe"), 422, "invalid-parameter")

    def test_too_many(self, bench: Bench) -> None:
        insert(bench.client, *({"charger_id": "many", "message_id": f"e{n}", "kafka_offset": n} for n in range(101)))
        body = problem(bench.get("/v1/logs/export", charger="many"), 422, "too-many-entries")
        assert (body["matched"], body["maximum"]) == (101, 100)
        assert "Narrow the filters" in body["detail"]
        answer = bench.get("/v1/logs/export", charger="many", truncate="true")
        assert (answer.headers["x-ocpplog-truncated"], answer.headers["x-ocpplog-matched"]) == ("true", "101")
        assert "newest-100" in answer.headers["content-disposition"]
        assert len(answer.text.splitlines()) == 101


class TestPages:
    @pytest.mark.parametrize("path", ["/", "/docs", "/static/main.js", "/static/style.css", "/static/icon.svg"])
    def test_served_with_a_strict_policy(self, bench: Bench, path: str) -> None:
        answer = httpx.get(bench.url + path)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"

    def test_nothing_comes_from_elsewhere(self, bench: Bench) -> None:
        for path in (
            "/",
            "/docs",
            "/static/main.js",
            "/static/api.js",
            "/static/entry.js",
            "/static/docs.js",
            "/static/style.css",
        ):
            assert "//cdn" not in httpx.get(bench.url + path).text
            assert "innerHTML" not in httpx.get(bench.url + path).text

    def test_metrics(self, bench: Bench) -> None:
        assert "ocpplog_api_requests_total" in httpx.get(f"{bench.url}/metrics").text

    def test_unknown_path(self, bench: Bench) -> None:
        problem(httpx.get(f"{bench.url}/nowhere"), 404, "not-found")


def test_clickhouse_away_and_back(bench: Bench) -> None:
    bench.store.process.kill()
    try:
        assert httpx.get(f"{bench.url}/livez").status_code == 200
        answer = bench.get("/v1/logs")
        problem(answer, 503, "store-unavailable")
        assert answer.headers["retry-after"]
        assert httpx.get(f"{bench.url}/readyz").status_code == 503
    finally:
        bench.store.start()
    assert bench.get("/v1/logs").status_code == 200


def test_a_missing_key_is_said(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = Process(sys.executable, "-m", "ocpplog_query_api", env={"OCPPLOG_API_JWT_KEY_FILE": "/nowhere"}, log=log).start()
    assert process.child.wait(30) == 1
    assert "OCPPLOG_API_JWT_KEY_FILE: /nowhere is not a file" in log.read_text()
