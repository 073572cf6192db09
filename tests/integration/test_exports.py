"""Downloads: what is in the file, of whom, how many, and that half of one does not look like a whole."""

from __future__ import annotations

import csv
import io
import random
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import openpyxl
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.spreadsheets import guarded
from integration.exports_support import Api, query_api
from ocpplog_common.clickhouse.tables import EXPORT_COLUMNS
from ocpplog_query_api.database import Database
from ocpplog_query_api.settings import ApiSettings

pytestmark = pytest.mark.integration
csv.field_size_limit(2_000_000)

HEADERS_OF_THE_PRODUCT = (
    "Datetime,Action,Charger ID,Connector ID,Request Vendor Error Code,Request Timestamp,Request Status,Request Error Code,"
    "Request Info,Request Vendor ID,Request ID Tag,Request Meter Stop,Request Transaction ID,Request Reason,"
    "Response ID Tag Info Status,L1 Voltage,L2 Voltage,L3 Voltage,Voltage,L1 Current.Import,L2 Current.Import,L3 Current.Import,"
    "Current.Import,L1 Power,L2 Power,L3 Power,Power"
)
FORMATS = ("csv", "xlsx", "ndjson", "parquet")
MAXIMUM = 100


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with query_api(tmp_path_factory.mktemp("api"), api_max_export=str(MAXIMUM)) as found:
        yield found


def read_csv(answer: httpx.Response, delimiter: str = ",") -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=delimiter, strict=True))


def column(answer: httpx.Response, form: str, place: int = 0) -> list[Any]:
    """The values of a column, as a library of that format reads them."""
    assert answer.status_code == 200, answer.text
    match form:
        case "csv":
            return [row[place] for row in read_csv(answer)[1:]]
        case "ndjson":
            return [list(msgspec.json.decode(line).values())[place] for line in answer.content.splitlines()]
        case "xlsx":
            sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
            return [row[place] for row in list(sheet.iter_rows(values_only=True))[1:]]
        case _:
            table = pyarrow.parquet.read_table(io.BytesIO(answer.content))
            found: list[Any] = table.column(place).to_pylist()
            return found


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"urn:ocpplog:problem:{kind}"
    return body


STOP = {
    "charger_id": "Charger 5",
    "action": "StopTransaction",
    "datetime": "2024-11-26 10:03:49.871",
    "request_timestamp": "2024-11-26 10:03:48.123456",
    "connector_id": 0,
    "id_tag": "43434",
    "meter_stop": 1387299,
    "transaction_id": "-1",
    "current_import": -0.5,
    "violations": ["a: b", "c: =d"],
    "latency_ms": 7,
    "request": '{"reason":"Türe"}',
}


