"""The fleet in the query API: chargers, what happened to them, sessions and their curves, the overview."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any
from urllib.parse import quote

import pytest

from integration.fleet_support import Fleet, ago, running_fleet
from ocpplog_query_api.chargers import query
from ocpplog_query_api.scope import Scope

pytestmark = pytest.mark.integration
_numbers = count(1)
BOOT = {"chargePointVendor": "Amperia", "chargePointModel": "AC22", "chargePointSerialNumber": "S1", "firmwareVersion": "1.2"}
BOOT_2X = {
    "reason": "PowerUp",
    "chargingStation": {"vendorName": "Volta", "model": "DC50", "serialNumber": "S2", "firmwareVersion": "9"},
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture
def fleet(running: Fleet) -> Fleet:
    """With no record of before, and all rows of other tests out of sight: each has sites of its own."""
    return running.forgetful()


@pytest.fixture
def site() -> str:
    return f"site-{next(_numbers):03}"


def came(fleet: Fleet, site: str, charger: str, when: str = "24 10:00", **columns: Any) -> None:
    fleet.log.connection(when, charger, "connect", next(_numbers), site_id=site, subprotocol="ocpp1.6", **columns)


def ids(page: Any) -> list[str]:
    return [item["charger_id"] for item in page["items"]]


class TestChargers:
    def test_anonymous(self, fleet: Fleet) -> None:
        fleet.problem(401, "unauthenticated", "/v1/chargers", None)

    def test_another_sites_chargers(self, fleet: Fleet, site: str) -> None:
        came(fleet, site, "A1")
        came(fleet, f"{site}-theirs", "B1")
        fleet.log.exchange("24 10:00", "B2", "Heartbeat", site_id=f"{site}-theirs")
        fleet.records.charger("B3", f"{site}-theirs")
        assert ids(fleet.get("/v1/chargers", (site,))) == ["A1"]
        for filters in (
            {"site": f"{site}-theirs"},
            {"q": "B"},
            {"online": "true", "q": "B"},
            {"online": "false"},
            {"status": "x"},
        ):
            assert fleet.get("/v1/chargers", (site,), **filters) == {"items": [], "next_cursor": None}
        assert fleet.get("/v1/chargers", ()) == {"items": [], "next_cursor": None}

    def test_a_charger_that_moved_is_two(self, fleet: Fleet, site: str) -> None:
        new = f"{site}-new"
        came(fleet, site, "MOVED", "20 10:00", peer="10.0.0.1")
        number = next(_numbers)
        fleet.log.connection("20 09:00", "MOVED", "connect", number, site_id=site)
        fleet.log.exchange("20 10:01", "MOVED", "BootNotification", site_id=site, request=BOOT)
        fleet.log.status("20 10:02", "MOVED", 1, "Faulted", site_id=site, error_code="GroundFailure")
        came(fleet, new, "MOVED", "24 10:00", peer="10.9.9.9")
        fleet.log.status("24 10:02", "MOVED", 2, "Available", site_id=new)
        fleet.records.charger("MOVED", new)
        [old] = fleet.get("/v1/chargers", (site,))["items"]
        [moved] = fleet.get("/v1/chargers", (new,))["items"]
        assert (old["registered"], old["peer"], old["firmware"], old["status"]) == (False, "10.0.0.1", "1.2", "Faulted")
        assert old["last_seen"] == "2024-11-20T10:02:00.000Z"
        assert (moved["registered"], moved["peer"], moved["firmware"], moved["status"]) == (True, "10.9.9.9", None, "Available")
        assert moved["last_error"] is None
        assert [item["site_id"] for item in fleet.get("/v1/chargers", (site, new))["items"]] == [site, new]

    def test_what_is_told(self, fleet: Fleet, site: str) -> None:
        came(fleet, site, "CP1", peer="10.0.0.1", profile=2, gateway_id="gw-7")
        fleet.log.exchange("23 09:00", "CP1", "BootNotification", site_id=site, request=BOOT | {"firmwareVersion": "1.1"})
        fleet.log.exchange("24 09:00", "CP1", "BootNotification", site_id=site, request=BOOT)
        fleet.log.status("24 10:00", "CP1", 0, "Available", site_id=site)
        error = {"error_code": "GroundFailure", "vendor_error_code": "E7", "info": "leak"}
        fleet.log.status("24 10:01", "CP1", 1, "Faulted", site_id=site, **error)
        for minute in (2, 3):
            fleet.log.status(f"24 10:0{minute}", "CP1", 1, "Charging", site_id=site)
        [charger] = fleet.get("/v1/chargers", (site,))["items"]
        entry = fleet.get(f"/v1/logs/{charger['last_error'].pop('entry_id')}", (site,))
        assert (entry["error_code"], entry["datetime"]) == ("GroundFailure", "2024-11-24T10:01:00.000Z")
        assert charger == {
            "charger_id": "CP1",
            "site_id": site,
            "registered": False,
            "online": True,
            "since": "2024-11-24T10:00:00.000Z",
            "last_seen": "2024-11-24T10:03:00.000Z",
            "subprotocol": "ocpp1.6",
            "peer": "10.0.0.1",
            "status": "Charging",
            "vendor": "Amperia",
            "model": "AC22",
            "firmware": "1.2",
            "serial_number": "S1",
            "connectors": [
                {"connector_id": 0, "status": "Available", "error_code": "NoError", "since": "2024-11-24T10:00:00.000Z"},
                {"connector_id": 1, "status": "Charging", "error_code": "NoError", "since": "2024-11-24T10:02:00.000Z"},
            ],
            "last_error": {"at": "2024-11-24T10:01:00.000Z", **error},
        }

    def test_the_worst_connector_speaks_for_all(self, fleet: Fleet, site: str) -> None:
        for connector, status in ((0, "Available"), (1, "Charging"), (2, "Faulted")):
            fleet.log.status("24 10:00", "CP1", connector, status, site_id=site)
        assert fleet.get("/v1/chargers", (site,))["items"][0]["status"] == "Faulted"

    def test_since_when_a_connector_says_so(self, fleet: Fleet, site: str) -> None:
        told = {
            1: [("10:00", "Available"), ("10:01", "Faulted"), ("10:02", "Available"), ("10:03", "Available")],
            2: [("10:00", "Charging"), ("10:01", "Charging")],
            # Of one moment, the place on Kafka says which came last.
            3: [("10:02", "Preparing"), ("10:02", "Charging"), ("10:02", "Finishing")],
        }
        for connector, states in told.items():
            for offset, (minute, status) in enumerate(states):
                fleet.log.status(f"24 {minute}", "CP1", connector, status, site_id=site, kafka_offset=offset)
        [charger] = fleet.get("/v1/chargers", (site,))["items"]
        assert [(one["connector_id"], one["status"], one["since"][11:16]) for one in charger["connectors"]] == [
            (1, "Available", "10:02"),
            (2, "Charging", "10:00"),
            (3, "Finishing", "10:02"),
        ]

    def test_of_its_history_nothing_else_leaves_clickhouse(self, fleet: Fleet, site: str) -> None:
        fleet.log.status("24 10:00", "CP1", 1, "Faulted", site_id=site)
        fleet.log.flush()
        asked = query.connectors(fleet.log.database, Scope(frozenset({site})), [(site, "CP1")])
        found = fleet.log.client.query(asked.sql, asked.parameters)
        assert set(found.column_names) == {"site_id", "charger_id", "connector_id", "newest", "code", "since"}
        assert len(found.result_rows) == 1

    def test_ocpp_2(self, fleet: Fleet, site: str) -> None:
        fleet.log.exchange("24 10:00", "CP2", "BootNotification", site_id=site, request=BOOT_2X, subprotocol="ocpp2.1")
        fleet.log.exchange(
            "24 10:01", "CP2", "NotifyEvent", site_id=site, connector_id=1, status="Occupied", subprotocol="ocpp2.1"
        )
        [charger] = fleet.get("/v1/chargers", (site,))["items"]
        assert [charger[name] for name in ("vendor", "model", "firmware", "serial_number")] == ["Volta", "DC50", "9", "S2"]
        assert (charger["status"], charger["subprotocol"], charger["online"], charger["since"]) == (
            "Occupied",
            "ocpp2.1",
            False,
            None,
        )

    def test_a_charger_that_is_only_registered(self, fleet: Fleet, site: str) -> None:
        fleet.records.charger("NEW", site)
        [charger] = fleet.get("/v1/chargers", (site,))["items"]
        assert (charger["registered"], charger["online"], charger["last_seen"], charger["connectors"]) == (True, False, None, [])
        assert ids(fleet.get("/v1/chargers", (site,), online="false")) == ["NEW"]
        assert ids(fleet.get("/v1/chargers", (site,), online="true")) == []
        fleet.records.ready = False
        assert ids(fleet.get("/v1/chargers", (site,))) == []

    def test_without_the_records_nobody_knows_what_is_registered(self, fleet: Fleet, site: str) -> None:
        came(fleet, site, "CP1")
        fleet.records.ready = False
        assert fleet.get("/v1/chargers", (site,))["items"][0]["registered"] is None

    def test_online(self, fleet: Fleet, site: str) -> None:
        came(fleet, site, "ON")
        first, second, third = (next(_numbers) for _ in range(3))
        for charger, number, kind, when in (
            ("OFF", first, "connect", "24 10:00"),
            ("OFF", first, "disconnect", "24 11:00"),
            # The old connection is closed after the new one came, as where a gateway finds out late.
            ("BACK", second, "connect", "24 10:00"),
            ("BACK", third, "connect", "24 10:30"),
            ("BACK", second, "disconnect", "24 11:00"),
        ):
            fleet.log.connection(when, charger, kind, number, site_id=site, duration_s=3600 if kind == "disconnect" else None)
        fleet.log.exchange("24 10:00", "LOGGED", "Heartbeat", site_id=site)
        fleet.log.connection("24 12:00", "REFUSED", "refuse", 0, site_id=site)
        found = {item["charger_id"]: item for item in fleet.get("/v1/chargers", (site,))["items"]}
        assert {name: item["online"] for name, item in found.items()} == {"BACK": True, "LOGGED": False, "OFF": False, "ON": True}
        assert (found["OFF"]["since"], found["OFF"]["last_seen"]) == ("2024-11-24T11:00:00.000Z",) * 2
        assert found["BACK"]["since"] == "2024-11-24T10:30:00.000Z"
        assert ids(fleet.get("/v1/chargers", (site,), online="true")) == ["BACK", "ON"]
        assert ids(fleet.get("/v1/chargers", (site,), online="false")) == ["LOGGED", "OFF"]
        open_ones = fleet.log.ask(
            f"SELECT charger_id FROM log.connections WHERE site_id = '{site}' AND ended_at IS NULL ORDER BY 1"
        )
        assert open_ones == [("BACK",), ("ON",)]

    def test_a_request_in_vain_is_no_sign_of_life(self, fleet: Fleet, site: str) -> None:
        fleet.log.exchange("24 10:00", "CP1", "Heartbeat", site_id=site)
        fleet.log.exchange("24 11:00", "CP1", "Reset", site_id=site, source="csms")
        fleet.log.exchange("24 12:00", "CP1", "Reset", site_id=site, source="csms", outcome="timeout", latency_ms=None)
        assert fleet.get("/v1/chargers", (site,))["items"][0]["last_seen"] == "2024-11-24T11:00:00.000Z"

    def test_by_state(self, fleet: Fleet, site: str) -> None:
        for charger, states in {"A": ["Faulted", "Available"], "B": ["Available", "Faulted"], "C": ["Charging"]}.items():
            for minute, status in enumerate(states):
                fleet.log.status(f"24 10:{minute:02}", charger, 1, status, site_id=site)
        came(fleet, site, "B")
        fleet.records.charger("D", site)
        assert ids(fleet.get("/v1/chargers", (site,), status="Faulted")) == ["B"]
        assert ids(fleet.get("/v1/chargers", (site,), status=["Faulted", "Charging"])) == ["B", "C"]
        assert ids(fleet.get("/v1/chargers", (site,), status=["Faulted", "Charging"], online="true")) == ["B"]

    def test_pages(self, fleet: Fleet, site: str) -> None:
        for number in range(4):
            came(fleet, site, f"E{number}")
            fleet.log.exchange("24 10:00", f"L{number}", "Heartbeat", site_id=site)
            fleet.records.charger(f"F{number}", site)
        fleet.records.charger("E0", site)
        pages = fleet.pages("/v1/chargers", (site,), limit=5)
        assert [len(page) for page in pages] == [5, 5, 2]
        found = [item["charger_id"] for page in pages for item in page]
        assert found == sorted(f"{kind}{number}" for kind in "EFL" for number in range(4))
        assert [item["charger_id"] for page in fleet.pages("/v1/chargers", (site,), limit=1, q="l") for item in page] == [
            *("L0", "L1", "L2", "L3")
        ]

    def test_a_cursor_is_of_one_search_and_scope(self, fleet: Fleet, site: str) -> None:
        for charger in ("A", "B"):
            came(fleet, site, charger)
        cursor = fleet.get("/v1/chargers", (site,), limit=1)["next_cursor"]
        assert ids(fleet.get("/v1/chargers", (site,), limit=2, cursor=cursor)) == ["B"]
        fleet.problem(422, "invalid-parameter", "/v1/chargers", (site,), cursor=cursor, q="A")
        fleet.problem(422, "invalid-parameter", "/v1/chargers", (site, "other"), cursor=cursor)
        fleet.problem(422, "invalid-parameter", "/v1/sessions", (site,), cursor=cursor)

    @pytest.mark.parametrize("parameters", [{"limit": 0}, {"limit": 101}, {"online": "perhaps"}, {"nope": "1"}, {"cursor": "é"}])
    def test_wrong_parameters(self, fleet: Fleet, parameters: dict[str, Any]) -> None:
        fleet.problem(422, "invalid-parameter", "/v1/chargers", **parameters)


class TestCharger:
    def test_anonymous(self, fleet: Fleet) -> None:
        fleet.problem(401, "unauthenticated", "/v1/chargers/CP1", None)

    def test_another_sites_charger_is_like_none(self, fleet: Fleet, site: str) -> None:
        came(fleet, f"{site}-theirs", f"{site}-B1")
        fleet.records.charger(f"{site}-B2", f"{site}-theirs")
        none = fleet.problem(404, "not-found", "/v1/chargers/nobody", (site,))
        for charger in (f"{site}-B1", f"{site}-B2"):
            assert fleet.problem(404, "not-found", f"/v1/chargers/{charger}", (site,)) == none
            assert fleet.problem(404, "not-found", f"/v1/chargers/{charger}", (site,), site=f"{site}-theirs") == none

    def test_of_several_sites(self, fleet: Fleet, site: str) -> None:
        name, first, second = f"{site}-CP", f"{site}-a", f"{site}-b"
        came(fleet, first, name, "20 10:00")
        came(fleet, second, name, "24 10:00")
        assert fleet.get(f"/v1/chargers/{name}")["site_id"] == second
        assert fleet.get(f"/v1/chargers/{name}", site=first)["site_id"] == first
        assert fleet.get(f"/v1/chargers/{name}", (first,))["site_id"] == first
        fleet.records.charger(name, first)
        assert fleet.get(f"/v1/chargers/{name}")["site_id"] == first

    def test_more_is_told(self, fleet: Fleet, site: str) -> None:
        for hours in (1, 2, 30):
            came(fleet, site, "CP1", profile=2, gateway_id="gw-7", datetime=ago(hours=hours))
        charger = fleet.get("/v1/chargers/CP1", (site,))
        assert (charger["connections_24h"], charger["profile"], charger["gateway_id"]) == (2, 2, "gw-7")

    @pytest.mark.parametrize("name", ["a b", "a:b|c@d", "1+1=2", "*", "Säule-1", "..a", "x" * 48, "q'uote", "back\\slash"])
    def test_odd_ids(self, fleet: Fleet, site: str, name: str) -> None:
        came(fleet, site, name)
        path = f"/v1/chargers/{quote(name, safe='')}"
        assert fleet.get(path, (site,))["charger_id"] == name
        assert fleet.get(f"{path}/timeline", (site,))["items"][0]["kind"] == "connect"

    @pytest.mark.parametrize("name", ["%00", "%0A", "%FF", "a%2Fb", "%5C", "%27", "x" * 2000])
    def test_what_is_no_id(self, fleet: Fleet, name: str) -> None:
        fleet.problem(404, "not-found", f"/v1/chargers/{name}")
        fleet.problem(404, "not-found", f"/v1/chargers/{name}/timeline")


class TestTimeline:
    def test_anonymous(self, fleet: Fleet) -> None:
        fleet.problem(401, "unauthenticated", "/v1/chargers/CP1/timeline", None)

    def test_another_sites_timeline(self, fleet: Fleet, site: str) -> None:
        name, theirs = f"{site}-CP", f"{site}-theirs"
        came(fleet, theirs, name)
        fleet.log.status("24 10:00", name, 1, "Available", site_id=theirs)
        none = fleet.problem(404, "not-found", "/v1/chargers/nobody/timeline", (site,))
        assert fleet.problem(404, "not-found", f"/v1/chargers/{name}/timeline", (site,)) == none
        came(fleet, site, name)
        assert [item["site_id"] for item in fleet.get(f"/v1/chargers/{name}/timeline", (site,))["items"]] == [site]
        assert len(fleet.get(f"/v1/chargers/{name}/timeline")["items"]) == 3

    def test_what_happened(self, fleet: Fleet, site: str) -> None:
        at = {"site_id": site}
        number = next(_numbers)
        came_at = {"peer": "10.0.0.1", "subprotocol": "ocpp1.6", "profile": 2, **at}
        fleet.log.connection("24 09:00", "CP1", "refuse", 0, close_code=401, reason="wrong password", **at)
        fleet.log.connection("24 10:00", "CP1", "connect", number, **came_at)
        fleet.log.exchange("24 10:01", "CP1", "BootNotification", request=BOOT, **at)
        fleet.log.start("24 10:02", "CP1", "77", 1000, **at)
        fleet.log.exchange("24 10:02:30", "CP1", "Heartbeat", **at)
        fleet.log.status("24 10:03", "CP1", 1, "Faulted", error_code="GroundFailure", info="leak", **at)
        fleet.log.exchange("24 10:04", "CP1", "Reset", source="csms", outcome="timeout", latency_ms=None, **at)
        fleet.log.stop("24 10:05", "CP1", "77", 3500, **at)
        told = {"close_code": 1006, "closed_by": "charger", "reason": "gone", "duration_s": 3600}
        fleet.log.connection("24 11:00", "CP1", "disconnect", number, **told, **at)
        items = fleet.get("/v1/chargers/CP1/timeline", (site,))["items"]
        assert [(item["kind"], item["title"]) for item in items] == [
            ("disconnect", "Closed by charger: 1006, gone"),
            ("session", "Session 77: stopped, Local"),
            ("error", "Reset: timeout"),
            ("status", "Connector 1: Faulted, GroundFailure"),
            ("session", "Session 77: started"),
            ("boot", "Boot: Amperia AC22 1.2"),
            ("connect", "Connected from 10.0.0.1 ocpp1.6"),
            ("refuse", "Refused: 401, wrong password"),
        ]
        by_kind = {item["kind"]: item for item in items}
        assert by_kind["connect"]["until"] == "2024-11-24T11:00:00.000Z"
        assert by_kind["status"] | {"entry_id": ""} == {
            "at": "2024-11-24T10:03:00.000Z",
            "until": None,
            "title": "Connector 1: Faulted, GroundFailure",
            "site_id": site,
            "connector_id": 1,
            "entry_id": "",
            "kind": "status",
            "status": "Faulted",
            "error_code": "GroundFailure",
            "vendor_error_code": None,
            "info": "leak",
        }
        start = by_kind["session"]
        assert (start["event"], start["energy_wh"], start["until"]) == ("start", 2500, "2024-11-24T10:05:00.000Z")
        assert fleet.get(f"/v1/sessions/{start['session_id']}", (site,))["transaction_id"] == "77"
        assert fleet.get(f"/v1/logs/{by_kind['error']['entry_id']}", (site,))["action"] == "Reset"

    def test_ocpp_2(self, fleet: Fleet, site: str) -> None:
        for minute, kind in enumerate(("Started", "Updated", "Ended")):
            fleet.log.event_2x(f"24 10:0{minute}", "CP1", "tx", kind, site_id=site)
        fleet.log.exchange("24 10:05", "CP1", "NotifyEvent", site_id=site, error_code="Lock.Problem", subprotocol="ocpp2.1")
        fleet.log.exchange("24 10:06", "CP1", "BootNotification", site_id=site, request=BOOT_2X)
        items = fleet.get("/v1/chargers/CP1/timeline", (site,))["items"]
        told = [(item["kind"], item.get("event"), item.get("reason"), item.get("error_code")) for item in items]
        assert told == [
            ("boot", None, "PowerUp", None),
            ("status", None, None, "Lock.Problem"),
            ("session", "stop", None, None),
            ("session", "start", None, None),
        ]

    def test_kinds_and_times(self, fleet: Fleet, site: str) -> None:
        came(fleet, site, "CP1", "24 10:00")
        fleet.log.status("24 10:00", "CP1", 1, "Available", site_id=site)
        fleet.log.exchange("24 10:01", "CP1", "Authorize", site_id=site, outcome="error", response_error_code="GenericError")

        def kinds(**parameters: Any) -> list[str]:
            return [item["kind"] for item in fleet.get("/v1/chargers/CP1/timeline", (site,), **parameters)["items"]]

        assert kinds(kind="connection") == ["connect"]
        assert kinds(kind=["status", "error"]) == ["error", "status"]
        assert kinds(from_="2024-11-24T10:00:30Z") == ["error"]
        assert kinds(to="2024-11-24T10:00:30Z", kind="status") == ["status"]
        assert kinds(kind="boot") == []
        fleet.problem(422, "invalid-parameter", "/v1/chargers/CP1/timeline", kind="nope")
        fleet.problem(422, "invalid-parameter", "/v1/chargers/CP1/timeline", from_="yesterday")

    def test_a_connection_that_ended_on_a_newer_page(self, fleet: Fleet, site: str) -> None:
        first, second, third = (next(_numbers) for _ in range(3))
        for when, kind, number in (
            ("24 10:00", "connect", first),
            ("24 11:00", "disconnect", first),
            # No gateway says that it is over: the charger comes anew.
            ("24 12:00", "connect", second),
            ("24 13:00", "connect", third),
        ):
            fleet.log.connection(when, "CP1", kind, number, site_id=site)
        pages = fleet.pages("/v1/chargers/CP1/timeline", (site,), limit=1)
        assert [(item["kind"], (item["until"] or "")[11:16]) for [item] in pages] == [
            ("connect", ""),
            ("connect", "13:00"),
            ("disconnect", ""),
            ("connect", "11:00"),
        ]

    def test_pages_of_what_happened_at_once(self, fleet: Fleet, site: str) -> None:
        for number in range(7):
            came(fleet, site, "CP1")
            fleet.log.status("24 10:00", "CP1", number, "Available", site_id=site, sequence=number)
        whole = fleet.get("/v1/chargers/CP1/timeline", (site,))["items"]
        pages = fleet.pages("/v1/chargers/CP1/timeline", (site,), limit=3)
        assert [len(page) for page in pages] == [3, 3, 3, 3, 2]
        assert [item for page in pages for item in page] == whole

    def test_a_charger_that_is_only_registered(self, fleet: Fleet, site: str) -> None:
        fleet.records.charger(f"{site}-NEW", site)
        assert fleet.get(f"/v1/chargers/{site}-NEW/timeline", (site,)) == {"items": [], "next_cursor": None}
