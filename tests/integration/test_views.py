"""The analysts' views: what they make of rows that can be reckoned by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import count

import clickhouse_connect
import pytest
from clickhouse_connect.driver import Client

from integration.views_support import Log
from support.processes import local_clickhouse

pytestmark = pytest.mark.integration
_numbers = count(1)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with (
        local_clickhouse(tmp_path_factory.mktemp("views")) as server,
        clickhouse_connect.get_client(host="127.0.0.1", port=server.port) as found,
    ):
        yield found


@pytest.fixture
def log(client: Client) -> Log:
    return Log(client, f"views_{next(_numbers)}")


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
        log.event_2x("24 10:00", "CP1", "ab-1", "Started", connector_id=2, id_tag="TAG-1")
        log.event_2x("24 10:00:20", "CP1", "ab-1", "Started", request_timestamp="2024-11-24 10:00:00")
        log.event_2x("24 10:30", "CP1", "ab-1", "Updated")
        log.event_2x("24 11:00", "CP1", "ab-1", "Ended", reason="EVDisconnected")
        for when, context, register in (("10:00", "Transaction.Begin", 50), ("10:30", "Sample.Periodic", 9000)):
            log.sample(f"24 {when}", "CP1", "ab-1", "Energy.Active.Import.Register", register, context=context)
        log.sample("24 11:00", "CP1", "ab-1", "Energy.Active.Import.Register", 650, context="Transaction.End")
        columns = "connector_id, id_tag, reason, duration_s, energy_wh, energy_from, is_open"
        assert log.ask(f"SELECT {columns} FROM log.sessions") == [(2, "TAG-1", "EVDisconnected", 3600, 600, "samples", False)]

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

    def test_latency(self, log: Log) -> None:
        for latency in (10, 20, 30):
            log.exchange("20 10:00", "CP1", "Heartbeat", latency_ms=latency)
        log.exchange("20 10:59:59", "CP1", "Heartbeat", latency_ms=40, outcome="error")
        log.exchange("20 11:00", "CP1", "Heartbeat", latency_ms=None, outcome="timeout")
        log.exchange("20 11:00", "CP1", "Heartbeat", latency_ms=None, outcome="unmatched")
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