class TestCsv:
    def test_headers_and_cells_of_the_product(self, api: Api) -> None:
        api.insert(STOP, {"charger_id": "Charger 5", "datetime": "2024-11-26 10:03:49.000"})
        answer = api.export(charger="Charger 5", to="2024-11-27")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"] == 'attachment; filename="ocpp-log_all-sites_to-20241127T000000Z.csv"'
        assert answer.headers["x-ocpplog-entries"] == "2"
        assert "x-ocpplog-truncated" not in answer.headers
        assert answer.text.split("\r\n")[0] == HEADERS_OF_THE_PRODUCT == ",".join(EXPORT_COLUMNS)
        full, empty = csv.DictReader(io.StringIO(answer.text, newline=""))
        assert {header: cell for header, cell in full.items() if cell} == {
            "Datetime": "2024-11-26T10:03:49Z",
            "Action": "StopTransaction",
            "Charger ID": "Charger 5",
            "Connector ID": "0",
            "Request Timestamp": "2024-11-26T10:03:48Z",
            "Request ID Tag": "43434",
            "Request Meter Stop": "1387299",
            "Request Transaction ID": "-1",
            "Current.Import": "-0.5",
        }
        assert [header for header, cell in empty.items() if cell] == ["Datetime", "Charger ID"]

    def test_chosen_columns_in_their_order(self, api: Api) -> None:
        api.insert(STOP | {"charger_id": "chosen"})
        answer = api.export(charger="chosen", columns="Latency,Request ID Tag,current_import,violations", separator="semicolon")
        assert answer.text == 'Latency;Request ID Tag;Current.Import;Violations\r\n"7";"43434";-0.5;"a: b; c: =d"\r\n'
        problem(api.export(columns="Nope"), 422, "invalid-parameter")
        problem(api.export(format="exe"), 422, "invalid-parameter")

    @pytest.mark.parametrize("form", FORMATS)
    def test_places_on_kafka_are_for_who_sees_all_sites(self, api: Api, form: str) -> None:
        charger = f"on kafka, {form}"
        api.insert(STOP | {"charger_id": charger, "kafka_offset": 7})
        wanted: dict[str, Any] = {"charger": charger, "format": form, "columns": "Charger ID,Kafka Partition,kafka_offset"}
        assert str(column(api.export(**wanted), form, 2)[0]) == "7"
        scoped = [column(api.export(sites=("mine",), **wanted), form, place) for place in range(3)]
        assert scoped in ([[charger], [None], [None]], [[charger], [""], [""]])

    def test_for_the_spreadsheets_of_a_language(self, api: Api) -> None:
        api.insert(STOP | {"charger_id": "local"})
        wanted: dict[str, Any] = {"charger": "local", "columns": "Charger ID,Current.Import,Request"}
        german = api.export(language="de-DE,en;q=0.5", separator="auto", decimal="auto", bom="true", **wanted)
        assert german.content.startswith(b"\xef\xbb\xbfCharger ID;")
        assert read_csv(german, ";")[1] == ["local", "-0,5", '{"reason":"Türe"}']
        english = api.export(language="en-GB,de;q=0.5", separator="auto", decimal="auto", **wanted)
        assert read_csv(english)[1] == ["local", "-0.5", '{"reason":"Türe"}']
        tabs = api.export(separator="tab", decimal="comma", **wanted)
        assert read_csv(tabs, "\t")[1][1] == "-0,5"
        assert tabs.headers["content-type"] == "text/tab-separated-values; charset=utf-8"
        assert '.tsv"' in tabs.headers["content-disposition"]

    @pytest.mark.parametrize(
        ("text", "cell"),
        [
            ("=1+1", "'=1+1"),
            ("+49 30", "'+49 30"),
            ("-x", "'-x"),
            ("@SUM(1)", "'@SUM(1)"),
            ("＝1", "'＝1"),
            ("＋1", "'＋1"),
            ("－1", "'－1"),
            ("＠a", "'＠a"),
            ("\t=1", "'\t'=1"),
            ("\rx", "'\rx"),
            ("\nx", "'\nx"),
            ("\0x", "'\0x"),
            ('"=1', "'\"=1"),
            (" =1", "' =1"),
            ("a;=cmd|' /C calc'!A0", "a;'=cmd|' /C calc'!A0"),
            ("a\n=1", "a\n'=1"),
            ('a;"=1"', 'a;\'"=1"'),
            ("a|-1;\t-2", "a|'-1;\t'-2"),
            ('["a",-5]', '["a",-5]'),
            ('{"value":"-5.2"}', '{"value":"-5.2"}'),
            ("-5.25", "-5.25"),
            ("-1", "-1"),
            ("-1-1", "'-1-1"),
            ("a=1", "a=1"),
            ("", ""),
        ],
    )
    def test_no_cell_is_a_formula(self, api: Api, text: str, cell: str) -> None:
        charger = f"formula-{time.monotonic_ns()}"
        api.insert({"charger_id": charger, "info": text, "request": text})
        rows = read_csv(api.export(charger=charger, columns="info,request"))
        assert rows[1:] == [[cell, cell]]

    def test_what_would_begin_a_cell_in_another_separators_file(self, api: Api) -> None:
        api.insert({"charger_id": "comma", "info": "a,=1;=2"})
        assert read_csv(api.export(charger="comma", columns="info", separator="semicolon"), ";")[1] == ["a,'=1;=2"]

    def test_a_list_is_guarded_whole(self, api: Api) -> None:
        api.insert({"charger_id": "listed", "violations": ["=1", "-2"]})
        assert read_csv(api.export(charger="listed", columns="violations"))[1] == ["'=1;' -2"]

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(st.tuples(*[st.text(st.characters(exclude_categories=["Cs"])) | st.text('=-+@";,\t\r\n 1x＝')] * 2), min_size=1),
        st.sampled_from([("comma", ","), ("semicolon", ";"), ("tab", "\t")]),
    )
    def test_what_is_written_is_read(self, api: Api, texts: list[tuple[str, str]], separator: tuple[str, str]) -> None:
        charger = f"any-{time.monotonic_ns()}"
        api.insert(*({"charger_id": charger, "info": one, "request": two} for one, two in texts))
        name, character = separator
        rows = read_csv(api.export(charger=charger, columns="info,request", separator=name), character)
        assert rows[1:] == [[guarded(one, character), guarded(two, character)] for one, two in texts]


