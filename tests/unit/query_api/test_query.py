"""How terms are looked for, times, the query builder."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from pydantic import ValidationError

from ocpplog_query_api import errors
from ocpplog_query_api.logs import query, summaries, terms, times
from ocpplog_query_api.logs.identity import EntryId, Place
from ocpplog_query_api.logs.search import Match, Search
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.settings import ApiSettings
from ocpplog_query_api.sites import query as sites

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PLACE = Place("2026-11-24 00:00:00.123", "a" * 32, 9)
SCALE = summaries.Scale(NOW - timedelta(days=1), NOW, 3600)
ALL, ONE = Scope(None), Scope(frozenset({"mine"}))


class TestTerms:
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
            (ALL, Search(without=["x"]), "desc", False),
            (ALL, Search(matches=[Match("site_id", ["x"])]), "desc", False),
            (ALL, Search(violations=True), "desc", False),
            (ALL, Search(), "asc", False),
        ],
    )
    def test_only_where_everything_is_asked_for(self, scope: Scope, search: Search, order: query.Order, everything: bool) -> None:
        assert query.is_everything(scope, search, order) == everything

    def test_the_edge_of_a_later_page_is_before_where_the_last_one_ended(self) -> None:
        statement = query.edge("log", ALL, Search(), 51, Place("2026-11-20 10:00:00.000", "a" * 32, 0))
        assert "datetime <= {at:DateTime64(3, 'UTC')}" in statement.sql
        assert statement.parameters["at"] == "2026-11-20 10:00:00.000"

    def test_the_edge_of_a_later_page_leaves_enough_entries_where_some_of_its_moment_came_before(self) -> None:
        """A page that comes out too short is asked for again, without its bound."""
        place = Place("2026-11-20 10:00:00.000", "a" * 32, 0)
        first, later = (query.edge("log", ALL, Search(), 51, after).parameters["limit"] for after in (None, place))
        assert (first, later > 52) == (51, True)

    @pytest.mark.parametrize(
        ("search", "since"),
        [
            (Search(), datetime(2026, 11, 20, 9, tzinfo=UTC)),
            (Search(since=datetime(2026, 11, 20, 9, 30, tzinfo=UTC)), datetime(2026, 11, 20, 9, 30, tzinfo=UTC)),
            (Search(since=datetime(2026, 11, 1, tzinfo=UTC)), datetime(2026, 11, 20, 9, tzinfo=UTC)),
        ],
    )
    def test_the_edge_is_looked_for_in_the_hour_before_a_place(self, search: Search, since: datetime) -> None:
        place = Place("2026-11-20 10:00:00.000", "a" * 32, 0)
        for asked, after in ((search, place), (replace(search, until=datetime(2026, 11, 20, 10, tzinfo=UTC)), None)):
            found = query.edge("log", ALL, asked, 51, after, timedelta(hours=1))
            assert found.parameters["since"] == times.for_clickhouse(since)


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


class TestBuilder:
    SEARCH = Search(
        terms=["O'Hara; DROP"],
        without=["O'Brien; DROP"],
        matches=[
            Match("site_id", ["other"]),
            Match("site_id", ["mine"], True),
            Match("action", ["Bo'ot"]),
            Match("connector_id", [2]),
        ],
        sites=["mine", "other"],
        equal={"status": ["Fau'lted"]},
        connectors=[1, None],
        since=NOW,
        violations=True,
    )

    def test_the_scope_is_in_every_statement(self) -> None:
        statements = [
            query.page("log", ONE, Search(), ["action"], "desc", 10, None),
            query.page("log", ONE, self.SEARCH, ["action"], "asc", 10, PLACE),
            query.count("log", ONE, Search()),
            query.count("log", ONE, self.SEARCH, 100),
            query.entry("log", ONE, EntryId(1, "a" * 32, 1), ["action"]),
            sites.recent("log", ONE, ["mine", "other"], NOW),
            sites.last("log", ONE, ["mine", "other"], ["mine"]),
            *(summaries.histogram("log", ONE, search, "action", SCALE) for search in (Search(), self.SEARCH)),
            *(summaries.by_hour("log", ONE, search) for search in (Search(), self.SEARCH)),
            *(summaries.facets("log", ONE, search, ["site", "connector"], 5, "x") for search in (Search(), self.SEARCH)),
        ]
        for statement in statements:
            # With every reading of the table, those of subqueries too.
            assert statement.sql.count("site_id IN {sites:Array(String)}") == statement.sql.count("FROM log.ocpp_log") > 0
            assert statement.parameters["sites"] == ["mine"]
            assert set(statement.parameters) == set(re.findall(r"{(\w+):", statement.sql))

    def test_asking_for_another_site_finds_nothing(self) -> None:
        assert query.count("log", ONE, Search(sites=["other"])).parameters["sites"] == []
        assert query.count("log", Scope(frozenset()), Search()).parameters["sites"] == []

    def test_values_are_bound(self) -> None:
        statement = query.page("log", ALL, self.SEARCH, ["action"], "desc", 10, PLACE)
        assert "Hara" not in statement.sql
        assert "Brien" not in statement.sql
        assert "o'ot" not in statement.sql
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

    @pytest.mark.parametrize(
        ("term", "asked"),
        [("1234", 1), ("12345678901234567890", 1), ("123456789012345678901", 0), ("12ab34", 0), ("Faulted", 0), ("1234.5678", 2)],
    )
    def test_numbers_are_asked_for_what_can_be_part_of_one(self, term: str, asked: int) -> None:
        assert query.count("log", ALL, Search(terms=[term])).sql.count("numbers LIKE") == asked

    def test_many_words_may_hold_a_term(self) -> None:
        search = Search(terms=["1234"])
        searching = "text_index_like_max_postings_to_read = 100000, optimize_use_projections = 0"
        for statement in (query.count("log", ALL, search), query.count("log", ALL, search, 10)):
            assert statement.sql.endswith(f" SETTINGS {searching}")
        page = query.page("log", ALL, search, ["action"], "desc", 10, None)
        assert page.sql.endswith(f" SETTINGS query_plan_remove_unused_columns = 0, {searching}")

    def test_chargers_of_all_sites_are_found_by_their_own_index(self) -> None:
        charger = {"charger_id": ["C-1"]}

        def settings(scope: Scope, search: Search) -> str:
            return query.count("log", scope, search).sql.partition(" SETTINGS ")[2]

        assert settings(ALL, Search(equal=charger)) == "use_primary_key = 0"
        assert settings(ALL, Search(equal=charger, terms=["1234"])).endswith(", use_primary_key = 0")
        for scope, search in (
            (ONE, Search(equal=charger)),
            (ALL, Search(equal=charger, sites=["s"])),
            (ALL, Search(equal={"charger_id": [], "action": ["Reset"]})),
        ):
            assert settings(scope, search) == ""

    def test_a_long_term_can_be_a_message_id(self) -> None:
        assert "message_id" not in query.count("log", ALL, Search(terms=["short"])).sql
        found = query.count("log", ALL, Search(terms=["X" * 36]))
        assert "OR message_id IN {term0_id:Array(String)}" in found.sql
        assert found.parameters["term0_id"] == ["X" * 36, "x" * 36]

    def test_a_term_can_be_a_subprotocol_or_put_together_of_two_names(self) -> None:
        assert query.count("log", ALL, Search(terms=["OCPP2"])).parameters["term0_subprotocol"] == ["ocpp2.0.1", "ocpp2.1"]
        assert "subprotocol" not in query.count("log", ALL, Search(terms=["ocp"])).sql
        assert "lowerUTF8(error_code) LIKE" in query.count("log", ALL, Search(terms=["Lock.Problem"])).sql
        assert "error_code" not in query.count("log", ALL, Search(terms=["Lock-Problem"])).sql

    def test_an_exclusion_is_looked_at_row_by_row_where_few_rows_are_wanted(self) -> None:
        search = Search(terms=["Faulted"], without=["GroundFailure", "5.2"])
        page = query.page("log", ALL, search, ["action"], "desc", 10, None)
        assert "NOT (search LIKE lowerUTF8({without0:String})) AND NOT (" in page.sql
        assert "NOT IN" not in page.sql
        whole = query.count("log", ALL, search)
        assert "(connection_id, sequence) GLOBAL NOT IN (SELECT connection_id, sequence FROM log.ocpp_log WHERE" in whole.sql
        assert "words LIKE lowerUTF8({without0_0:String})" in whole.sql
        assert "NOT (" not in whole.sql.replace("NOT IN (", "")

    def test_fields_of_few_values_are_found_in_any_case_and_ids_in_three(self) -> None:
        search = Search(
            matches=[Match("action", ["BOOT"]), Match("charger_id", ["Cp1"], True), Match("connector_id", [None], True)]
        )
        statement = query.count("log", ALL, search)
        assert "lowerUTF8(action) IN arrayMap(one -> lowerUTF8(one), {match0:Array(String)})" in statement.sql
        assert "NOT (charger_id IN {match1:Array(String)})" in statement.sql
        assert "NOT ((connector_id IS NULL))" in statement.sql
        assert statement.parameters == {"match0": ["BOOT"], "match1": ["Cp1", "cp1", "CP1"]}


class TestErrors:
    @pytest.mark.parametrize(
        ("code", "kind"),
        [(159, errors.TooSlow), (241, errors.TooBig), (158, errors.TooBig), (60, errors.Unavailable), (None, errors.Unavailable)],
    )
    def test_translation_tells_nothing_of_the_inside(self, code: int | None, kind: type[errors.ApiError]) -> None:
        found = errors.translate(DatabaseError("Code: x. SELECT secret", code=code))
        assert type(found) is kind
        assert "SELECT" not in found.detail

    @pytest.mark.parametrize(
        ("parameters", "advice", "not_said"),
        [
            ({"limit", "fields", "from", "site"}, "smaller `limit`, or leave payloads out of `fields`.", "Narrow"),
            ({"limit", "from"}, "smaller `limit`.", "fields"),
            ({"from", "site"}, "Narrow the time range", "limit"),
            (set(), "/v1/logs", "limit"),
        ],
    )
    def test_an_answer_that_is_too_large(self, parameters: set[str], advice: str, not_said: str) -> None:
        found = errors.translate(DatabaseError("too large", code=396), lambda: parameters)
        assert type(found) is errors.TooBig
        assert advice in found.detail and not_said not in found.detail

    def test_settings(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ValidationError, match="OCPPLOG_API_JWT_KEY_FILE is required"):
            ApiSettings()
        short = tmp_path / "short"
        short.write_text("x")
        monkeypatch.setenv("OCPPLOG_API_JWT_KEY_FILE", str(short))
        with pytest.raises(ValidationError, match="shorter than 32"):
            ApiSettings()
