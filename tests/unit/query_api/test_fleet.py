"""Chargers, sessions and the overview: what needs no store."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplog_query_api.chargers import query as chargers
from ocpplog_query_api.chargers import timeline, timeline_query
from ocpplog_query_api.chargers.boot import Make, make_of, reason_of
from ocpplog_query_api.chargers.query import Filters
from ocpplog_query_api.chargers.repository import worst
from ocpplog_query_api.chargers.timeline_items import connection_item, entry_item
from ocpplog_query_api.chargers.timeline_query import Happenings
from ocpplog_query_api.database import Database, Row
from ocpplog_query_api.logs.query import Statement
from ocpplog_query_api.overview import query as overview
from ocpplog_query_api.overview.query import SiteLevels
from ocpplog_query_api.overview.silence import Pulse, is_silent
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.sessions import curve_query
from ocpplog_query_api.sessions import query as sessions
from ocpplog_query_api.sessions.curve import POINTS_AT_MOST, curve, step_s
from ocpplog_query_api.sessions.curve_query import Span
from ocpplog_query_api.sessions.identity import SessionId
from ocpplog_query_api.sessions.query import Wanted

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEYS = [("mine", "CP1"), ("theirs", "CP2")]


def statements(scope: Scope) -> list[Statement]:
    """Every query of the fleet, asked for what is foreign, too."""
    sites = ["mine", "theirs"]
    happenings = Happenings("CP1", sites)
    wanted = Wanted(sites, ["CP1"], ["1"], ["TAG"], True, NOW, NOW)
    span = Span("theirs", "CP1", 1, "1", NOW, NOW)
    filters = [Filters(sites, "c", is_online, statuses) for is_online in (None, True, False) for statuses in ((), ("Faulted",))]
    return [
        *(chargers.keys("db", scope, some, ("a", "b"), 5) for some in filters),
        chargers.sites_of("db", scope, "CP1", sites),
        chargers.online("db", scope, sites),
        chargers.connections("db", scope, KEYS, NOW),
        *(ask("db", scope, KEYS) for ask in (chargers.last_entries, chargers.boots, chargers.connectors, chargers.last_errors)),
        timeline_query.entries("db", scope, happenings, ("2026-11-24 10:00:00.000", "x"), 5),
        timeline_query.events("db", scope, happenings, None, 5),
        timeline_query.ends("db", scope, "CP1", sites, [UUID(int=1)]),
        sessions.candidates("db", scope, wanted, NOW, NOW, 5),
        sessions.sessions("db", scope, KEYS, NOW, NOW, None, sessions.NEAR),
        sessions.around("db", scope, KEYS[1], ["1"], NOW, NOW),
        *(ask("db", scope, span) for ask in (curve_query.moments, curve_query.entries)),
        curve_query.points("db", scope, span, 1000),
        overview.pulse("db", scope, sites, SiteLevels(), NOW),
        overview.faulted("db", scope, sites),
        *(ask("db", scope, sites, NOW) for ask in (overview.hours, overview.top_errors)),
        overview.slowest("db", scope, sites, ["charger_id"], NOW),
    ]


class TestScope:
    def test_every_table_is_read_within_it(self) -> None:
        for statement in statements(Scope(frozenset({"mine"}))):
            tables = len(re.findall(r"FROM db\.", statement.sql))
            assert tables > 0
            assert len(re.findall(r"site_id IN \{sites:Array\(String\)\}", statement.sql)) == tables, statement.sql
            assert set(statement.parameters["sites"]) <= {"mine"}

    def test_nobody_sees_nothing(self) -> None:
        assert all(statement.parameters["sites"] == [] for statement in statements(Scope(frozenset())))

    def test_no_value_stands_in_the_text(self) -> None:
        for statement in statements(Scope(frozenset({"mine"}))):
            assert not re.search(r"CP1|CP2|mine|theirs|TAG|2026", statement.sql)


class TestBoot:
    @pytest.mark.parametrize(
        ("sent", "make"),
        [
            ({"chargePointVendor": "A", "chargePointModel": "B", "firmwareVersion": "1"}, Make("A", "B", None, "1")),
            ({"chargePointVendor": "A", "chargeBoxSerialNumber": "box"}, Make("A", None, "box", None)),
            ({"chargePointSerialNumber": "point", "chargeBoxSerialNumber": "box"}, Make(serial_number="point")),
            (
                {"chargingStation": {"vendorName": "V", "model": "M", "serialNumber": "S", "firmwareVersion": "F"}},
                Make("V", "M", "S", "F"),
            ),
            ({"chargePointVendor": "", "chargePointModel": " AC ", "firmwareVersion": 12}, Make(None, "AC", None, "12")),
            ({"chargePointVendor": None, "chargePointModel": ["x"], "firmwareVersion": True, "chargingStation": "x"}, Make()),
            ([1], Make()),
        ],
    )
    def test_either_version(self, sent: Any, make: Make) -> None:
        assert make_of(json.dumps(sent)) == make

    @given(st.text())
    def test_whatever_comes(self, text: str) -> None:
        assert make_of(text) == Make() or text
        assert make_of("[" * 100_000) == Make()

    def test_reason(self) -> None:
        assert reason_of('{"reason":"PowerUp"}') == "PowerUp"
        assert reason_of("") is None


@pytest.mark.parametrize(
    ("statuses", "found"),
    [
        ([], None),
        (["Available", "Charging"], "Charging"),
        (["Charging", "Unavailable", "Faulted"], "Faulted"),
        (["Hmm", "Available"], "Available"),
        (["Hmm"], "Hmm"),
    ],
)
def test_worst(statuses: list[str], found: str | None) -> None:
    assert worst(statuses) == found


class TestSilence:
    @pytest.mark.parametrize(
        ("heard_ago_s", "slots", "gap_s", "is_debug", "silent"),
        [
            (899, 10, 300, False, False),
            (901, 10, 300, False, True),
            (901, 9, 300, False, False),
            (12 * 3600 - 1, 9, 300, True, False),
            (12 * 3600 + 1, 9, 300, True, True),
            (12 * 3600 + 1, 9, 300, False, False),
            (3 * 3600, 24, 3600, True, False),
        ],
    )
    def test_by_what_is_usual(self, heard_ago_s: int, slots: int, gap_s: float, is_debug: bool, silent: bool) -> None:
        pulse = Pulse(NOW - timedelta(seconds=heard_ago_s), slots, gap_s)
        assert is_silent(pulse, NOW - timedelta(days=9), is_debug, NOW) is silent

    def test_who_just_came_is_not(self) -> None:
        pulse = Pulse(NOW - timedelta(hours=9), 100, 300)
        assert is_silent(pulse, NOW - timedelta(days=1), False, NOW)
        assert not is_silent(pulse, NOW - timedelta(minutes=1), False, NOW)

    def test_nothing_for_a_day(self) -> None:
        assert is_silent(None, NOW - timedelta(days=9), True, NOW)
        assert not is_silent(None, NOW - timedelta(days=9), False, NOW)


class TestSessionId:
    @given(st.text(), st.text(), st.text(), st.integers(0, 2**43 - 1))
    def test_there_and_back(self, site: str, charger: str, transaction: str, first: int) -> None:
        wanted = SessionId(site, charger, transaction, first)
        assert SessionId.parse(str(wanted)) == wanted

    @pytest.mark.parametrize(
        "inside", ['["a","b","c"]', '["a","b",1,2]', '["a","b","\\ud800",2]', '["a","b","c",-1]', '"abcd"', "{}"]
    )
    def test_no_names(self, inside: str) -> None:
        with pytest.raises(ValueError):
            SessionId.parse(base64.urlsafe_b64encode(inside.encode()).decode().rstrip("="))

    @given(st.text())
    def test_whatever_comes(self, text: str) -> None:
        with contextlib.suppress(ValueError):
            SessionId.parse(text)


class TestCurve:
    @given(st.integers(1001, 10**7), st.integers(0, 400 * 86_400))
    def test_few_enough_points(self, moments: int, span_s: int) -> None:
        every = step_s(moments, NOW, NOW + timedelta(seconds=span_s))
        assert every is not None
        first = int(NOW.timestamp()) // every
        assert int(NOW.timestamp() + span_s) // every - first + 1 <= POINTS_AT_MOST

    def test_few_moments_stay_as_they_are(self) -> None:
        assert step_s(1000, NOW, NOW + timedelta(days=1)) is None

    def test_a_total_goes_before_the_sum(self) -> None:
        def row(line: str, average: float) -> dict[str, Any]:
            return {"at_ms": 0, "measurand": "Power.Active.Import", "line": line, "average": average}

        [point] = curve([row("total", 10), row("l1", 3.00049), row("l2", 4)])
        assert (point.power_w, point.power_l1_w, point.power_l2_w, point.power_l3_w) == (10, 3.0, 4, None)
        [point] = curve([row("l1", 3), row("l2", 4)])
        assert point.power_w == 7

    def test_what_has_no_column(self) -> None:
        assert curve([{"at_ms": 0, "measurand": "SoC", "line": "l1", "average": 1.0}]) == []


async def test_a_timeline_asks_how_the_connections_of_a_page_ended_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = ("disconnect", "connect", "refuse", "connect", "connect")
    texts = ("peer", "subprotocol", "gateway_id", "closed_by", "reason")
    columns = dict.fromkeys((*texts, "profile", "close_code", "duration_s"))
    events: list[Row] = [
        {"kind": kind, "datetime": NOW - timedelta(hours=hour), "name": kind, "connection_id": UUID(int=hour), "site_id": "mine"}
        for hour, kind in enumerate(kinds)
    ]
    wanted: list[Any] = []

    async def ask(_: Database, label: str, statement: Statement) -> list[Row]:
        if label == "timeline events":
            return [event | columns for event in events[: statement.parameters["limit"]]]
        wanted.append(statement.parameters["connections"])
        return [{"connection_id": UUID(int=1), "ended_at": NOW}]

    monkeypatch.setattr(timeline, "ask", ask)
    repository = timeline.TimelineRepository(cast(Database, SimpleNamespace(name="db")), Scope(None))
    items, more = await repository.page(Happenings("CP1", kinds=frozenset({"connection"})), 4, None)
    assert wanted == [[str(UUID(int=1)), str(UUID(int=3))]]
    assert [item.until for item in items] == [None, "2026-11-24T12:00:00.000Z", None, None]
    assert more


class TestTitles:
    def row(self, kind: str, **columns: Any) -> dict[str, Any]:
        names = (
            "action",
            "status",
            "error_code",
            "vendor_error_code",
            "info",
            "id_tag",
            "transaction_id",
            "reason",
            "event",
            "boot",
        )
        texts = dict.fromkeys(
            (*names, "response_error_code", "response_error_description", "peer", "subprotocol", "gateway_id"), ""
        )
        place = {
            "datetime": NOW,
            "site_id": "s",
            "connector_id": None,
            "connection_id": UUID(int=1),
            "sequence": 1,
            "source": "csms",
        }
        numbers = dict.fromkeys(("profile", "close_code", "duration_s"))
        return texts | place | numbers | {"closed_by": "", "outcome": "error", "kind": kind} | columns

    @pytest.mark.parametrize(
        ("kind", "columns", "title"),
        [
            ("status", {"status": "Available", "error_code": "NoError", "connector_id": 0}, "Charger: Available"),
            ("status", {"status": "Faulted", "vendor_error_code": "E7", "connector_id": 2}, "Connector 2: Faulted, E7"),
            ("boot", {"boot": ""}, "Boot"),
            ("boot", {"boot": '{"reason":"PowerUp"}'}, "Boot: PowerUp"),
            ("session", {"action": "StartTransaction"}, "Session: started"),
            ("error", {"action": ""}, "Frame: error"),
            ("error", {"action": "Reset", "response_error_code": "GenericError"}, "Reset: error, GenericError"),
        ],
    )
    def test_of_entries(self, kind: str, columns: dict[str, Any], title: str) -> None:
        assert entry_item(self.row(kind, **columns), []).title == title

    @pytest.mark.parametrize(
        ("kind", "columns", "title"),
        [
            ("connect", {}, "Connected"),
            ("disconnect", {}, "Closed"),
            ("disconnect", {"closed_by": "csms", "close_code": 1001}, "Closed by csms: 1001"),
            ("refuse", {"reason": "no subprotocol"}, "Refused: no subprotocol"),
        ],
    )
    def test_of_connections(self, kind: str, columns: dict[str, Any], title: str) -> None:
        assert connection_item(self.row(kind, **columns), {}).title == title