class TestOtherFormats:
    @pytest.fixture
    def charger(self, api: Api) -> str:
        charger = f"typed-{time.monotonic_ns()}"
        api.insert(STOP | {"charger_id": charger, "info": "=1+1"}, {"charger_id": charger, "datetime": "2024-11-26 10:03:49.000"})
        return charger

    def test_ndjson(self, api: Api, charger: str) -> None:
        answer = api.export(format="ndjson", charger=charger, columns="all")
        assert answer.headers["content-type"] == "application/x-ndjson"
        full, empty = [msgspec.json.decode(line) for line in answer.content.splitlines()]
        [listed, _] = httpx.get(f"{api.url}/v1/logs?charger={charger}&fields=request,response", headers=api.headers()).json()[
            "items"
        ]
        assert {name: full[name] for name in listed} == listed
        entry = httpx.get(f"{api.url}/v1/logs/{full['id']}", headers=api.headers()).json()
        assert full == {name: entry[name] for name in full}
        assert (full["transaction_id"], full["info"], full["violations"]) == ("-1", "=1+1", ["a: b", "c: =d"])
        assert (empty["request_timestamp"], empty["action"], empty["power"], empty["violations"]) == (None, None, None, [])

    def test_parquet(self, api: Api, charger: str) -> None:
        answer = api.export(format="parquet", charger=charger, columns="all")
        assert answer.headers["content-type"] == "application/vnd.apache.parquet"
        full, empty = pyarrow.parquet.read_table(io.BytesIO(answer.content)).to_pylist()
        assert full["datetime"] == datetime(2024, 11, 26, 10, 3, 49, 871_000, UTC)
        assert full["request_timestamp"] == datetime(2024, 11, 26, 10, 3, 48, 123_456, UTC)
        assert (full["meter_stop"], full["current_import"], full["connector_id"], full["info"]) == (1387299, -0.5, 0, "=1+1")
        assert (full["violations"], full["connection_id"]) == (["a: b", "c: =d"], "a1b2c3d4" * 4)
        assert (empty["action"], empty["power"], empty["violations"], empty["site_id"]) == (None, None, [], "mine")
        [ndjson, _] = api.export(format="ndjson", charger=charger, columns="all").content.splitlines()
        assert list(full) == list(msgspec.json.decode(ndjson))

    def test_xlsx(self, api: Api, charger: str) -> None:
        answer = api.export(format="xlsx", charger=charger, columns="all")
        assert answer.headers["content-type"].endswith("spreadsheetml.sheet")
        sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
        headers, full, empty = ([cell.value for cell in row] for row in sheet.rows)
        assert ",".join(map(str, headers[:27])) == HEADERS_OF_THE_PRODUCT
        row = dict(zip(headers, full, strict=True))
        assert row["Datetime"].replace(microsecond=0) == datetime(2024, 11, 26, 10, 3, 49)
        assert row["Request Timestamp"].replace(microsecond=0) == datetime(2024, 11, 26, 10, 3, 48)
        assert (row["Request Meter Stop"], row["Current.Import"], row["Connector ID"]) == (1387299, -0.5, 0)
        assert (row["Request Transaction ID"], row["Request Info"]) == ("-1", "=1+1")
        assert (row["Violations"], row["Request"]) == ("a: b; c: =d", '{"reason":"Türe"}')
        assert dict(zip(headers, empty, strict=True))["Request Timestamp"] is None
        assert {cell.data_type for cell in sheet[2]} <= {"d", "s", "n", "inlineStr"}

    @pytest.mark.parametrize("form", FORMATS)
    def test_nothing_matches(self, api: Api, form: str) -> None:
        answer = api.export(format=form, charger="nobody")
        assert column(answer, form) == []
        assert answer.headers["x-ocpplog-entries"] == "0"

    @pytest.mark.parametrize("form", FORMATS)
    def test_a_long_payload(self, api: Api, form: str) -> None:
        api.insert({"charger_id": f"long-{form}", "request": "é" * 300_000})
        [text] = column(api.export(format=form, charger=f"long-{form}", columns="request"), form)
        if form == "xlsx":
            assert text.endswith("... [cut, 300,000 characters in all]")
        else:
            assert text == "é" * 300_000

    def test_times_before_and_after_what_spreadsheets_expect(self, api: Api) -> None:
        times = ["1970-01-01 00:00:00.000001", "2200-02-03 04:05:06.000000", "1960-01-01 00:00:00.000000"]
        api.insert(*({"charger_id": "times", "request_timestamp": moment} for moment in times))
        wanted: dict[str, Any] = {"charger": "times", "columns": "request_timestamp"}
        assert column(api.export(**wanted), "csv") == ["1970-01-01T00:00:00Z", "2200-02-03T04:05:06Z", "1960-01-01T00:00:00Z"]
        found = column(api.export(format="xlsx", **wanted), "xlsx")
        assert [moment.year for moment in found] == [1970, 2200, 1960]


