"""The query API on the local ClickHouse: what a search finds, and what not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.query_api_support import Bench, insert, numbers, problem, query_api

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with query_api(tmp_path_factory.mktemp("api")) as found:
        yield found


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
            ("5B1B3E8E-63C1-4A59-8B0C-1F1F8F2B9A10", ["5b1b3e8e-63c1-4a59-8b0c-1f1f8f2b9a10"]),
            ("türe -secret", ["fault"]),
            ("türe -50%", []),
            ('groundfailure -"50% auf"', ["theirs"]),
            ("status:faulted", ["theirs", "fault"]),
            ("Status:FAULTED -site:theirs", ["fault"]),
            ("status:faulted site:theirs", ["theirs"]),
            ("action:heartbeat -source:csms", ["old"]),
            ("id_tag:43434 -connector:1", ["start"]),
            ("connector:none action:datatransfer", ["escaped", "quoted"]),
            ("action:StartTransaction -connector:none", ["start"]),
            ('action:""', ["broken"]),
            ("transaction_id:4356987 transaction_id:1", ["start"]),
            ('"secret":"GroundFailure"', ["theirs"]),
            ('"\\"quoted\\""', ["quoted"]),
            ("OCPP1.6 json", ["broken"]),
            ("json -ocpp1.6", []),
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
            ({"violations": "true"}, {"broken"}),
            ({"status": "Faulted", "q": "site:mine"}, {"fault"}),
            ({"site": "mine", "q": "site:theirs"}, set()),
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
            ({"columns": "action,request"}, "columns"),
            ({"order": "up"}, "order"),
            ({"q": "a " * 30}, "q"),
            ({"q": "x" * 257}, "q"),
            ({"q": "connector:x"}, "q"),
            ({"q": "-source:me"}, "q"),
            ({"q": "status:"}, "q"),
            ({"violations": "maybe"}, "violations"),
        ],
    )
    def test_a_wrong_parameter_is_named(self, bench: Bench, parameters: dict[str, str], field: str) -> None:
        body = problem(bench.get("/v1/logs", **parameters), 422, "invalid-parameter")
        assert [error["field"] for error in body["errors"]] == [field]

    @pytest.mark.parametrize("q", ["site:theirs", "-site:mine", "-site:nowhere", 'site:""', "secret", "-x", "site:* site:theirs"])
    def test_nothing_widens_what_may_be_seen(self, bench: Bench, q: str) -> None:
        viewer = bench.token(sites=("mine",))
        for path in ("/v1/logs", "/v1/logs/facets", "/v1/logs/histogram", "/v1/logs/export"):
            answer = bench.get(path, viewer, q=q, **{"from": "2026-11-01"})
            assert answer.status_code == 200, answer.text
            assert "theirs" not in answer.text
            assert "CP9" not in answer.text

    def test_payloads_come_when_asked_for(self, bench: Bench) -> None:
        [item] = bench.get("/v1/logs", message_id="fault").json()["items"]
        assert (item["request"], item["status"], item["connector_id"], item["info"]) == (None, "Faulted", 1, None)
        [item] = bench.get("/v1/logs", message_id="fault", fields="request,response").json()["items"]
        assert item["request"] == '{"info":"Türe 50% auf_zu","x":"C:\\\\tmp"}'

    def test_only_the_columns_that_were_asked_for(self, bench: Bench) -> None:
        [item] = bench.get("/v1/logs", message_id="fault", columns="status, charger_id,status", fields="response").json()["items"]
        assert sorted(item) == ["charger_id", "datetime", "id", "response", "status"]

    @pytest.mark.parametrize("q", ["231.5", "5.2", '"-5.25"', "17533", "753", '"l1 231"', "l1"])
    def test_a_number_is_found_wherever_it_stands(self, bench: Bench, q: str) -> None:
        request = '{"x":"L1 231","v":[{"value":"231.5"},{"value":"-5.25"},{"value":"17533"}]}'
        number = f"numbers-{next(numbers)}"
        insert(bench.client, {"message_id": number, "charger_id": "numbers", "request": request})
        assert number in bench.found(q=q, charger="numbers")
