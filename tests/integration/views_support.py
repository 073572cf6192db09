"""Rows for the analysts' views: one site's days, small enough to reckon by hand. Times are UTC."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from clickhouse_connect.driver import Client

from ocpplog_common.clickhouse import tables
from ocpplog_common.clickhouse.migrate import migrate
from ocpplog_common.envelope import Source
from support import exchanges

_FILLED: Final = (tables.LOG, tables.METER_SAMPLE, tables.CONNECTION_EVENT)


class Log:
    """Writes rows as the enricher would: `day time` as `24 23:00` of November 2024, with seconds or without.

    What was written is there once somebody asks, or after `flush`: to insert each row by itself took a third of the time.
    """

    def __init__(self, client: Client, database: str) -> None:
        self.client, self.database = client, database
        self._number = 0
        self._waiting: dict[str, list[str]] = {}
        migrate(client, database)
        # The days here are fixed, whenever it runs.
        for table in _FILLED:
            client.command(f"ALTER TABLE {database}.{table} REMOVE TTL")

    def empty(self) -> None:
        self._waiting.clear()
        for table in _FILLED:
            self.client.command(f"TRUNCATE TABLE {self.database}.{table}")

    def exchange(self, when: str, charger: str, action: str, **columns: Any) -> None:
        request = columns.pop("request", {})
        known = {"site_id": "depot", "source": "charger", "subprotocol": "ocpp1.6", "outcome": "result", "latency_ms": 20}
        self._insert(
            tables.LOG,
            known | {"datetime": at(when), "charger_id": charger, "action": action, "request": json.dumps(request)} | columns,
        )

    def sent(self, when: str, charger: str, action: str, request: dict[str, Any], subprotocol: str = "ocpp2.0.1") -> None:
        """What a charger sent, as the enricher reads it: its row, and its samples."""
        frame = msgspec.json.encode([2, "m", action, request])
        found = exchanges.row(frame, (Source.CSMS, b'[3,"m",{}]'), subprotocol=subprotocol)
        self._number += 1
        place = {"datetime": at(when), "site_id": "depot", "charger_id": charger, "sequence": self._number}
        self._insert(tables.LOG, msgspec.to_builtins(found.log) | place)
        for sample in found.samples:
            self._insert(tables.METER_SAMPLE, msgspec.to_builtins(sample) | place)

    def status(self, when: str, charger: str, connector: int, status: str, **columns: Any) -> None:
        error: dict[str, Any] = {"error_code": "NoError"} | columns
        self.exchange(when, charger, "StatusNotification", connector_id=connector, status=status, **error)

    def start(self, when: str, charger: str, transaction: str, meter: Any = None, own: str = "", **columns: Any) -> None:
        known: dict[str, Any] = {"connector_id": 1, "id_tag": "TAG-1", "id_tag_info_status": "Accepted" if transaction else ""}
        request = {} if meter is None else {"meterStart": meter}
        self.exchange(
            *(when, charger, "StartTransaction"),
            **known | {"transaction_id": transaction, "request_timestamp": at(own or when), "request": request} | columns,
        )

    def stop(self, when: str, charger: str, transaction: str, meter: float | None = None, own: str = "", **columns: Any) -> None:
        known = {"id_tag": "TAG-2", "reason": "Local", "meter_stop": meter}
        self.exchange(
            *(when, charger, "StopTransaction"),
            **known | {"transaction_id": transaction, "request_timestamp": at(own or when)} | columns,
        )

    def event_2x(self, when: str, charger: str, transaction: str, kind: str, **columns: Any) -> None:
        known = {"subprotocol": "ocpp2.0.1", "transaction_id": transaction, "request_timestamp": at(when)}
        self.exchange(when, charger, "TransactionEvent", **known | {"request": {"eventType": kind}} | columns)

    def sample(self, when: str, charger: str, transaction: str, measurand: str, value: float, **columns: Any) -> None:
        known = {"site_id": "depot", "datetime": at(when), "sampled_at": at(when), "charger_id": charger, "connector_id": 1}
        self._number += 1
        measured = {"transaction_id": transaction, "measurand": measurand, "value_si": value, "sequence": self._number}
        self._insert(tables.METER_SAMPLE, known | measured | columns)

    def connection(self, when: str, charger: str, kind: str, number: int, **columns: Any) -> None:
        known = {"datetime": at(when), "site_id": "depot", "charger_id": charger, "kind": kind, "gateway_id": "gw-1"}
        self._number += 1
        names = {"connection_id": f"{number:032x}", "event_id": f"{self._number:032x}"}
        self._insert(tables.CONNECTION_EVENT, known | names | columns)

    def _insert(self, table: str, row: dict[str, Any]) -> None:
        self._waiting.setdefault(table, []).append(json.dumps(row))

    def flush(self) -> None:
        settings = {"insert_deduplicate": 0, "date_time_input_format": "best_effort"}
        for table, rows in self._waiting.items():
            block = "\n".join(rows).encode()
            self.client.raw_insert(f"{self.database}.{table}", insert_block=block, settings=settings, fmt="JSONEachRow")
        self._waiting.clear()

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        self.flush()
        return [tuple(row) for row in self.client.query(sql.replace("log.", f"{self.database}.")).result_rows]


def own_time(when: str) -> str:
    """As a charger writes it."""
    return at(when).replace(" ", "T") + "Z"


def at(when: str) -> str:
    """`24 23:00` or `24 23:00:30`, of November 2024; `12-01 01:00` of December."""
    day, _, time = when.partition(" ")
    month, _, number = day.rpartition("-")
    hour, minute, second, *_ = (*map(int, time.split(":")), 0)
    moment = datetime(2024, int(month or 11), int(number), hour, minute, second, tzinfo=UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def example(log: Log) -> None:
    """What docs/analysts.md asks about: two chargers of one site, on three days."""
    boot = {"chargePointVendor": "Amperia GmbH", "chargePointModel": "AC22"}
    for charger in ("DEPOT-01", "DEPOT-02"):
        log.exchange("20 05:59", charger, "BootNotification", request=boot, latency_ms=35)
        log.status("20 06:00", charger, 1, "Available", latency_ms=12)
    log.connection("20 05:58", "DEPOT-01", "connect", 1, peer="10.1.0.11", subprotocol="ocpp1.6", profile=2)
    log.connection("20 05:58:30", "DEPOT-02", "connect", 2, peer="10.1.0.12", subprotocol="ocpp1.6", profile=2)
    log.connection("21 18:00", "DEPOT-02", "disconnect", 2, close_code=1006, closed_by="charger", duration_s=129690)
    log.start("20 22:00", "DEPOT-01", "4711", 120_000, latency_ms=80)
    log.status("20 22:00:05", "DEPOT-01", 1, "Charging", latency_ms=9)
    for hour, power in ((23, 10_900), (24, 7_200)):
        log.sample(f"{20 + hour // 24} {hour % 24}:00", "DEPOT-01", "4711", "Power.Active.Import", power)
    log.stop("21 04:00", "DEPOT-01", "4711", 163_500, latency_ms=60)
    log.status("21 04:00:05", "DEPOT-01", 1, "Available", latency_ms=11)
    log.start("21 08:30", "DEPOT-02", "4712", 9_000, latency_ms=70)
    log.status("21 08:30:10", "DEPOT-02", 1, "Charging", latency_ms=10)
    log.status("21 12:00", "DEPOT-02", 1, "Faulted", error_code="ConnectorLockFailure", vendor_error_code="1042", latency_ms=14)
    log.status("21 18:00", "DEPOT-02", 1, "Faulted", error_code="ConnectorLockFailure", vendor_error_code="1042", latency_ms=15)
    log.exchange("21 18:30", "DEPOT-02", "Reset", source="csms", outcome="timeout", latency_ms=None)
    log.start("21 10:00", "DEPOT-01", "4713", 163_500, latency_ms=90)