class TestHowMany:
    def many(self, api: Api, charger: str, number: int) -> None:
        api.insert(*({"charger_id": charger, "message_id": f"m{place}"} for place in range(number)))

    @pytest.mark.parametrize("form", FORMATS)
    def test_exactly_as_many_as_allowed(self, api: Api, form: str) -> None:
        self.many(api, f"just-{form}", MAXIMUM)
        answer = api.export(format=form, charger=f"just-{form}", columns="message_id", truncate="true")
        assert column(answer, form) == [f"m{place}" for place in range(MAXIMUM)]
        assert "x-ocpplog-truncated" not in answer.headers
        assert "newest" not in answer.headers["content-disposition"]

    @pytest.mark.parametrize("form", FORMATS)
    def test_too_many(self, api: Api, form: str) -> None:
        self.many(api, f"many-{form}", MAXIMUM + 1)
        body = problem(api.export(format=form, charger=f"many-{form}"), 422, "too-many-entries")
        assert (body["matched"], body["matched_is_lower_bound"], body["maximum"]) == (101, False, 100)
        assert body["detail"].startswith("101 entries match; an export holds 100 at most. Narrow the filters")
        answer = api.export(format=form, charger=f"many-{form}", columns="message_id", truncate="true")
        assert column(answer, form) == [f"m{place}" for place in range(MAXIMUM)]
        found = [answer.headers[f"x-ocpplog-{name}"] for name in ("truncated", "matched", "entries")]
        assert found == ["true", "101", "100"]
        assert f"_newest-100.{form}" in answer.headers["content-disposition"]

    def test_counting_stops(self, api: Api) -> None:
        api.client.command(
            "INSERT INTO ocpplog.ocpp_log (datetime, site_id, charger_id, sequence, retention_days)"
            " SELECT toDateTime64('2026-01-01 00:00:00', 3, 'UTC'), 'crowd', 'crowd', number, 20000 FROM numbers(120000)"
        )
        body = problem(api.export(site="crowd"), 422, "too-many-entries")
        assert (body["matched"], body["matched_is_lower_bound"]) == (100_000, True)
        assert body["detail"].startswith("More than 100,000 entries match")
        answer = api.export(site="crowd", truncate="true")
        assert answer.headers["x-ocpplog-matched-is-lower-bound"] == "true"

    def test_the_newest_of_everything(self, api: Api) -> None:
        now = datetime.now(UTC)
        api.insert(
            *({"message_id": f"now{place}", "datetime": now.strftime("%Y-%m-%d %H:%M:%S.000")} for place in range(MAXIMUM))
        )
        answer = api.export(columns="message_id", truncate="true")
        assert {text[:3] for text in column(answer, "csv")} == {"now"}
        assert answer.headers["x-ocpplog-entries"] == "100"

    @pytest.mark.parametrize("form", ["csv", "parquet"])
    def test_number_and_file_agree_while_entries_come(self, api: Api, form: str) -> None:
        """Entry after entry comes, each older than the one before: a file that left one out unsaid would lack the last ones."""
        charger, stop = f"growing-{form}", threading.Event()

        def grow() -> None:
            for number in range(MAXIMUM + 30):
                moment = f"2026-11-24 09:{59 - number // 60:02}:{59 - number % 60:02}.000"
                api.insert({"charger_id": charger, "sequence": number, "datetime": moment})
                if stop.is_set():
                    break

        thread = threading.Thread(target=grow)
        thread.start()
        refused = 0
        try:
            while thread.is_alive():
                answer = api.export(format=form, charger=charger, columns="sequence")
                if answer.status_code == 422:
                    refused += 1
                    assert answer.json()["matched"] > MAXIMUM
                    continue
                found = [int(number) for number in column(answer, form)]
                assert found == list(range(len(found)))
                assert answer.headers["x-ocpplog-entries"] == str(len(found)) or form == "parquet"
                assert not refused
        finally:
            stop.set()
            thread.join()


