"""Terms, times, names, the query builder and the file."""

from __future__ import annotations

import csv as reader
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ocpplog_common.clickhouse.tables import EXPORT_COLUMNS
from ocpplog_query_api import errors
from ocpplog_query_api.exports import csv
from ocpplog_query_api.logs import query, terms, times
from ocpplog_query_api.logs.identity import CursorError, Cursors, EntryId, Place
from ocpplog_query_api.logs.query import Search
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.settings import ApiSettings

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ALL, ONE = Scope(None), Scope(frozenset({"mine"}))


class TestTerms:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("", []),
            ("  a   b ", ["a", "b"]),
            ('"two words" x', ["two words", "x"]),
            ('"not closed', ["not closed"]),
            ('""', []),
            ("50% a_b c\\d ---", ["50%", "a_b", "c\\d", "---"]),
        ],
    )
    def test_split(self, text: str, found: list[str]) -> None:
        assert terms.split(text) == found

    @pytest.mark.parametrize("text", ["a " * 21, "x" * 257])
    def test_limits(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"at most"):
            terms.split(text)

    def test_pattern(self) -> None:
        assert terms.like_pattern("5%_\\") == "%5\\%\\_\\\\%"

    @pytest.mark.parametrize(
        ("term", "runs"),
        [
            ("Faulted", ["Faulted"]),
            ("12345", ["12345"]),
            ("CP0037-003", ["CP0037"]),
            ("231.5", []),
            ("a_bcde fghi", ["bcde", "fghi"]),
            ("Straße", ["Straße"]),
            ("éé", []),
            ("---", []),
        ],
    )
    def test_what_the_index_can_look_up(self, term: str, runs: list[str]) -> None:
        assert terms.indexed(term) == runs


class TestBounds:
    def test_windows_grow_and_stay_within_the_search(self) -> None:
        assert query.windows(Search(), NOW) == [NOW - timedelta(hours=1), NOW - timedelta(days=1)]
        since, until = NOW - timedelta(days=3), NOW - timedelta(days=2, hours=12)
        assert query.windows(Search(since=since, until=until), NOW) == [until - timedelta(hours=1)]

    @pytest.mark.parametrize(
        ("scope", "search", "order", "everything"),
        [
            (ALL, Search(), "desc", True),
            (ALL, Search(since=NOW), "desc", True),
            (ONE, Search(), "desc", False),
            (ALL, Search(sites=["mine"]), "desc", False),
            (ALL, Search(terms=["x"]), "desc", False),
            (ALL, Search(equal={"action": ["Reset"]}), "desc", False),
            (ALL, Search(connectors=[None]), "desc", False),
            (ALL, Search(), "asc", False),
        ],
    )
    def test_only_where_everything_is_asked_for(self, scope: Scope, search: Search, order: query.Order, everything: bool) -> None:
        assert query.is_everything(scope, search, order) == everything

    def test_the_edge_of_a_later_page_is_before_where_the_last_one_ended(self) -> None:
        statement = query.edge("log", ALL, Search(), 51, Place("2026-11-20 10:00:00.000", 0, 0, "a" * 32, 0))
        assert "datetime <= {at:DateTime64(3, 'UTC')}" in statement.sql
        assert statement.parameters == {"at": "2026-11-20 10:00:00.000", "limit": 51}


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("-24h", datetime(2026, 11, 23, 12, tzinfo=UTC)),
            ("-15m", datetime(2026, 11, 24, 11, 45, tzinfo=UTC)),
            ("2024-11-26T10:03:49Z", datetime(2024, 11, 26, 10, 3, 49, tzinfo=UTC)),
            ("2024-11-26T10:03:49+01:00", datetime(2024, 11, 26, 9, 3, 49, tzinfo=UTC)),
            ("2024-11-26T10:03:49 01:00", datetime(2024, 11, 26, 9, 3, 49, tzinfo=UTC)),
            ("2024-11-26", datetime(2024, 11, 26, tzinfo=UTC)),
            ("0001-01-01", times.EARLIEST),
            ("-999999w", times.EARLIEST),
        ],
    )
    def test_read(self, text: str, moment: datetime) -> None:
        assert times.parse(text, NOW) == moment

    @pytest.mark.parametrize("text", ["x", "24h", "-1y", "-h", "2024-13-01"])
    def test_not_read(self, text: str) -> None:
        with pytest.raises(ValueError, match="expected a time such as"):
            times.parse(text, NOW)


class TestIdentity:
    PLACE = Place("2026-11-24 00:00:00.123", 3, 2**60, "a" * 32, 9)

    def test_entry_id(self) -> None:
        found = EntryId(1_795_480_794_403, "0" * 31 + "f", 17)
        assert EntryId.parse(str(found)) == found

    @pytest.mark.parametrize("text", ["", "x", "1-2-3", "1-" + "g" * 32 + "-1", "1-" + "a" * 32 + "-1-1", "-" + "a" * 32 + "-1"])
    def test_what_is_no_entry_id(self, text: str) -> None:
        with pytest.raises(ValueError, match=r".*"):
            EntryId.parse(text)

    def test_cursor(self) -> None:
        cursors = Cursors("k" * 32)
        cursor = cursors.encode(self.PLACE, {"q": "a"})
        assert cursors.decode(cursor, {"q": "a"}) == self.PLACE
        for wrong, search in (
            (cursor, {"q": "b"}),
            (cursor[:-1] + "A", {"q": "a"}),
            ("", {"q": "a"}),
            ("é", {"q": "a"}),
            ("abc", {}),
        ):
            with pytest.raises(CursorError):
                cursors.decode(wrong, search)
        with pytest.raises(CursorError):
            Cursors("x" * 32).decode(cursor, {"q": "a"})


