"""Columns, locales, names and workbooks of exports, and streams that break off."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import openpyxl
import pytest
from clickhouse_connect.driver.common import StreamContext
from clickhouse_connect.driver.exceptions import DatabaseError
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape

from ocpplog_common.clickhouse.tables import EXPORT_COLUMNS
from ocpplog_query_api.exports import columns, locales, naming, xlsx
from ocpplog_query_api.exports.formats import Ndjson, Parquet
from ocpplog_query_api.exports.repository import ExportRepository
from ocpplog_query_api.logs.query import Search
from ocpplog_query_api.logs.schemas import LogEntryDetail
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.streaming import Download, Interrupted, Stream

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LAST_WORDS = b"__exception__\r\nabcdefghijklmnop\r\nCode: 159. DB::Exception: secret\n33 abcdefghijklmnop\r\n__exception__\r\n"


class TestColumns:
    def test_those_of_the_product_come_first(self) -> None:
        assert {column.header: column.name for column in columns.DEFAULT} == EXPORT_COLUMNS
        assert columns.ALL[: len(EXPORT_COLUMNS)] == columns.DEFAULT
        assert columns.choose("") == columns.choose(" , ") == list(columns.DEFAULT)

    def test_every_field_of_an_entry_is_there(self) -> None:
        assert {column.name for column in columns.ALL} == set(LogEntryDetail.model_fields) - {
            "request_json",
            "response_json",
            "neighbours",
        }
        assert len({column.header for column in columns.ALL}) == len(columns.ALL)
        assert all(column.description for column in columns.ALL)

    def test_chosen_by_header_or_name_in_the_order_wanted(self) -> None:
        found = columns.choose("power, Charger ID,datetime,Power,REQUEST")
        assert [column.header for column in found] == ["Power", "Charger ID", "Datetime", "Request"]
        assert columns.choose("All") == list(columns.ALL)
        with pytest.raises(ValueError, match="'Nothing' is no column of the export; there are: Datetime, "):
            columns.choose("Action,Nothing")


@pytest.mark.parametrize(
    ("accept_language", "comma"),
    [
        ("", False),
        ("en-GB,de;q=0.9", False),
        ("de-DE,de;q=0.9,en;q=0.8", True),
        ("en;q=0.5, fr-FR ; q=0.7", True),
        ("de-CH", False),
        ("es-MX", False),
        ("pt-BR", True),
        ("*", False),
        ("de;q=nonsense,en", False),
        (";;,,q=", False),
    ],
)
def test_decimal_comma(accept_language: str, comma: bool) -> None:
    assert locales.has_decimal_comma(accept_language) is comma


class TestNames:
    @pytest.mark.parametrize(
        ("sites", "name"),
        [
            (None, "ocpp-log_all-sites.csv"),
            ([], "ocpp-log_no-sites.csv"),
            (["depot", "garage"], "ocpp-log_depot+garage.csv"),
            (["a", "b", "c", "d"], "ocpp-log_4-sites.csv"),
            (["../../etc/passwd"], "ocpp-log_etc-passwd.csv"),
            (["x\u202egsc.exe", 'a"b\r\nc'], "ocpp-log_x-gsc.exe+a-b-c.csv"),
            (["..."], "ocpp-log_site.csv"),
        ],
    )
    def test_sites(self, sites: list[str] | None, name: str) -> None:
        assert naming.file_name(sites, None, None, None, "csv") == name

    def test_times_and_what_is_left_out(self) -> None:
        name = naming.file_name(None, NOW, NOW, 10_000, "parquet")
        assert name == "ocpp-log_all-sites_from-20261124T120000Z_to-20261124T120000Z_newest-10000.parquet"

    def test_names_that_are_not_ascii_are_given_twice(self) -> None:
        assert naming.disposition("a_b.csv") == 'attachment; filename="a_b.csv"'
        found = naming.disposition("Düsseldorf.csv")
        assert found == "attachment; filename=\"D-sseldorf.csv\"; filename*=UTF-8''D%C3%BCsseldorf.csv"

    @given(st.text())
    def test_no_site_breaks_out_of_the_header(self, site: str) -> None:
        found = naming.disposition(naming.file_name([site], None, None, None, "csv"))
        assert found.isascii()
        assert found.isprintable()
        assert found.count('"') == 2


def written(directory: Path, rows: Sequence[Sequence[Any]], wanted: str) -> Any:
    sheet = xlsx.Sheet(directory, columns.choose(wanted))
    sheet.add([msgspec.json.encode(row) for row in rows])
    return openpyxl.load_workbook(io.BytesIO(sheet.close().read_bytes())).active


class TestWorkbook:
    def test_types_and_looks(self, tmp_path: Path) -> None:
        rows: list[list[Any]] = [[45622.4193171296, "=1+1", 7, -2.5], [45622.4193171296, None, None, 0]]
        sheet = written(tmp_path, rows, "datetime,info,connector_id,power")
        assert sheet["A2"].value.replace(microsecond=0) == datetime(2024, 11, 26, 10, 3, 49)
        assert sheet["A2"].is_date
        assert (sheet["B2"].value, sheet["B2"].data_type) == ("=1+1", "s")
        assert [cell.value for cell in sheet[3]][1:] == [None, None, 0]
        assert (sheet["C2"].value, sheet["D2"].value) == (7, -2.5)
        assert (sheet.freeze_panes, sheet.auto_filter.ref, sheet.title) == ("A2", "A1:D3", "OCPP log")
        assert sheet.column_dimensions["A"].width > 20

    @pytest.mark.parametrize(
        "text", ["<r><t>x</t></r>", "=HYPERLINK()", "http://x", "_x0041_", "\x00\x01\x1f\ufffe", "a\r\n\tb", " x "]
    )
    def test_text_stays_text(self, tmp_path: Path, text: str) -> None:
        [cell] = written(tmp_path, [[text]], "info")[2]
        assert cell.data_type == "s"
        assert unescape(cell.value).strip(" ") == text.strip(" ")
        assert cell.hyperlink is None

    def test_what_is_too_long_says_so(self, tmp_path: Path) -> None:
        long = "x" * 40_000
        [cell] = written(tmp_path, [[long]], "request")[2]
        assert len(cell.value) == 32_767
        assert cell.value.startswith("xxx")
        assert cell.value.endswith("x... [cut, 40,000 characters in all]")

    @given(st.integers(32_760, 32_770), st.sampled_from(["x", "é", "😀"]))
    def test_fitting(self, length: int, letter: str) -> None:
        text = letter * length
        found = xlsx.fitting(text)
        units = len(found.encode("utf-16-le")) // 2
        assert units <= 32_767
        assert (found == text) is (len(text.encode("utf-16-le")) // 2 <= 32_767)


class Source:
    """A result of `pieces`, that breaks off where `broken`."""

    def __init__(self, *pieces: bytes, broken: bool = False) -> None:
        self._pieces = pieces
        self._broken = broken
        self.closed = False

    def close(self) -> None:
        self.closed = True

    async def read(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._broken:
            raise aiohttp.ClientPayloadError("Response payload is not completed")

    def stream(self) -> Stream:
        return Stream(StreamContext(self, self.read()))  # type: ignore[arg-type]


class TestStream:
    async def test_what_is_read(self) -> None:
        source = Source(b"12", b"\nab", b"c\nd" * 20_000)
        stream = source.stream()
        assert await stream.line() == b"12"
        assert b"".join([piece async for piece in stream]) == b"ab" + b"c\nd" * 20_000
        await stream.aclose()
        assert source.closed

    async def test_nothing(self) -> None:
        stream = Source().stream()
        assert await stream.line() == b""
        assert [piece async for piece in stream] == []

    async def test_large_pieces_are_not_kept_until_the_end(self) -> None:
        pieces = Source(b"x" * 100_000, b"y", broken=True).stream()
        assert len(await anext(aiter(pieces))) > 50_000

    @pytest.mark.parametrize("broken", [True, False])
    @pytest.mark.parametrize("cut", range(0, len(LAST_WORDS), 10))
    async def test_clickhouses_last_words_are_an_error(self, broken: bool, cut: int) -> None:
        found = b""
        with pytest.raises(Interrupted) as error:
            async for piece in Source(b"x" * 50_000 + LAST_WORDS[:cut], LAST_WORDS[cut:], broken=broken).stream():
                found += piece
        assert error.value.code == 159
        assert set(found) == {ord("x")}

    async def test_a_connection_that_breaks_is_an_error(self) -> None:
        with pytest.raises(Interrupted) as error:
            async for _ in Source(b"x", broken=True).stream():
                pass
        assert error.value.code is None

    async def test_rows_that_look_like_last_words_are_rows(self) -> None:
        text = LAST_WORDS + b'"\r\n'
        assert b"".join([piece async for piece in Source(text).stream()]) == text


@pytest.mark.parametrize("broken", [True, False])
async def test_a_download_has_an_end_only_where_the_result_has(broken: bool) -> None:
    source = Source(b"x", broken=broken)
    stream = source.stream()

    async def body() -> Any:
        async for piece in stream:
            yield piece

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"} if sent and not sent[-1].get("more_body", True) else {"type": "http.request"}

    await Download(body(), stream, 60)({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send)
    assert source.closed
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False} if not broken else "body" not in sent[-1]


async def test_a_download_that_takes_too_long_has_no_end() -> None:
    """Whoever is slow: here, who reads it."""
    source = Source(b"x")
    stream = source.stream()

    async def body() -> Any:
        while True:
            yield b"x"

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        await asyncio.sleep(0.02)

    async def receive() -> Any:
        await asyncio.Event().wait()

    await Download(body(), stream, 0.1)({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send)
    assert source.closed
    assert len(sent) > 1 and sent[-1]["more_body"]


class FakeDatabase:
    """Answers with what it is given: counts, and streams or errors."""

    name = "fake"

    def __init__(self, count: int, *answers: Source | Exception) -> None:
        self._count = count
        self._answers = iter(answers)
        self.statements: list[str] = []

    async def rows(self, label: str, sql: str, parameters: Any) -> list[dict[str, Any]]:
        return [{"total": self._count}]

    async def stream(self, label: str, sql: str, parameters: Any, form: str, settings: Any) -> Stream:
        self.statements.append(sql)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer.stream()


def repository(database: FakeDatabase) -> ExportRepository:
    return ExportRepository(database, Scope(None), 100, 5)  # type: ignore[arg-type]


class TestOpening:
    """What comes between counting and writing, where the file itself cannot say how many there are."""

    SEARCH = Search(sites=["mine"])
    FILE = Parquet(columns.choose(""))

    async def test_entries_that_came_in_between_are_not_left_out_unsaid(self) -> None:
        database = FakeDatabase(100, DatabaseError("throwIf", code=395), Source(b"PAR1"))
        opened = await repository(database).open(self.SEARCH, self.FILE)
        assert opened.matched == 101
        assert ["throwIf" in sql for sql in database.statements] == [True, False]

    async def test_too_many_at_once(self) -> None:
        database = FakeDatabase(101, Source(b"PAR1"))
        assert (await repository(database).open(self.SEARCH, self.FILE)).matched == 101
        assert "throwIf" not in database.statements[0]

    async def test_other_errors_stay_errors(self) -> None:
        with pytest.raises(DatabaseError):
            await repository(FakeDatabase(1, DatabaseError("", code=241))).open(self.SEARCH, self.FILE)

    async def test_the_stream_is_closed_where_the_number_cannot_be_read(self) -> None:
        source = Source(b"x", broken=True)
        with pytest.raises(Interrupted):
            await repository(FakeDatabase(0, source)).open(self.SEARCH, Ndjson(columns.choose("")))
        assert source.closed

    async def test_all_sites_are_looked_at_from_the_newest_on(self) -> None:
        short, enough = Source(b"7\n"), Source(b"101\n")
        opened = await repository(FakeDatabase(0, short, enough)).open(Search(), Ndjson(columns.choose("")))
        assert (opened.matched, short.closed) == (101, True)
        assert [piece async for piece in opened.stream] == []

    async def test_counting_that_takes_too_long_says_what_is_known(self) -> None:
        database = FakeDatabase(0)

        async def slow(*_: Any) -> Any:
            raise DatabaseError("", code=159)

        database.rows = slow  # type: ignore[assignment, method-assign]
        matched = await repository(database).matched(self.SEARCH)
        assert (matched.number, matched.is_lower_bound, str(matched)) == (100, True, "More than 100")
