"""Sessions and their curves in the query API, and the overview of the fleet."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from integration.fleet_support import Fleet, ago, running_fleet
from ocpplog_query_api.sessions.identity import SessionId

pytestmark = pytest.mark.integration
_numbers = count(1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("sessions")) as fleet:
        yield fleet


@pytest.fixture
def fleet(running: Fleet) -> Fleet:
    return running.forgetful()


@pytest.fixture
def site() -> str:
    """Each test has sites of its own, and sees no other."""
    return f"site-{next(_numbers):03}"


def session(fleet: Fleet, site: str, charger: str, transaction: str, began: str, ended: str = "", **columns: Any) -> None:
    fleet.log.start(began, charger, transaction, 1000, site_id=site, **columns)
    if ended:
        fleet.log.stop(ended, charger, transaction, 3500, site_id=site)


def transactions(items: list[Any]) -> list[str | None]:
    return [item["transaction_id"] for item in items]


class TestSessions:
    def test_anonymous(self, fleet: Fleet) -> None:
        fleet.problem(401, "unauthenticated", "/v1/sessions", None)

    def test_another_sites_sessions(self, fleet: Fleet, site: str) -> None:
        theirs = f"{site}-theirs"
        session(fleet, site, "CP1", "1", "24 10:00", "24 11:00")
        session(fleet, theirs, "CP1", "2", "24 10:00", "24 11:00")
        session(fleet, theirs, "CP2", "3", "24 10:00")
        assert transactions(fleet.get("/v1/sessions", (site,))["items"]) == ["1"]
        for filters in ({"site": theirs}, {"charger": "CP2"}, {"transaction_id": "2"}, {"open": "true"}):
            assert fleet.get("/v1/sessions", (site,), **filters) == {"items": [], "next_cursor": None}
        assert fleet.get("/v1/sessions", ()) == {"items": [], "next_cursor": None}
        assert len(fleet.get("/v1/sessions", (site, theirs))["items"]) == 3

    def test_what_is_told(self, fleet: Fleet, site: str) -> None:
        session(fleet, site, "CP1", "77", "24 10:00", "24 11:00")
        [found] = fleet.get("/v1/sessions", (site,))["items"]
        assert SessionId.parse(found.pop("id")) == SessionId(site, "CP1", "77", 1732442400000)
        assert found == {
            "site_id": site,
            "charger_id": "CP1",
            "connector_id": 1,
            "transaction_id": "77",
            "id_tag": "TAG-1",
            "id_tag_info_status": "Accepted",
            "subprotocol": "ocpp1.6",
            "started_at": "2024-11-24T10:00:00.000Z",
            "stopped_at": "2024-11-24T11:00:00.000Z",
            "is_open": False,
            "duration_s": 3600,
            "energy_wh": 2500,
            "energy_from": "meter",
            "max_power_w": None,
            "reason": "Local",
            "first_seen_at": "2024-11-24T10:00:00.000Z",
            "last_seen_at": "2024-11-24T11:00:00.000Z",
        }

    def test_filters(self, fleet: Fleet, site: str) -> None:
        session(fleet, site, "CP1", "1", "20 10:00", "20 11:00", id_tag="OLD")
        session(fleet, site, "CP1", "2", "24 10:00", "24 11:00")
        session(fleet, site, "CP2", "3", "24 12:00")
        fleet.log.event_2x("24 13:00", "CP3", "4", "Started", site_id=site, id_tag="NEW")
        fleet.log.event_2x("24 14:00", "CP3", "5", "Started", site_id=site, connector_id=2)
        fleet.log.event_2x("24 15:00", "CP3", "5", "Ended", site_id=site, connector_id=2)

        def found(**filters: Any) -> list[str | None]:
            return transactions(fleet.get("/v1/sessions", (site,), **filters)["items"])

        assert found() == ["5", "4", "3", "2", "1"]
        assert found(charger="CP1") == ["2", "1"]
        assert found(open="true", from_="2024-11-01") == ["4", "3"]
        assert found(open="true") == []
        assert found(open="false") == ["5", "2", "1"]
        assert found(id_tag=["OLD", "NEW"]) == ["4", "1"]
        assert found(transaction_id=["1", "3"]) == ["3", "1"]
        assert found(from_="2024-11-24T12:00:00Z", to="2024-11-24T14:00:00Z") == ["4", "3"]
        assert found(to="2024-11-24T10:00:00Z") == ["1"]

    def test_pages_over_months(self, fleet: Fleet, site: str) -> None:
        began = [
            "01-05 10:00",
            "03-20 10:00",
            *(f"11-{day:02} {hour:02}:00" for day in (1, 8, 9, 23, 24) for hour in (8, 12, 16)),
        ]
        for number, when in enumerate(began):
            session(fleet, site, f"CP{number % 3}", f"{number}", when, when.replace(":00", ":30"))
        whole = transactions(fleet.get("/v1/sessions", (site,))["items"])
        assert whole == [f"{number}" for number in reversed(range(len(began)))]
        pages = fleet.pages("/v1/sessions", (site,), limit=4)
        assert [len(page) for page in pages] == [4, 4, 4, 4, 1]
        assert [item["transaction_id"] for page in pages for item in page] == whole

    def test_pages_of_sessions_that_begin_at_once(self, fleet: Fleet, site: str) -> None:
        for number in range(40):
            session(fleet, site, f"CP{number:02}", "1", "24 10:00", "24 10:30")
        pages = fleet.pages("/v1/sessions", (site,), limit=3)
        found = [item["charger_id"] for page in pages for item in page]
        assert found == [f"CP{number:02}" for number in reversed(range(40))]

    def test_those_that_go_on(self, fleet: Fleet, site: str) -> None:
        for hours in (1, 700, 800):
            at: dict[str, Any] = {"site_id": site, "datetime": ago(hours=hours), "request_timestamp": None}
            fleet.log.start("24 10:00", f"CP{hours}", "1", 0, **at)
        found = fleet.get("/v1/sessions", (site,), open="true")["items"]
        assert [item["charger_id"] for item in found] == ["CP1", "CP700"]

    def test_samples_without_a_transaction_make_no_session(self, fleet: Fleet, site: str) -> None:
        for number in range(60):
            fleet.log.exchange(f"24 10:{number:02}", f"CP{number}", "MeterValues", site_id=site)
        session(fleet, site, "CP1", "1", "24 09:00", "24 09:30")
        fleet.log.exchange("24 08:00", "CP2", "MeterValues", site_id=site, transaction_id="2")
        fleet.log.sample("24 08:00", "CP2", "2", "Power.Active.Import", 7000, site_id=site)
        assert transactions(fleet.get("/v1/sessions", (site,), limit=2)["items"]) == ["1", "2"]

    def test_sessions_over_days_are_one_whatever_the_page(self, fleet: Fleet, site: str) -> None:
        session(fleet, site, "CP1", "long", "20 08:00", "24 09:00")
        session(fleet, site, "CP2", "short", "24 08:30", "24 09:30")
        pages = fleet.pages("/v1/sessions", (site,), limit=1)
        assert [(item["transaction_id"], item["duration_s"]) for [item] in pages] == [("short", 3600), ("long", 349_200)]
        assert transactions(fleet.get("/v1/sessions", (site,), from_="2024-11-24T00:00:00Z")["items"]) == ["short"]

    def test_an_id_that_is_used_again(self, fleet: Fleet, site: str) -> None:
        for hour in (8, 10, 12):
            session(fleet, site, "CP1", "1", f"24 {hour:02}:00", f"24 {hour:02}:30")
        pages = fleet.pages("/v1/sessions", (site,), limit=1)
        assert [item["started_at"][11:13] for [item] in pages] == ["12", "10", "08"]

    def test_one_that_goes_on_under_an_id_that_was_used_before(self, fleet: Fleet, site: str) -> None:
        session(fleet, site, "CP1", "1", "24 08:00", "24 09:00")
        session(fleet, site, "CP1", "1", "24 11:00")
        session(fleet, site, "CP2", "1", "24 08:00", "24 09:00")
        found = fleet.get("/v1/sessions", (site,), open="true", from_="2024-11-01")["items"]
        assert [(item["charger_id"], item["started_at"][11:13]) for item in found] == [("CP1", "11")]

    def test_more_candidates_than_a_step_takes_at_one_moment(self, fleet: Fleet, site: str) -> None:
        for number in range(30):
            session(fleet, site, f"CP{number:02}", "1", "24 10:00")
        session(fleet, site, "CP99", "2", "24 09:00")
        assert len(fleet.get("/v1/sessions", (site,), limit=31)["items"]) == 31
        assert [len(page) for page in fleet.pages("/v1/sessions", (site,), limit=7)] == [7, 7, 7, 7, 3]

    @pytest.mark.parametrize("parameters", [{"limit": 101}, {"open": "x"}, {"from_": "soon"}, {"nope": 1}, {"cursor": "x"}])
    def test_wrong_parameters(self, fleet: Fleet, parameters: dict[str, Any]) -> None:
        fleet.problem(422, "invalid-parameter", "/v1/sessions", **parameters)


class TestSession:
    def detail(self, fleet: Fleet, site: str, transaction: str) -> Any:
        [found] = fleet.get("/v1/sessions", (site,), transaction_id=transaction)["items"]
        detail = fleet.get(f"/v1/sessions/{found['id']}", (site,))
        assert {name: detail[name] for name in found} == found
        return detail

    def test_anonymous(self, fleet: Fleet) -> None:
        fleet.problem(401, "unauthenticated", "/v1/sessions/x", None)

    def test_another_sites_session_is_like_none(self, fleet: Fleet, site: str) -> None:
        session(fleet, site, "CP1", "1", "24 10:00", "24 11:00")
        [found] = fleet.get("/v1/sessions", (site,))["items"]
        none = fleet.problem(404, "not-found", f"/v1/sessions/{SessionId('other', 'CP1', '9', 0)}", ("other",))
        assert fleet.problem(404, "not-found", f"/v1/sessions/{found['id']}", ("other",)) == none
        named_anew = SessionId("other", "CP1", "1", SessionId.parse(found["id"]).first_seen_ms)
        assert fleet.problem(404, "not-found", f"/v1/sessions/{named_anew}", ("other",)) == none
        assert fleet.ask(f"/v1/sessions/{found['id']}", (site,)).status_code == 200

    @pytest.mark.parametrize("name", ["x", "%00", "e30", "W10", "WzEsMiwzLDRd", "a" * 3000, "é"])
    def test_no_id(self, fleet: Fleet, name: str) -> None:
        fleet.problem(404, "not-found", f"/v1/sessions/{name}")

    @pytest.mark.parametrize("first", [0, 2**43 - 1])
    def test_a_time_at_the_edge(self, fleet: Fleet, first: int) -> None:
        fleet.problem(404, "not-found", f"/v1/sessions/{SessionId('a', 'b', 'c', first)}")

    def test_the_curve(self, fleet: Fleet, site: str) -> None:
        session(fleet, site, "CP1", "1", "24 10:00", "24 11:00")
        samples: list[tuple[str, str, float, dict[str, Any]]] = [
            ("24 10:10", "Power.Active.Import", 11_000, {}),
            ("24 10:10", "Current.Import", 16, {"phase": "L1"}),
            ("24 10:10", "Voltage", 230.5, {"phase": "L1-N"}),
            ("24 10:10", "Voltage", 400, {"phase": "L1-L2"}),
            ("24 10:10", "Current.Import", 1, {"phase": "N"}),
            ("24 10:10", "SoC", 55, {"location": "EV"}),
            ("24 10:20", "Power.Active.Import", 3000, {"phase": "L1"}),
            ("24 10:20", "Power.Active.Import", 2000, {"phase": "L2"}),
            ("24 10:30", "Energy.Active.Import.Register", 2000, {}),
            ("24 10:30", "Energy.Active.Import.Register", 9000, {"location": "Inlet"}),
            ("24 10:30", "Frequency", 50, {}),
            ("24 10:35", "power.active.import", 4000, {"phase": "l1"}),
            ("24 10:35", "Power.Active.Import", 6000, {"phase": "L1"}),
            ("24 10:35", "POWER.ACTIVE.IMPORT", 2000, {"phase": "l2-n"}),
            ("24 10:35", "soc", 60, {"location": " OUTLET"}),
            ("24 10:35", "SoC", 10, {"location": "EV"}),
            ("24 10:40", "Voltage", 231, {"transaction_id": ""}),
            ("24 10:40", "Voltage", 999, {"transaction_id": "", "connector_id": 2}),
            ("24 10:40", "Voltage", 999, {"transaction_id": "2"}),
            ("24 10:40", "Voltage", 999, {"site_id": f"{site}-theirs"}),
            ("24 10:50", "Current.Import", 7, {"sampled_at": "2024-11-24 10:45:00"}),
            ("24 10:55", "Current.Import", 8, {"sampled_at": "1970-01-01 00:00:00"}),
            ("24 12:00", "Voltage", 999, {"transaction_id": ""}),
        ]
        for when, measurand, value, columns in samples:
            fleet.log.sample(when, "CP1", "1", measurand, value, **{"site_id": site, **columns})
        detail = self.detail(fleet, site, "1")
        points = [{name: value for name, value in point.items() if value is not None} for point in detail["curve"]["points"]]
        assert points == [
            {"at": "2024-11-24T10:10:00.000Z", "power_w": 11_000, "current_l1_a": 16, "voltage_l1_v": 230.5, "soc_percent": 55},
            {"at": "2024-11-24T10:20:00.000Z", "power_w": 5000, "power_l1_w": 3000, "power_l2_w": 2000},
            {"at": "2024-11-24T10:30:00.000Z", "energy_wh": 2000},
            {"at": "2024-11-24T10:35:00.000Z", "power_w": 7000, "power_l1_w": 5000, "power_l2_w": 2000, "soc_percent": 60},
            {"at": "2024-11-24T10:40:00.000Z", "voltage_v": 231},
            {"at": "2024-11-24T10:45:00.000Z", "current_a": 7},
            {"at": "2024-11-24T10:55:00.000Z", "current_a": 8},
        ]
        assert detail["curve"]["every_s"] is None
        assert detail["entries"] == 2

    def test_long_curves_are_averaged(self, fleet: Fleet, site: str) -> None:
        session(fleet, site, "CP1", "1", "24 10:00", "24 11:00")
        columns = "site_id, charger_id, connector_id, transaction_id, datetime, sampled_at, measurand, value_si, sequence"
        at = "toDateTime64('2024-11-24 10:00:00', 3, 'UTC') + number"
        rows = f"SELECT '{site}', 'CP1', 1, '1', {at}, {at}, 'Power.Active.Import', number, 10000 + number FROM numbers(3600)"
        fleet.log.client.command(f"INSERT INTO {fleet.log.database}.meter_sample ({columns}) {rows}")
        curve = self.detail(fleet, site, "1")["curve"]
        assert curve["every_s"] == 5
        assert len(curve["points"]) == 720
        assert curve["points"][1] | {"power_w": 7} == curve["points"][1]
        assert curve["points"][1]["at"] == "2024-11-24T10:00:05.000Z"

    @pytest.mark.parametrize("transaction", ["a b", "ä", "a'b\\c", "x\ty\n", "\u00a0", "9223372036854775807", ""])
    def test_odd_transaction_ids(self, fleet: Fleet, site: str, transaction: str) -> None:
        session(fleet, site, "CP1", transaction, "24 10:00")
        [found] = fleet.get("/v1/sessions", (site,))["items"]
        assert fleet.get(f"/v1/sessions/{found['id']}", (site,))["transaction_id"] == (transaction or None)
        assert len(fleet.pages("/v1/sessions", (site,), limit=1)) == 1

    def test_a_session_without_samples(self, fleet: Fleet, site: str) -> None:
        session(fleet, site, "CP1", "1", "24 10:00")
        assert self.detail(fleet, site, "1")["curve"] == {"points": [], "every_s": None}

    def test_an_open_session_goes_on(self, fleet: Fleet, site: str) -> None:
        fleet.log.start("24 10:00", "CP1", "1", 0, site_id=site, datetime=ago(hours=2), request_timestamp=None)
        now = {"datetime": ago(minutes=5), "sampled_at": ago(minutes=5)}
        fleet.log.sample("24 10:00", "CP1", "", "Power.Active.Import", 7000, site_id=site, **now)
        detail = self.detail(fleet, site, "1")
        assert (detail["is_open"], [point["power_w"] for point in detail["curve"]["points"]]) == (True, [7000])


class TestOverview:
    def test_anonymous(self, fleet: Fleet) -> None:
        fleet.problem(401, "unauthenticated", "/v1/overview", None)

    def test_another_sites_fleet(self, fleet: Fleet, site: str) -> None:
        theirs = f"{site}-theirs"
        nothing = fleet.get("/v1/overview", (site,))
        fleet.log.connection("24 10:00", "B1", "connect", next(_numbers), site_id=theirs)
        fault = {"error_code": "GroundFailure", "latency_ms": 999_999, "datetime": ago(hours=1)}
        fleet.log.status("24 10:00", "B1", 1, "Faulted", site_id=theirs, **fault)
        fleet.records.charger("B2", theirs)
        fleet.records.site(theirs, "debug")
        assert fleet.get("/v1/overview", (site,)) == nothing == fleet.get("/v1/overview", (site,), site=theirs)
        assert fleet.get("/v1/overview", ()) == nothing
        assert (nothing["sites"], nothing["top_errors"], nothing["slowest"], nothing["silent"]) == (0, [], [], [])
        assert [hour["count"] for hour in nothing["entries_per_hour"]] == [0] * 24
        assert fleet.get("/v1/overview", (site, theirs), site=theirs)["chargers"]["faulted"] == 1

    def test_counts(self, fleet: Fleet, site: str) -> None:
        numbers = [next(_numbers) for _ in range(3)]
        for charger, number in zip(("ON", "OFF", "FAULT"), numbers, strict=True):
            fleet.log.connection("24 10:00", charger, "connect", number, site_id=site)
        fleet.log.connection("24 11:00", "OFF", "disconnect", numbers[1], site_id=site)
        fleet.log.status("23 10:00", "FAULT", 1, "Faulted", site_id=site)
        fleet.log.status("23 10:00", "FAULT", 2, "Faulted", site_id=site)
        fleet.log.status("23 10:00", "ON", 1, "Faulted", site_id=site)
        fleet.log.status("23 11:00", "ON", 1, "Available", site_id=site)
        fleet.records.charger("NEW", site)
        fleet.records.charger("ON", site)
        fleet.records.site(f"{site}-empty", "info")
        found = fleet.get("/v1/overview", (site, f"{site}-empty"))
        assert found["chargers"] == {"total": 4, "online": 2, "offline": 2, "faulted": 1, "silent": 0}
        assert found["sites"] == 2

    def test_the_last_24_hours(self, fleet: Fleet, site: str) -> None:
        for hours, latency in ((1, 5000), (2, 10), (23, 90_000), (30, 99_000)):
            at = {"site_id": site, "datetime": ago(hours=hours), "latency_ms": latency}
            fleet.log.status("24 10:00", f"CP{hours}", 1, "Faulted", error_code="GroundFailure", vendor_error_code="E7", **at)
        at = {"site_id": site, "datetime": ago(hours=1), "latency_ms": None}
        fleet.log.exchange("24 10:00", "CP1", "Reset", source="csms", outcome="timeout", **at)
        # The fault is over.
        fleet.log.exchange("24 10:00", "CP1", "NotifyEvent", vendor_error_code="E7", **at)
        found = fleet.get("/v1/overview", (site,))
        hours = found["entries_per_hour"]
        assert len({hour["at"] for hour in hours}) == 24 and hours == sorted(hours, key=lambda hour: str(hour["at"]))
        assert sum(hour["errors"] for hour in hours) == 1
        assert found["top_errors"] == [{"error_code": "GroundFailure", "vendor_error_code": "E7", "count": 3, "chargers": 3}]
        assert [entry["latency_ms"] for entry in found["slowest"]] == [90_000, 5000, 10]
        assert fleet.get(f"/v1/logs/{found['slowest'][0]['id']}", (site,))["charger_id"] == "CP23"

    def beats(
        self,
        fleet: Fleet,
        site: str,
        charger: str,
        minutes: range,
        action: str = "Heartbeat",
        came: int = 1500,
        **columns: Any,
    ) -> None:
        fleet.log.connection("24 10:00", charger, "connect", next(_numbers), site_id=site, datetime=ago(minutes=came))
        for minute in minutes:
            fleet.log.exchange("24 10:00", charger, action, site_id=site, datetime=ago(minutes=minute), **columns)

    def test_silent(self, fleet: Fleet, site: str) -> None:
        fleet.records.site(site, "debug")
        self.beats(fleet, site, "FINE", range(5, 600, 10))
        self.beats(fleet, site, "QUIET", range(120, 600, 10))
        self.beats(fleet, site, "SLOW", range(120, 1400, 110))
        self.beats(fleet, site, "BACK", range(120, 600, 10), came=10)
        self.beats(fleet, site, "DEAD", range(1600, 1602))
        self.beats(fleet, site, "OFFLINE", range(120, 600, 10))
        number = next(_numbers)
        for kind, minutes in (("connect", 700), ("disconnect", 115)):
            fleet.log.connection("24 10:00", "OFFLINE", kind, number, site_id=site, datetime=ago(minutes=minutes))
        found = fleet.get("/v1/overview", (site,))
        assert found["chargers"]["silent"] == 2
        assert [(charger["charger_id"], charger["usual_gap_s"]) for charger in found["silent"]] == [
            ("DEAD", None),
            ("QUIET", 600),
        ]

    def test_a_lower_level_makes_nobody_silent(self, fleet: Fleet, site: str) -> None:
        self.beats(fleet, site, "CP1", range(120, 600, 10))
        self.beats(fleet, site, "CP2", range(120, 600, 10), "StatusNotification")
        self.beats(fleet, site, "MONITOR", range(120, 600, 10), "NotifyEvent")
        self.beats(fleet, site, "STATE", range(120, 600, 10), "NotifyEvent", status="Available")
        self.beats(fleet, site, "FAULT", range(120, 600, 10), "NotifyEvent", error_code="Lock.Problem")
        logged_at_info = ["CP2", "FAULT", "STATE"]
        silent = {"debug": ["CP1", *logged_at_info, "MONITOR"], "info": logged_at_info, "minimal": []}
        for level, expected in silent.items():
            fleet.records.site(site, level)
            found = fleet.get("/v1/overview", (site,))
            assert sorted(charger["charger_id"] for charger in found["silent"]) == sorted(expected)
        fleet.records.ready = False
        assert fleet.get("/v1/overview", (site,))["chargers"]["silent"] == 5

    def test_wrong_parameters(self, fleet: Fleet) -> None:
        fleet.problem(422, "invalid-parameter", "/v1/overview", nope=1)
