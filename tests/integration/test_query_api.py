"""The query API on the local ClickHouse: who may see what, downloading, pages."""

from __future__ import annotations

import csv
import io
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import pytest

from integration.query_api_support import Bench, insert, problem, query_api
from ocpplog_common.clickhouse.tables import EXPORT_COLUMNS
from ocpplog_common.tokens import Role
from support.processes import Process

pytestmark = pytest.mark.integration

HEADERS_OF_THE_PRODUCT = (
    "Datetime,Action,Charger ID,Connector ID,Request Vendor Error Code,Request Timestamp,Request Status,Request Error Code,"
    "Request Info,Request Vendor ID,Request ID Tag,Request Meter Stop,Request Transaction ID,Request Reason,"
    "Response ID Tag Info Status,L1 Voltage,L2 Voltage,L3 Voltage,Voltage,L1 Current.Import,L2 Current.Import,L3 Current.Import,"
    "Current.Import,L1 Power,L2 Power,L3 Power,Power"
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with query_api(tmp_path_factory.mktemp("api")) as found:
        yield found


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