class TestWhoMaySeeWhat:
    def test_another_sites_entries(self, api: Api) -> None:
        api.insert({"site_id": "Süd", "charger_id": "shared"}, {"site_id": "Nord", "charger_id": "shared"})
        answer = api.export(sites=("Süd",), charger="shared", columns="site_id")
        assert column(answer, "csv") == ["Süd"]
        assert answer.headers["content-disposition"].endswith("filename*=UTF-8''ocpp-log_S%C3%BCd.csv")
        theirs = api.export(sites=("Süd",), charger="shared", site="Nord")
        nowhere = api.export(sites=("Süd",), charger="shared", site="nowhere")
        assert theirs.content == nowhere.content
        assert theirs.headers["content-disposition"] == nowhere.headers["content-disposition"]

    def test_numbers_are_of_what_may_be_seen(self, api: Api) -> None:
        api.insert(*({"site_id": site, "charger_id": "both"} for site in ("Ost", "West") for _ in range(60)))
        problem(api.export(charger="both"), 422, "too-many-entries")
        assert len(column(api.export(sites=("Ost",), charger="both"), "csv")) == 60

    def test_columns(self, api: Api) -> None:
        problem(httpx.get(f"{api.url}/v1/logs/export/columns"), 401, "unauthenticated")
        found = httpx.get(f"{api.url}/v1/logs/export/columns", headers=api.headers()).json()
        assert ",".join(one["header"] for one in found if one["is_default"]) == HEADERS_OF_THE_PRODUCT
        assert found[2] == {
            "header": "Charger ID",
            "column": "charger_id",
            "description": "Charging station",
            "is_default": True,
        }
        everything = ",".join(one["column"] for one in found)
        api.insert({"charger_id": "wide"})
        rows = read_csv(api.export(charger="wide", columns=everything))
        assert rows[0] == [one["header"] for one in found]


def test_metrics_and_description(api: Api) -> None:
    def exported() -> float:
        text = httpx.get(f"{api.url}/metrics").text
        return sum(map(float, re.findall(r'ocpplog_api_exported_entries_total\{format="ndjson"\} (\S+)', text)))

    before = exported()
    api.insert({"charger_id": "metered"}, {"charger_id": "metered"})
    api.export(format="ndjson", charger="metered")
    assert exported() == before + 2
    described = httpx.get(f"{api.url}/openapi.json").json()["paths"]["/v1/logs/export"]["get"]["responses"]["200"]
    assert "application/vnd.apache.parquet" in described["content"]
    assert "X-Ocpplog-Truncated" in described["headers"]


@pytest.fixture(scope="module")
def large(api: Api) -> str:
    """A charger whose export fills every buffer between ClickHouse and a client that does not read."""
    charger = "large"
    chance = random.Random(1)
    for _ in range(2):
        # Compressed, it must still be large.
        api.insert(*({"charger_id": charger, "request": chance.randbytes(500_000).hex()} for _ in range(20)))
    return charger


