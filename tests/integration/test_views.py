"""The analysts' views: what they make of rows that can be reckoned by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver import Client

from integration.views_support import Log, own_time
from support.processes import local_clickhouse

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with (
        local_clickhouse(tmp_path_factory.mktemp("views")) as server,
        clickhouse_connect.get_client(host="127.0.0.1", port=server.port) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def views(client: Client) -> Log:
    return Log(client, "views")


@pytest.fixture
def log(views: Log) -> Iterator[Log]:
    yield views
    views.empty()


def _time(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2024, 11, day, hour, minute, second)


SESSION = "SELECT toString(started_at), toString(stopped_at), duration_s, energy_wh, energy_from FROM log.sessions"


class TestSessions:
    def test_over_midnight_by_the_chargers_clock(self, log: Log) -> None:
        log.start("24 23:00:02", "CP1", "7", 1000, own="24 23:00:00")
        log.stop("25 01:30:05", "CP1", "7", 8500, own="25 01:30:00")
        columns = "site_id, charger_id, connector_id, transaction_id, id_tag, id_tag_info_status, is_open, duration_s, energy_wh"
        [row] = log.ask(f"SELECT {columns}, energy_from, reason, max_power_w, toString(started_at) FROM log.sessions")
        assert row[:7] == ("depot", "CP1", 1, "7", "TAG-1", "Accepted", False)
        assert row[7:] == (9000, 7500, "meter", "Local", None, "2024-11-24 23:00:00.000")

    def test_where_the_chargers_clock_is_of_no_use_the_gateways_counts(self, log: Log) -> None:
        log.start("24 10:00", "CP1", "7", 0, request_timestamp="1970-01-01 00:00:00")
        log.stop("24 11:00", "CP1", "7", 1, request_timestamp=None)
        assert log.ask(SESSION) == [("2024-11-24 10:00:00.000", "2024-11-24 11:00:00.000", 3600, 1, "meter")]

    def test_messages_that_were_queued_keep_their_own_times(self, log: Log) -> None:
        log.start("24 10:00", "CP1", "7", 0, own="20 08:00")
        log.stop("24 10:00:01", "CP1", "7", 1, own="20 09:00")
        assert log.ask(SESSION)[0][:3] == ("2024-11-20 08:00:00.000", "2024-11-20 09:00:00.000", 3600)

    def test_what_was_not_logged_stays_empty(self, log: Log) -> None:
        log.stop("24 01:00", "CP1", "7", 500)
        log.start("24 02:00", "CP1", "8", 500)
        log.start("24 03:00", "CP1", "9", "700")
        log.sample("24 04:00", "CP2", "4", "Energy.Active.Import.Register", 10)
        sql = "SELECT charger_id, transaction_id, started_at IS NULL, stopped_at IS NULL, is_open, energy_wh, duration_s"
        assert log.ask(f"{sql} FROM log.sessions ORDER BY first_seen_at") == [
            ("CP1", "7", 1, 0, False, None, None),
            ("CP1", "8", 0, 1, False, None, None),
            ("CP1", "9", 0, 1, True, None, None),
            ("CP2", "4", 1, 1, True, None, None),
        ]

    def test_an_id_is_used_again_by_the_charger_and_by_others(self, log: Log) -> None:
        for day in (1, 20):
            log.start(f"{day} 10:00", "CP1", "1", 100 * day)
            log.sample(f"{day} 10:30", "CP1", "1", "Power.Active.Import", 1000 * day)
            log.stop(f"{day} 11:00", "CP1", "1", 100 * day + day)
        log.stop("21 11:00", "CP1", "1", 5)
        log.stop("21 11:00:30", "CP1", "1", 5, own="21 11:00")
        log.start("20 10:00", "CP2", "1", 0)
        sql = "SELECT charger_id, toDayOfMonth(first_seen_at), energy_wh, max_power_w FROM log.sessions ORDER BY 1, 2"
        assert log.ask(sql) == [("CP1", 1, 1, 1000), ("CP1", 20, 20, 20000), ("CP1", 21, None, None), ("CP2", 20, None, None)]

    def test_a_start_that_was_sent_again_is_one_session(self, log: Log) -> None:
        log.start("24 10:00:00", "CP1", "", 100, own="24 10:00", outcome="timeout")
        log.start("24 10:01:00", "CP1", "7", 100, own="24 10:00")
        log.start("24 10:01:30", "CP1", "7", 100, own="24 10:00")
        log.stop("24 11:00", "CP1", "7", 300)
        log.start("24 12:00", "CP1", "", 300, outcome="timeout")
        assert log.ask("SELECT transaction_id, energy_wh, is_open FROM log.sessions ORDER BY first_seen_at") == [
            ("7", 200, False),
            ("", None, True),
        ]

    def test_so_is_one_of_a_charger_whose_clock_is_not_set(self, log: Log) -> None:
        began, ended = {"request_timestamp": "1970-01-01 00:00:10"}, {"request_timestamp": "1970-01-01 01:00:10"}
        log.start("24 10:00", "CP1", "", 100, outcome="timeout", **began)
        log.start("24 10:01", "CP1", "7", 100, **began)
        log.stop("24 11:00", "CP1", "7", 300, outcome="timeout", **ended)
        log.stop("24 11:01", "CP1", "7", 300, **ended)
        # It stands still: what is hours apart is not the same.
        for hour in (12, 14):
            log.start(f"24 {hour}:00", "CP2", f"{hour}", 0, request_timestamp="1970-01-01 00:00:00")
            log.stop(f"24 {hour + 1}:00", "CP2", f"{hour}", 0, request_timestamp="1970-01-01 00:00:00")
        columns = "charger_id, transaction_id, toString(started_at), duration_s, energy_wh"
        assert log.ask(f"SELECT {columns} FROM log.sessions ORDER BY first_seen_at") == [
            ("CP1", "7", "2024-11-24 10:00:00.000", 3600, 200),
            ("CP2", "12", "2024-11-24 12:00:00.000", 3600, 0),
            ("CP2", "14", "2024-11-24 14:00:00.000", 3600, 0),
        ]

    def test_a_meter_that_went_back_tells_no_energy(self, log: Log) -> None:
        log.start("24 10:00", "CP1", "7", 1000)
        log.stop("24 11:00", "CP1", "7", 40)
        assert log.ask(SESSION)[0][3:] == (None, "")

    def test_2x_with_begin_and_end(self, log: Log) -> None:
        log.sent("24 10:00", "CP1", "TransactionEvent", event_2x("24 10:00", "Started", {"Transaction.Begin": 50}))
        log.sent("24 10:00:20", "CP1", "TransactionEvent", event_2x("24 10:00", "Started", {"Transaction.Begin": 50}))
        log.sent("24 10:30", "CP1", "TransactionEvent", event_2x("24 10:30", "Updated", {"Sample.Periodic": 9000}))
        log.sent("24 11:00", "CP1", "TransactionEvent", event_2x("24 11:00", "Ended", {"Transaction.End": 650}))
        columns = "connector_id, id_tag, reason, duration_s, energy_wh, energy_from, is_open"
        assert log.ask(f"SELECT {columns} FROM log.sessions") == [(2, "TAG-1", "EVDisconnected", 3600, 600, "samples", False)]

    def test_2x_without_a_begin_says_what_there_is(self, log: Log) -> None:
        log.sent("24 10:05", "CP1", "TransactionEvent", event_2x("24 10:05", "Updated", {"Sample.Periodic": 100}))
        log.sent("24 11:00", "CP1", "TransactionEvent", event_2x("24 11:00", "Ended", {"transaction.end": 650}))
        log.sent("24 11:00", "CP2", "TransactionEvent", event_2x("24 11:00", "Ended", {"Transaction.End": 650}))
        found = log.ask("SELECT energy_wh, energy_from FROM log.sessions ORDER BY charger_id")
        assert found == [(550, "register"), (None, "")], "one reading alone says nothing"

    def test_2x_still_open_by_its_first_and_last_register(self, log: Log) -> None:
        log.event_2x("24 10:00", "CP1", "ab-1", "Updated", connector_id=1)
        for minute, register in ((5, 100), (59, 900)):
            log.sample(f"24 10:{minute}", "CP1", "ab-1", "Energy.Active.Import.Register", register)
            log.sample(f"24 12:{minute}", "CP1", "ab-1", "Energy.Active.Import.Register", register + 900)
        columns = "started_at, is_open, energy_wh, energy_from, toString(last_seen_at)"
        assert log.ask(f"SELECT {columns} FROM log.sessions") == [(None, True, 1700, "register", "2024-11-24 12:59:00.000")]

    def test_power_is_the_total_or_the_sum_of_the_phases_of_one_moment(self, log: Log) -> None:
        log.start("24 10:00", "CP1", "7", 0)
        log.start("24 10:00", "CP2", "7", 0)
        for minute, values in ((10, (1000, 2000, 3000)), (20, (4000, 100, 100))):
            for phase, value in zip(("L1-N", "L2-N", "L3-N"), values, strict=True):
                log.sample(f"24 10:{minute}", "CP1", "7", "Power.Active.Import", value, phase=phase, sequence=minute)
                log.sample(f"24 10:{minute}", "CP2", "7", "Power.Active.Import", value, phase=phase, sequence=minute)
        log.sample("24 10:20", "CP2", "7", "Power.Active.Import", 4300, sequence=20)
        log.sample("24 10:20", "CP2", "7", "Power.Active.Import", 9999, sequence=20, location="EV")
        assert log.ask("SELECT max_power_w FROM log.sessions ORDER BY charger_id") == [(6000,), (4300,)]

    def test_samples_are_the_outlets_or_all_of_one_other_place_however_they_are_spelt(self, log: Log) -> None:
        def power(charger: str, **places: float) -> None:
            for place, watts in places.items():
                log.sample("24 10:00", charger, "7", "power.active.import", watts, sequence=1, location=place.strip("_"))

        power("1 body", Body=7000)
        power("2 outlet", Body=7000, OUTLET=6900, Inlet=7100)
        power("3 others", Inlet=7100, Body=7000)
        power("4 vendor's", Roof=5000)
        for phase in ("l1", "L2-n", "L3"):
            log.sample("24 10:00", "5 phases", "7", "Power.Active.Import", 2000, sequence=1, phase=phase, location="Body")
            log.sample("24 10:00", "5 phases", "7", "Power.Active.Import", 9000, sequence=1, phase=phase, location="EV")
        sql = "SELECT charger_id, max_power_w FROM log.sessions ORDER BY charger_id"
        powers = (7000, 6900, 7000, 5000, 6000)
        chargers = ("1 body", "2 outlet", "3 others", "4 vendor's", "5 phases")
        assert log.ask(sql) == list(zip(chargers, powers, strict=True))

    def test_registers_of_two_meters_are_not_compared(self, log: Log) -> None:
        for minute, body, inlet in ((0, 100, 90_000), (30, 700, 90_900)):
            for place, value in (("Inlet", inlet), ("Body", body)):
                log.sample(f"24 10:{minute}", "CP1", "7", "energy.active.import.register", value, location=place)
                log.sample(f"24 10:{minute}", "CP2", "7", "Energy.Active.Import.Register", value, location=place)
        log.sample("24 11:00", "CP2", "7", "Energy.Active.Import.Register", 5000, location="outlet")
        log.sample("24 11:30", "CP2", "7", "Energy.Active.Import.Register", 5300)
        log.sample("24 10:00", "CP3", "7", "Energy.Active.Import.Register", 1, location="Body", context="Transaction.Begin")
        log.sample("24 10:30", "CP3", "7", "Energy.Active.Import.Register", 700)
        log.sample("24 11:00", "CP3", "7", "Energy.Active.Import.Register", 900, context="TRANSACTION.END")
        assert log.ask("SELECT energy_wh, energy_from FROM log.sessions ORDER BY charger_id") == [
            (600, "register"),
            (300, "register"),
            (200, "register"),
        ]

    def test_nor_is_the_one_of_the_start_or_the_stop_with_one_elsewhere_than_at_the_outlet(self, log: Log) -> None:
        def registers(charger: str, *values: float, **columns: Any) -> None:
            for minute, value in enumerate(values, 30):
                log.sample(f"24 10:{minute}", charger, "7", "Energy.Active.Import.Register", value, **columns)

        for number, place in enumerate(("Inlet", "Upstream", "Roof")):
            log.start("24 10:00", f"{number} started", "7", 1000)
            registers(f"{number} started", 5_000_000, 5_000_900, location=place)
        log.stop("24 11:00", "3 stopped", "7", 5_001_000)
        registers("3 stopped", 100, 900, location="Body")
        log.start("24 10:00", "4 both", "7", 1000)
        registers("4 both", 5_000_000, 5_000_900, location="Inlet")
        log.stop("24 11:00", "4 both", "7", 3000)
        log.start("24 10:00", "5 outlet", "7", 1000)
        registers("5 outlet", 1500, 1900)
        registers("5 outlet", 5_000_000, location="Inlet")
        log.stop("24 11:00", "6 outlet", "7", 3000)
        registers("6 outlet", 2500, location="Outlet")
        nothing = (None, "")
        assert log.ask("SELECT energy_wh, energy_from FROM log.sessions ORDER BY charger_id") == [
            *[nothing] * 4,
            (2000, "meter"),
            (900, "register"),
            (500, "register"),
        ]

    def test_a_phase_that_is_told_twice_of_one_moment_counts_once(self, log: Log) -> None:
        def phases(charger: str, watts: float, sample: int, **columns: Any) -> None:
            for n in (1, 2, 3):
                told: dict[str, Any] = {"sequence": 1, "phase": f"L{n}", "sample": sample + n} | columns
                log.sample("24 10:00", charger, "7", "Power.Active.Import", watts, **told)

        for charger, (first, second) in {
            "1 clock": ({"context": "Sample.Periodic"}, {"context": "Sample.Clock"}),
            "2 outlet": ({"location": ""}, {"location": "Outlet"}),
        }.items():
            phases(charger, 3680, 0, **first)
            phases(charger, 3680, 10, **second)
        phases("3 begin", 1000, 0, context="Sample.Periodic")
        phases("3 begin", 5000, 10, context="Interruption.Begin")
        log.sample("24 10:00", "4 line", "7", "Power.Active.Import", 3000, sequence=1, phase="L1")
        log.sample("24 10:00", "4 line", "7", "Power.Active.Import", 3000, sequence=1, phase="L1-N", sample=1)
        assert [row[0] for row in log.ask("SELECT max_power_w FROM log.sessions ORDER BY charger_id")] == [
            11_040,
            11_040,
            3000,
            3000,
        ]

    def test_of_a_range_only_that_is_read(self, log: Log) -> None:
        for day in range(1, 21):
            log.start(f"{day} 10:00", "CP1", str(day), 0)
            log.stop(f"{day} 11:00", "CP1", str(day), 5)
        between = "log.sessions_between(since = '2024-11-10 10:30:00', until = '2024-11-12 00:00:00')"
        columns = "transaction_id, started_at IS NULL, energy_wh"
        assert log.ask(f"SELECT {columns} FROM {between} ORDER BY stopped_at") == [("10", 1, None), ("11", 0, 5)]
        plan = log.ask(f"EXPLAIN indexes = 1 SELECT * FROM {between} WHERE site_id = 'depot'")
        reads = [row[0] for row in plan if "Condition:" in row[0] and "site_id in" in row[0]]
        assert reads and all("datetime in" in read for read in reads)

    def test_both_views_have_the_same_columns(self, log: Log) -> None:
        log.start("1 10:00", "CP1", "7", 0)
        always = "log.sessions_between(since = '2024-01-01 00:00:00', until = '2025-01-01 00:00:00')"
        names = [
            [row[0] for row in log.ask(f"DESCRIBE TABLE {source}")] for source in ("log.sessions", f"(SELECT * FROM {always})")
        ]
        assert names[0] == names[1]


def event_2x(when: str, kind: str, registers: dict[str, float]) -> dict[str, Any]:
    """A TransactionEvent; `registers` in Wh by their context."""
    sampled = [{"context": context, "value": value} for context, value in registers.items()]
    own = {"eventType": kind, "timestamp": own_time(when), "triggerReason": "Trigger", "seqNo": 0}
    known = {"transactionInfo": {"transactionId": "ab-1", "stoppedReason": "EVDisconnected" if kind == "Ended" else None}}
    started = {"evse": {"id": 2}, "idToken": {"idToken": "TAG-1", "type": "Local"}} if kind == "Started" else {}
    return own | known | started | {"meterValue": [{"timestamp": own_time(when), "sampledValue": sampled}]}


class TestConnections:
    def test_end_with_the_disconnect_or_with_the_next_connect(self, log: Log) -> None:
        log.connection("24 10:00", "CP1", "connect", 9, peer="10.0.0.1")
        log.connection("24 11:00", "CP1", "connect", 2)
        log.connection("24 11:00:05", "CP1", "disconnect", 9, close_code=1001, closed_by="gateway", duration_s=3605)
        log.connection("24 12:00", "CP1", "disconnect", 2)
        log.connection("24 13:00", "CP1", "connect", 3)
        log.connection("24 14:00", "CP2", "disconnect", 4, duration_s=600.5)
        log.connection("24 14:00", "CP3", "refuse", 0, close_code=401)
        sql = "SELECT charger_id, connected_at, ended_at, close_code, closed_by FROM log.connections ORDER BY 1, 2"
        assert log.ask(sql) == [
            ("CP1", _time(24, 10), _time(24, 11), 1001, "gateway"),
            ("CP1", _time(24, 11), _time(24, 12), None, ""),
            ("CP1", _time(24, 13), None, None, ""),
            ("CP2", _time(24, 13, 49, 59).replace(microsecond=500_000), _time(24, 14), None, ""),
        ]

    def test_who_was_online(self, log: Log) -> None:
        log.connection("24 10:00", "CP1", "connect", 1)
        log.connection("24 12:00", "CP1", "disconnect", 1)
        log.connection("24 11:00", "CP2", "connect", 2)
        then = "connected_at <= {0} AND coalesce(ended_at, now()) > {0}".format("toDateTime('2024-11-24 {}:30:00', 'UTC')")
        for hour, who in ((9, []), (10, ["CP1"]), (11, ["CP1", "CP2"]), (12, ["CP2"])):
            found = log.ask(f"SELECT charger_id FROM log.connections WHERE {then.format(hour, hour)} ORDER BY 1")
            assert [row[0] for row in found] == who, hour


class TestByDay:
    def test_online_over_midnight_and_days_without(self, log: Log) -> None:
        log.connection("20 12:00", "CP1", "connect", 1)
        log.connection("21 06:00", "CP1", "disconnect", 1)
        log.connection("23 00:00", "CP1", "connect", 2)
        log.connection("23 06:00", "CP1", "connect", 3)
        log.connection("23 18:00", "CP1", "disconnect", 3)
        sql = "SELECT toDayOfMonth(day), online_s / 3600, online_share, connects FROM log.online_by_day WHERE day < '2024-11-24'"
        assert log.ask(sql + " ORDER BY day") == [(20, 12, 1, 1), (21, 6, 0.25, 0), (22, 0, 0, 0), (23, 18, 0.75, 2)]

    def test_states_over_midnight(self, log: Log) -> None:
        log.status("20 12:00", "CP1", 1, "Available")
        log.status("20 18:00", "CP1", 1, "Charging")
        log.status("21 06:00", "CP1", 1, "Faulted")
        log.status("21 12:00", "CP1", 1, "Faulted")
        log.status("21 18:00", "CP1", 1, "Busy")
        log.status("22 12:00", "CP1", 1, "Unavailable")
        log.connection("21 00:00", "CP1", "connect", 1)
        log.connection("21 12:00", "CP1", "disconnect", 1)
        shares = "available_share, charging_share, faulted_share, unavailable_share, other_share, faults, online_share"
        sql = f"SELECT toDayOfMonth(day), known_s / 3600, {shares} FROM log.availability_by_day WHERE day <= '2024-11-23'"
        assert log.ask(sql + " ORDER BY day") == [
            (20, 12, 0.5, 0.5, 0, 0, 0, 0, None),
            (21, 24, 0, 0.25, 0.5, 0, 0.25, 1, 0.5),
            (22, 24, 0, 0, 0, 0.5, 0.5, 0, 0),
            (23, 24, 0, 0, 0, 1, 0, 0, 0),
        ]

    def test_today_is_what_has_passed_of_it(self, log: Log) -> None:
        log.status("20 12:00", "CP1", 1, "Available")
        sql = "SELECT known_s BETWEEN 0 AND 86400, available_share FROM log.availability_by_day ORDER BY day DESC LIMIT 1"
        assert log.ask(sql) == [(1, 1)]

    def test_connectors_apart(self, log: Log) -> None:
        log.status("20 00:00", "CP1", 1, "Available")
        log.status("20 00:00", "CP1", 2, "Faulted")
        log.status("20 12:00", "CP1", 2, "Preparing")
        sql = "SELECT connector_id, available_share, faulted_share, occupied_share FROM log.availability_by_day"
        assert log.ask(f"{sql} WHERE day = '2024-11-20' ORDER BY 1") == [(1, 1, 0, 0), (2, 0, 0.5, 0.5)]

    def test_connectors_of_one_evse_are_combined(self, log: Log) -> None:
        def told(hour: int, connector: int, status: str, evse: int = 1) -> None:
            payload = {
                "timestamp": own_time(f"20 {hour}:00"),
                "connectorStatus": status,
                "evseId": evse,
                "connectorId": connector,
            }
            log.sent(f"20 {hour}:00", "CP1", "StatusNotification", payload)

        told(0, 1, "Available")
        told(0, 2, "Available")
        told(3, 1, "Occupied")
        told(3, 2, "Unavailable")
        told(9, 1, "Faulted")
        told(12, 2, "Available")
        told(18, 2, "Faulted")
        told(21, 1, "Unavailable")
        told(0, 1, "Available", evse=2)
        told(12, 1, "Faulted", evse=2)
        shares = "available_share, occupied_share, faulted_share, unavailable_share, faults"
        # EVSE 1: both free 0-3, one in use 3-9, one faulted and none usable 9-12, one free 12-18, none usable from 18 on.
        assert log.ask(f"SELECT connector_id, {shares} FROM log.availability_by_day WHERE day = '2024-11-20' ORDER BY 1") == [
            (1, 9 / 24, 6 / 24, 9 / 24, 0, 2),
            (2, 0.5, 0, 0.5, 0, 1),
        ]
        assert log.ask(f"SELECT {shares} FROM log.availability_by_day WHERE connector_id = 1 AND day = '2024-11-21'") == [
            (0, 0, 1, 0, 0)
        ]

    def test_states_that_notify_event_tells(self, log: Log) -> None:
        def told(hour: int, *events: tuple[str, dict[str, int] | None, str], noise: bool = False) -> None:
            data: list[dict[str, Any]] = [
                {"component": {"name": name} | ({"evse": evse} if evse else {})}
                | {"variable": {"name": "AvailabilityState"}, "actualValue": status}
                for name, evse, status in events
            ]
            warm = {"component": {"name": "PowerConverter"}, "variable": {"name": "Temperature"}, "actualValue": "71"}
            request = {"generatedAt": own_time(f"20 {hour}:00"), "seqNo": 0, "eventData": [warm, None, 7] * noise + data}
            log.sent(f"20 {hour}:00", "CP1", "NotifyEvent", request, "ocpp2.1")

        told(0, ("Connector", {"id": 1, "connectorId": 1}, "Available"), ("Connector", {"id": 1, "connectorId": 2}, "Faulted"))
        told(3, ("Connector", {"id": 1, "connectorId": 1}, "Occupied"), ("EVSE", {"id": 2}, "Available"), noise=True)
        told(6, ("evse", {"id": 1}, "Unavailable"))
        told(9, ("ChargingStation", None, "Available"), ("DisplayController", {"id": 1}, "Faulted"))
        told(12, ("Connector", {"id": 1, "connectorId": 2}, "Available"), ("Connector", {"id": 1, "connectorId": 2}, "Reserved"))
        told(15, noise=True)
        shares = "available_share, occupied_share, reserved_share, faulted_share, unavailable_share, faults"
        sql = f"SELECT connector_id, known_s / 3600, {shares} FROM log.availability_by_day WHERE day = '2024-11-20' ORDER BY 1"
        assert log.ask(sql) == [
            (1, 24, 3 / 24, 3 / 24, 12 / 24, 0, 6 / 24, 0),
            (2, 21, 1, 0, 0, 0, 0, 0),
            (None, 15, 1, 0, 0, 0, 0, 0),
        ]

    def test_what_a_charger_told_before_its_update_to_2x_is_in_one_series(self, log: Log) -> None:
        log.status("20 00:00", "CP1", 1, "Charging")
        now = {"timestamp": own_time("20 06:00"), "connectorStatus": "Available", "evseId": 1, "connectorId": 1}
        log.sent("20 06:00", "CP1", "StatusNotification", now)
        log.sent("20 12:00", "CP1", "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Faulted"})
        shares = "charging_share, available_share, faulted_share"
        assert log.ask(f"SELECT {shares} FROM log.availability_by_day WHERE day = '2024-11-20'") == [(0.25, 0.25, 0.5)]

    def test_errors_with_the_model_of_the_last_boot(self, log: Log) -> None:
        log.exchange("19 00:00", "CP1", "BootNotification", request={"chargePointVendor": "V", "chargePointModel": "old"})
        log.exchange("19 00:01", "CP1", "BootNotification", request={"chargePointVendor": "V", "chargePointModel": "M1"})
        station = {"chargingStation": {"vendorName": "V", "model": "M1"}}
        log.exchange("19 00:01", "CP2", "BootNotification", request=station, subprotocol="ocpp2.0.1")
        for charger in ("CP1", "CP1", "CP2", "CP3"):
            log.status("20 23:59:59", charger, 1, "Faulted", error_code="OtherError", vendor_error_code="E-7")
        log.status("21 00:00", "CP1", 1, "Available", vendor_error_code="info 1")
        log.status("21 00:00", "CP1", 1, "Available")
        columns = "toDayOfMonth(day), vendor, model, error_code, vendor_error_code, notifications, chargers"
        assert log.ask(f"SELECT {columns} FROM log.errors_by_day ORDER BY day, notifications DESC") == [
            (20, "V", "M1", "OtherError", "E-7", 3, 2),
            (20, "", "", "OtherError", "E-7", 1, 1),
            (21, "V", "M1", "NoError", "info 1", 1, 1),
        ]

    def test_errors_that_notify_event_tells(self, log: Log) -> None:
        def event(component: str, variable: str, actual: str, **more: object) -> dict[str, Any]:
            return {"component": {"name": component}, "variable": {"name": variable}, "actualValue": actual} | more

        for told in (
            event("ConnectorPlugRetentionLock", "Problem", "true", techCode="E1042"),
            event("ConnectorPlugRetentionLock", "Problem", "false", techCode="E1042", cleared=True),
            event("Connector", "AvailabilityState", "Faulted"),
            event("Connector", "AvailabilityState", "Available"),
            event("Connector", "AvailabilityState", "Unavailable", techCode="E7"),
            event("PowerConverter", "Temperature", "71"),
        ):
            log.sent("20 10:00", "CP1", "NotifyEvent", {"generatedAt": "x", "seqNo": 0, "eventData": [told]})
        columns = "error_code, vendor_error_code, notifications"
        assert log.ask(f"SELECT {columns} FROM log.errors_by_day ORDER BY error_code") == [
            ("", "", 1),
            ("Connector.AvailabilityState", "E7", 1),
            ("ConnectorPlugRetentionLock.Problem", "E1042", 1),
        ]

    def test_latency(self, log: Log) -> None:
        for latency in (10, 20, 30):
            log.exchange("20 10:00", "CP1", "Heartbeat", latency_ms=latency)
        log.exchange("20 10:59:59", "CP1", "Heartbeat", latency_ms=40, outcome="error")
        log.exchange("20 11:00", "CP1", "Heartbeat", latency_ms=None, outcome="timeout")
        log.exchange("20 11:00", "CP1", "Heartbeat", latency_ms=None, outcome="unmatched")
        # CALLRESULTERROR of 2.1: it refuses an answer, and is none.
        log.exchange("20 11:00", "CP1", "", latency_ms=None, outcome="error")
        columns = "toHour(hour), requests, timeouts, errors, p50_ms, p99_ms, max_ms"
        assert log.ask(f"SELECT {columns} FROM log.latency_by_hour ORDER BY hour") == [
            (10, 4, 0, 1, 20, 40, 40),
            (11, 1, 1, 0, None, None, None),
        ]


VIEWS = ("sessions", "connections", "online_by_day", "availability_by_day", "errors_by_day", "latency_by_hour")


@pytest.mark.parametrize("view", VIEWS)
def test_a_filter_by_site_reaches_the_primary_key_of_every_table(log: Log, view: str) -> None:
    log.start("20 10:00", "CP1", "7")
    log.status("20 10:00", "CP1", 1, "Faulted", error_code="OtherError")
    log.exchange("20 10:00", "CP1", "BootNotification")
    log.sample("20 10:00", "CP1", "7", "Power.Active.Import", 1)
    log.connection("20 10:00", "CP1", "connect", 1)
    plan = [row[0] for row in log.ask(f"EXPLAIN indexes = 1 SELECT * FROM log.{view} WHERE site_id = 'depot'")]
    reads = [line for line in plan if "ReadFromMergeTree" in line]
    narrowed = [line for line in plan if "Condition:" in line and "site_id in ['depot', 'depot']" in line]
    assert len(reads) == len(narrowed) > 0


@pytest.mark.parametrize("view", VIEWS)
def test_views_read_with_the_rights_of_who_asks(log: Log, view: str) -> None:
    [(statement,)] = log.ask(f"SHOW CREATE VIEW log.{view}")
    assert "SQL SECURITY INVOKER" in statement