class TestBuilder:
    SEARCH = Search(
        terms=["O'Hara; DROP"], sites=["mine", "other"], equal={"status": ["Fau'lted"]}, connectors=[1, None], since=NOW
    )

    def test_the_scope_is_in_every_statement(self) -> None:
        place = TestIdentity.PLACE
        statements = [
            query.page("log", ONE, Search(), ["action"], "desc", 10, None),
            query.page("log", ONE, self.SEARCH, ["action"], "asc", 10, place),
            query.count("log", ONE, Search()),
            query.count("log", ONE, self.SEARCH, 100),
            query.entry("log", ONE, EntryId(1, "a" * 32, 1), ["action"]),
            query.sites("log", ONE),
        ]
        for statement in statements:
            assert "site_id IN {sites:Array(String)}" in statement.sql
            assert statement.parameters["sites"] == ["mine"]

    def test_asking_for_another_site_finds_nothing(self) -> None:
        assert query.count("log", ONE, Search(sites=["other"])).parameters["sites"] == []
        assert query.count("log", Scope(frozenset()), Search()).parameters["sites"] == []

    def test_values_are_bound(self) -> None:
        statement = query.page("log", ALL, self.SEARCH, ["action"], "desc", 10, TestIdentity.PLACE)
        assert "Hara" not in statement.sql
        assert "lted" not in statement.sql
        assert statement.parameters["term0"] == "%O'Hara; DROP%"
        assert statement.parameters["status"] == ["Fau'lted"]
        assert "connector_id IS NULL" in statement.sql

    def test_the_index_narrows_down_and_the_text_decides(self) -> None:
        whole = query.count("log", ALL, Search(terms=["Faulted"])).sql
        assert "words LIKE" in whole
        assert "search LIKE" not in whole
        mixed = query.count("log", ALL, Search(terms=["CP0037-003"]))
        assert "words LIKE lowerUTF8({term0_0:String}) AND search LIKE lowerUTF8({term0:String})" in mixed.sql
        assert (mixed.parameters["term0_0"], mixed.parameters["term0"]) == ("%CP0037%", "%CP0037-003%")
        assert "words" not in query.count("log", ALL, Search(terms=["231.5"])).sql

    def test_many_words_may_hold_a_term(self) -> None:
        search = Search(terms=["1234"])
        statements = [query.count("log", ALL, search), query.count("log", ALL, search, 10)]
        statements.append(query.page("log", ALL, search, ["action"], "desc", 10, None))
        for statement in statements:
            assert statement.sql.endswith("SETTINGS text_index_like_max_postings_to_read = 100000")

    def test_a_long_term_can_be_a_message_id(self) -> None:
        assert "message_id" not in query.count("log", ALL, Search(terms=["short"])).sql
        assert "message_id = {id0:String}" in query.count("log", ALL, Search(terms=["x" * 36])).sql


class TestFile:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (None, ""),
            (1387299.0, "1387299"),
            (31.234, "31.234"),
            (-5.0, "-5"),
            (1e300, "1e+300"),
            (7, "7"),
            (datetime(2024, 11, 26, 10, 3, 49, 999000), "2024-11-26T10:03:49Z"),
            ("=1+1", "'=1+1"),
            ("+49", "'+49"),
            ("-x", "'-x"),
            ("@SUM", "'@SUM"),
            ("\t=1", "'\t=1"),
            ("a=1", "a=1"),
        ],
    )
    def test_cell(self, value: object, text: str) -> None:
        assert csv.cell(value) == text

    def test_columns(self) -> None:
        assert csv.choose("") == list(EXPORT_COLUMNS)
        assert csv.choose("power, Charger ID,datetime,Power") == ["Power", "Charger ID", "Datetime"]
        with pytest.raises(ValueError, match="'Nothing' is no column"):
            csv.choose("Action,Nothing")

    def test_file_name(self) -> None:
        assert csv.file_name([], None, None, None) == "ocpp-log_all-sites.csv"
        name = csv.file_name(["a/../b", "é"], NOW, NOW, 10_000)
        assert name == "ocpp-log_a-..-b+-_20261124T120000Z_20261124T120000Z_newest-10000.csv"

    @given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=8))
    def test_what_is_written_is_read(self, values: list[str]) -> None:
        data = b"".join(csv.write(["Action"], [{"action": value} for value in values], ",", bom=True)).decode("utf-8-sig")
        found = [row[0] if row else "" for row in reader.reader(io.StringIO(data, newline=""))]
        assert found == ["Action", *map(csv.cell, values)]


class TestErrors:
    @pytest.mark.parametrize(
        ("code", "kind"),
        [(159, errors.TooSlow), (241, errors.TooBig), (158, errors.TooBig), (60, errors.Unavailable), (None, errors.Unavailable)],
    )
    def test_translation_tells_nothing_of_the_inside(self, code: int | None, kind: type[errors.ApiError]) -> None:
        found = errors.translate(DatabaseError("Code: x. SELECT secret", code=code))
        assert type(found) is kind
        assert "SELECT" not in found.detail

    def test_settings(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ValidationError, match="OCPPLOG_API_JWT_KEY_FILE is required"):
            ApiSettings()
        short = tmp_path / "short"
        short.write_text("x")
        monkeypatch.setenv("OCPPLOG_API_JWT_KEY_FILE", str(short))
        with pytest.raises(ValidationError, match="shorter than 32"):
            ApiSettings()