def eventually(condition: Any, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class TestHalfAFile:
    @pytest.mark.parametrize("form", ["csv", "ndjson", "xlsx"])
    def test_is_not_taken_for_a_whole_one(self, api: Api, large: str, form: str) -> None:
        url, wanted = f"{api.url}/v1/logs/export", {"charger": large, "columns": "all", "format": form}
        try:
            with httpx.stream("GET", url, params=wanted, headers=api.headers(), timeout=30) as answer:
                assert answer.status_code == 200
                api.store.process.kill()
                with pytest.raises(httpx.RemoteProtocolError):
                    for _ in answer.iter_raw():
                        pass
        finally:
            with suppress(Exception):
                api.store.process.kill()
            api.store.start()
        assert api.export(charger="nobody").status_code == 200

    def test_a_client_that_hangs_up_ends_the_query(self, api: Api, large: str) -> None:
        said = len(api.log.read_text())
        with socket.socket() as client:
            # The system would take many megabytes for a client that does not read.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            client.connect(("127.0.0.1", int(api.url.rpartition(":")[2])))
            token = api.headers()["Authorization"]
            asked = f"GET /v1/logs/export?charger={large}&columns=all HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n"
            client.sendall(asked.encode())
            assert client.recv(12) == b"HTTP/1.1 200"
            # ClickHouse has filled every buffer there is, and waits.
            time.sleep(1)
            during = api.connections()
        eventually(lambda: bool(during - api.connections()))
        assert "download broke off" not in api.log.read_text()[said:]
        assert api.export(charger="nobody").status_code == 200

    def test_clients_that_read_nothing_keep_nobody_from_searching(self, api: Api, large: str) -> None:
        token = api.headers()["Authorization"]
        asked = f"GET /v1/logs/export?charger={large}&columns=all HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n"
        with ExitStack() as slow:
            for _ in range(30):
                client = slow.enter_context(socket.socket())
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.connect(("127.0.0.1", int(api.url.rpartition(":")[2])))
                client.sendall(asked.encode())
                assert client.recv(12) == b"HTTP/1.1 200"
            for _ in range(3):
                assert httpx.get(f"{api.url}/v1/logs?charger={large}", headers=api.headers(), timeout=10).status_code == 200
            assert api.export(charger="nobody").status_code == 200

    async def test_clickhouse_is_told_to_end_the_query_of_a_client_that_is_gone(self, api: Api, tmp_path: Path) -> None:
        (tmp_path / "key").write_text("k" * 64)
        database = Database(ApiSettings(clickhouse_url=api.store.url, api_jwt_key_file=tmp_path / "key"))
        settings = ("readonly", "cancel_http_readonly_queries_on_client_close", "max_execution_time")
        sql = f"SELECT {', '.join(f'getSetting({name!r})' for name in settings)}"
        stream = await database.stream("test", sql, {}, "TabSeparatedRaw")
        assert await stream.line() == b"2\ttrue\t300"
        await stream.aclose()
        await database.close()

    def test_a_client_that_hangs_up_before_anything_comes(self, api: Api, tmp_path: Path) -> None:
        api.store.process.child.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(httpx.ReadTimeout):
                httpx.get(f"{api.url}/v1/logs/export?charger=x", headers=api.headers(), timeout=1)
            eventually(lambda: 'status="499"' in httpx.get(f"{api.url}/metrics").text)
        finally:
            api.store.process.child.send_signal(signal.SIGCONT)
        eventually(lambda: api.running() == 0)

    @pytest.mark.parametrize("form", FORMATS)
    def test_clickhouse_is_away(self, api: Api, form: str) -> None:
        api.store.process.kill()
        try:
            answer = api.export(format=form)
            problem(answer, 503, "store-unavailable")
            assert "content-disposition" not in answer.headers
        finally:
            api.store.start()


def test_a_spreadsheet_that_would_fill_the_disk_breaks_off(tmp_path: Path) -> None:
    with query_api(tmp_path, api_max_spreadsheet_bytes="100000") as api:
        api.insert(*({"charger_id": "long", "request": "x" * 20_000} for _ in range(20)), {"charger_id": "short"})
        with pytest.raises(httpx.RemoteProtocolError):
            api.export(format="xlsx", charger="long", columns="Request")
        assert "take more than 100,000 bytes" in api.log.read_text()
        assert len(column(api.export(format="xlsx", charger="short", columns="Charger ID"), "xlsx")) == 1
        assert len(column(api.export(format="csv", charger="long", columns="Request"), "csv")) == 20


def test_an_export_that_takes_too_long_to_begin(tmp_path: Path) -> None:
    with query_api(tmp_path, api_max_seconds="2") as api:
        api.insert({})
        api.store.process.child.send_signal(signal.SIGSTOP)
        try:
            problem(api.export(), 504, "query-too-slow")
        finally:
            api.store.process.child.send_signal(signal.SIGCONT)
        eventually(lambda: api.export().status_code == 200)
        assert api.running() == 0
