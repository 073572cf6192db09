"""The query API on the local ClickHouse: counts over time and by value, and what a query may cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integration.query_api_support import Bench, insert, problem, query_api

pytestmark = pytest.mark.integration

DAY = {"from": "2026-11-10T00:00:00Z", "to": "2026-11-11T00:00:00Z"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with query_api(tmp_path_factory.mktemp("api"), api_facet_rows=60) as found:
        fill(found)
        yield found


def fill(bench: Bench) -> None:
    """Of site `counted`: 24 heartbeats, one an hour; 12 status notifications, every other hour, four of them faults of CP2."""
    beats = [{"datetime": f"2026-11-10 {hour:02}:30:00.000", "action": "Heartbeat", "charger_id": "CP1"} for hour in range(24)]
    states = [
        {
            "datetime": f"2026-11-10 {hour:02}:00:00.000",
            "action": "StatusNotification",
            "charger_id": "CP2" if hour < 8 else "XCP3",
            "status": "Faulted" if hour < 8 else "Available",
            "request": '{"status":"Faulted"}' if hour < 8 else "{}",
            "outcome": "error" if hour == 2 else "result",
            "connector_id": 1,
        }
        for hour in range(0, 24, 2)
    ]
    insert(bench.client, *({"site_id": "counted"} | row for row in beats + states))


def histogram(bench: Bench, token: str | None = None, **parameters: Any) -> dict[str, Any]:
    answer = bench.get("/v1/logs/histogram", token, **parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def facets(bench: Bench, token: str | None = None, **parameters: Any) -> dict[str, Any]:
    """field -> what was counted, without its name."""
    answer = bench.get("/v1/logs/facets", token, **parameters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["facets"]
    return {str(facet.pop("field")): facet for facet in found}


def values(facet: dict[str, Any]) -> list[tuple[str, int]]:
    return [(one["value"], one["count"]) for one in facet["values"]]


class TestHistogram:
    def test_by_action_with_no_bucket_left_out(self, bench: Bench) -> None:
        found = histogram(bench, site="counted", by="action", buckets=24, **DAY)
        assert (found["from"], found["to"]) == ("2026-11-10T00:00:00.000Z", "2026-11-11T00:00:00.000Z")
        assert found["bucket_seconds"] == 3600
        assert [bucket["at"][11:13] for bucket in found["buckets"]] == [f"{hour:02}" for hour in range(24)]
        assert found["buckets"][0]["counts"] == {"Heartbeat": 1, "StatusNotification": 1}
        assert found["buckets"][1]["counts"] == {"Heartbeat": 1}

    def test_by_outcome(self, bench: Bench) -> None:
        found = histogram(bench, site="counted", action="StatusNotification", buckets=24, **DAY)
        assert [bucket["counts"] for bucket in found["buckets"][:4]] == [{"result": 1}, {}, {"error": 1}, {}]

    def test_of_centuries(self, bench: Bench) -> None:
        found = histogram(bench, site="counted", by="none", buckets=2, **{"from": "1970-01-01", "to": "9999-12-31"})
        assert sum(bucket["counts"].get("all", 0) for bucket in found["buckets"]) == 36

    def test_all_together_and_filtered(self, bench: Bench) -> None:
        found = histogram(bench, site="counted", by="none", buckets=2, q="faulted -error", **DAY)
        assert [bucket["counts"] for bucket in found["buckets"]] == [{"all": 3}, {}]

    def test_the_last_day_where_nothing_is_said(self, bench: Bench) -> None:
        found = histogram(bench)
        since, until = (datetime.fromisoformat(found[name]) for name in ("from", "to"))
        assert until - since == timedelta(days=1)
        assert abs(until - datetime.now(UTC)) < timedelta(minutes=1)
        assert len(found["buckets"]) <= 60

    def test_what_is_not_theirs_is_not_counted(self, bench: Bench) -> None:
        mine = bench.token(sites=("mine",))
        for by in ("none", "action", "outcome"):
            found = histogram(bench, mine, by=by, **DAY)
            assert all(bucket["counts"] == {} for bucket in found["buckets"])

    def test_no_time_no_buckets(self, bench: Bench) -> None:
        assert histogram(bench, **{"from": DAY["to"], "to": DAY["from"]})["buckets"] == []

    @pytest.mark.parametrize(
        ("name", "value"), [("by", "site"), ("buckets", "1"), ("buckets", "501"), ("from", "x"), ("limit", "1")]
    )
    def test_wrong(self, bench: Bench, name: str, value: str) -> None:
        body = problem(bench.get("/v1/logs/histogram", **{name: value}), 422, "invalid-parameter")
        assert [error["field"] for error in body["errors"]] == [name]


class TestFacets:
    def test_the_usual_fields(self, bench: Bench) -> None:
        found = facets(bench, site="counted")
        assert list(found) == ["site", "charger", "action", "status", "outcome", "error_code"]
        assert values(found["site"]) == [("counted", 36)]
        assert values(found["charger"]) == [("CP1", 24), ("XCP3", 8), ("CP2", 4)]
        assert values(found["status"]) == [("Available", 8), ("Faulted", 4)]
        assert values(found["outcome"]) == [("result", 35), ("error", 1)]
        assert found["error_code"] == {"values": [], "others": 0, "is_sample": False}

    def test_others(self, bench: Bench) -> None:
        found = facets(bench, site="counted", field=["charger", "status"], top=1)
        assert (values(found["charger"]), found["charger"]["others"]) == ([("CP1", 24)], 12)
        assert (values(found["status"]), found["status"]["others"]) == ([("Available", 8)], 4)

    def test_under_the_search_as_it_is(self, bench: Bench) -> None:
        found = facets(bench, q="faulted -site:mine -site:theirs", field=["charger", "connector", "source"])
        assert values(found["charger"]) == [("CP2", 4)]
        assert values(found["connector"]) == [("1", 4)]
        assert values(found["source"]) == [("charger", 4)]
        assert values(facets(bench, site="counted", field="connector")["connector"]) == [("none", 24), ("1", 12)]

    @pytest.mark.parametrize(
        ("contains", "found"),
        [("cp", [("CP1", 24), ("XCP3", 8), ("CP2", 4)]), ("Cp3", [("XCP3", 8)]), ("c%1", []), ("c_1", []), ("nothing", [])],
    )
    def test_suggestions(self, bench: Bench, contains: str, found: list[tuple[str, int]]) -> None:
        assert values(facets(bench, site="counted", field="charger", contains=contains)["charger"]) == found

    def test_every_field(self, bench: Bench) -> None:
        fields = ["site", "charger", "connector", "action", "status", "error_code", "vendor_error_code", "outcome", "source"]
        fields += ["id_tag", "transaction_id", "message_id", "subprotocol"]
        found = facets(bench, site=["mine", "theirs"], field=fields, top=200, to="2026-11-25")
        assert list(found) == fields
        assert values(found["vendor_error_code"]) == [("E7", 2)]
        assert values(found["id_tag"]) == [("43434", 1)]
        assert values(found["subprotocol"]) == [("ocpp1.6", 8)]
        assert len(found["message_id"]["values"]) == 8
        # Each of them is a value that the filter takes.
        for field, facet in found.items():
            for value, count in values(facet):
                parameters: dict[str, Any] = {"site": ["mine", "theirs"]} | {field: value}
                assert len(bench.found(**parameters)) == count

    def test_what_is_not_theirs_is_not_counted(self, bench: Bench) -> None:
        found = facets(bench, bench.token(sites=("theirs",)), field=["site", "charger"])
        assert values(found["site"]) == [("theirs", 1)]
        assert values(found["charger"]) == [("CP9", 1)]

    def test_of_too_many_the_newest_are_counted(self, bench: Bench) -> None:
        rows = [
            {"site_id": "wide", "charger_id": f"H{n // 25}", "datetime": f"2026-11-12 0{n // 25}:10:00.000"} for n in range(100)
        ]
        insert(bench.client, *rows)
        found = facets(bench, site="wide", field="charger")["charger"]
        assert values(found) == [("H2", 25), ("H3", 25)]
        assert found["is_sample"]
        found = facets(bench, site="wide", charger=["H0", "H1"], field="charger")["charger"]
        assert values(found) == [("H0", 25), ("H1", 25)]
        assert not found["is_sample"]

    @pytest.mark.parametrize(
        ("parameters", "field"),
        [
            ({"field": "password"}, "field.0"),
            ({"field": ["site", "charger"], "contains": "x"}, "contains"),
            ({"top": "0"}, "top"),
            ({"top": "201"}, "top"),
            ({"q": "connector:x"}, "q"),
        ],
    )
    def test_wrong(self, bench: Bench, parameters: dict[str, Any], field: str) -> None:
        body = problem(bench.get("/v1/logs/facets", **parameters), 422, "invalid-parameter")
        assert [error["field"] for error in body["errors"]] == [field]


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with query_api(tmp_path_factory.mktemp("narrow"), api_max_rows_read=3000, api_count_seconds=0.0001) as found:
        insert(found.client, *({"site_id": "large", "request": f"{n}"} for n in range(5000)))
        yield found


class TestCost:
    @pytest.mark.parametrize("path", ["/v1/logs/histogram", "/v1/logs/facets", "/v1/logs?q=x.y"])
    def test_a_query_that_reads_too_much_is_ended_with_a_hint(self, narrow: Bench, path: str) -> None:
        body = problem(narrow.get(path, site="large", **{"from": "2026-11-01"}), 504, "query-too-big")
        assert "Narrow the time range" in body["detail"]
        assert "SELECT" not in str(body)
        assert narrow.get(path, site="mine", **{"from": "2026-11-01"}).status_code == 200

    def test_a_count_that_takes_too_long_is_a_lower_bound(self, narrow: Bench) -> None:
        body = narrow.get("/v1/logs", site="mine", count="true").json()
        assert body["total_is_lower_bound"]
        assert body["total"] >= len(body["items"]) > 0
        assert narrow.get("/v1/logs/count", site="mine").json()["total_is_lower_bound"]


class TestCount:
    def test_is_how_many_match(self, bench: Bench) -> None:
        found = bench.get("/v1/logs/count", site="counted", status="Faulted", **DAY).json()
        assert found == {"total": 4, "total_is_lower_bound": False}

    def test_counts_what_may_be_seen(self, bench: Bench) -> None:
        viewer = bench.token(sites=("mine",))
        assert bench.get("/v1/logs/count", viewer, site="counted").json()["total"] == 0
