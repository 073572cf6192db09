"""The main job through the local run: real OCPP clients in, rows, searches and downloads out."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from ocpp.v16 import call
from websockets.exceptions import WebSocketException

from ocpplog_common import topics
from ocpplog_common.clickhouse.tables import EXPORT_COLUMNS
from ocpplog_common.records import Charger
from ocpplog_common.settings import KafkaSettings
from ocpplog_local.demo.central_system import central_system
from ocpplog_local.demo.errors import DemoError
from ocpplog_local.demo.meter import MeterStyle
from ocpplog_local.demo.scripted import ScriptedChargePoint
from support.local_run import Run
from support.records import put_records

pytestmark = pytest.mark.e2e

SITES = ("harbour-depot", "city-garage", "test-lab")
MINIMAL = {"BootNotification", "FirmwareStatusNotification", "UpdateFirmware"}
INFO = MINIMAL | {"Authorize", "StartTransaction", "StatusNotification", "StopTransaction"}
DEBUG = INFO | {"MeterValues", "Heartbeat", "RemoteStartTransaction", "ChangeAvailability", "Reset"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    found = Run(tmp_path_factory.mktemp("run"))
    found.start()
    yield found
    if found.process and found.process.poll() is None:
        found.stop()


def eventually(check: Callable[[], bool], why: Callable[[], object], timeout: float = 30) -> None:
    deadline = time.monotonic() + timeout
    while not check():
        assert time.monotonic() < deadline, why()
        time.sleep(0.2)


def entries(run: Run, role: str = "support", **filters: Any) -> list[dict[str, Any]]:
    """All that match, oldest first, page after page."""
    found: list[dict[str, Any]] = []
    with run.api(role) as api:
        parameters = {"limit": 200, "order": "asc", "fields": "request,response", **filters}
        while True:
            answer = api.get("/v1/logs", params=parameters)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            parameters["cursor"] = page["next_cursor"]


async def frames(run: Run, charger_ids: set[str]) -> AsyncIterator[ConsumerRecord]:
    """What is on ocpp.frames, as any Kafka client reads it."""
    consumer = AIOKafkaConsumer(bootstrap_servers=run.kafka, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        await consumer.topics()
        consumer.assign([TopicPartition(topics.FRAMES, number) for number in consumer.partitions_for_topic(topics.FRAMES)])
        while batches := await consumer.getmany(timeout_ms=2000):
            for records in batches.values():
                for record in records:
                    if record.key.decode() in charger_ids:
                        yield record
    finally:
        await consumer.stop()


async def test_the_main_job(run: Run) -> None:
    """Boot, authorise, start, three kinds of meter values, an error, stop; four commands from the central system."""
    settings = KafkaSettings(kafka_bootstrap=run.kafka, kafka_idempotence=False)
    async with central_system(port=0, commands=None, record=True) as server:
        upstream = f"ws://127.0.0.1:{server.port}/ocpp"
        chargers = {site: f"E2E-{site.upper()}" for site in SITES}
        await put_records(settings, [Charger(charger_id=c, site_id=s, upstream=upstream) for s, c in chargers.items()])
        await asyncio.sleep(1.5)
        recorded: dict[str, dict[str, list[bytes]]] = {}
        for charger_id in chargers.values():
            async with ScriptedChargePoint.connect(run.gateway, charger_id) as point:
                await whole_session(point, server, charger_id)
                recorded[charger_id] = {"charger": point.sent(), "csms": point.received()}

    # Every frame of both directions is on Kafka, byte for byte and in order.
    on_kafka: dict[str, dict[str, list[bytes]]] = {c: {"charger": [], "csms": []} for c in chargers.values()}
    async for record in frames(run, set(chargers.values())):
        on_kafka[record.key.decode()][dict(record.headers)["source"].decode()].append(record.value)
    assert on_kafka == recorded
    total = len(recorded[chargers["test-lab"]]["charger"]) + len(recorded[chargers["test-lab"]]["csms"])

    # What the level admits is one row each.
    lab = chargers["test-lab"]
    eventually(lambda: len(entries(run, charger=lab)) == total // 2, lambda: [e["action"] for e in entries(run, charger=lab)])
    seen = {site: [entry["action"] for entry in entries(run, charger=charger)] for site, charger in chargers.items()}
    assert {site: set(actions) for site, actions in seen.items()} == dict(zip(SITES, (MINIMAL, INFO, DEBUG), strict=True))
    assert len(entries(run, charger=lab)) == total // 2
    check_rows(run, lab)
    check_search_and_export(run, chargers)


async def whole_session(point: ScriptedChargePoint, server: Any, charger_id: str) -> None:
    await point.boot()
    await server.wait_for(charger_id)
    await point.heartbeat()
    await point.authorize("43434")
    transaction = await point.start(1, "43434", meter_start=1000)
    for style in MeterStyle:
        await point.meter_values(style, transaction_id=transaction)
    await point.fault(1)
    commands = (
        call.RemoteStartTransaction(id_tag="43434", connector_id=1),
        call.ChangeAvailability(connector_id=0, type="Operative"),
        call.UpdateFirmware(location="https://firmware.example/4.2.bin", retrieve_date="2026-11-24T10:00:00Z"),
        call.Reset(type="Soft"),
    )
    for command in commands:
        await server.send(charger_id, command)
    await point.firmware_status("Downloading")
    await point.stop(transaction, 1387299, reason="PowerLoss", tag="43434")


def check_rows(run: Run, charger_id: str) -> None:
    by_action: dict[str, list[dict[str, Any]]] = {}
    for entry in entries(run, charger=charger_id):
        by_action.setdefault(entry["action"], []).append(entry)
        assert entry["outcome"] == "result"
        assert entry["latency_ms"] is not None
        assert entry["request"] and entry["response"]
    [start], [stop], [authorize] = by_action["StartTransaction"], by_action["StopTransaction"], by_action["Authorize"]
    assert start["transaction_id"] and start["transaction_id"] == stop["transaction_id"]
    assert {m["transaction_id"] for m in by_action["MeterValues"]} == {start["transaction_id"]}
    assert (start["id_tag"], stop["id_tag"], start["connector_id"]) == ("43434", "43434", 1)
    assert (stop["meter_stop"], stop["reason"]) == (1387299, "PowerLoss")
    assert authorize["id_tag_info_status"] == start["id_tag_info_status"] == "Accepted"
    assert all(
        entry["source"] == "csms" for name in ("Reset", "UpdateFirmware", "ChangeAvailability") for entry in by_action[name]
    )
    [fault] = [entry for entry in by_action["StatusNotification"] if entry["status"] == "Faulted"]
    assert fault["error_code"] and fault["vendor_error_code"] and fault["vendor_id"] and fault["request_timestamp"]
    three, one, none = by_action["MeterValues"]
    assert all(three[f"{group}_l{line}"] for group in ("voltage", "current_import", "power") for line in (1, 2, 3))
    assert one["voltage_l1"] and one["current_import_l1"] and one["voltage_l2"] is None
    assert none["current_import"] and none["power"] and none["current_import_l1"] is None


def check_search_and_export(run: Run, chargers: dict[str, str]) -> None:
    lab = chargers["test-lab"]
    found = entries(run, q=f"{lab.lower()} faulted")
    assert [(entry["action"], entry["status"]) for entry in found] == [("StatusNotification", "Faulted")]
    assert entries(run, q=f"{lab} no-such-word") == []
    # The viewer's site is test-lab: nothing of the others, asked for or not.
    assert {entry["site_id"] for entry in entries(run, role="viewer")} == {"test-lab"}
    assert entries(run, role="viewer", charger=chargers["city-garage"]) == []
    with run.api() as api:
        answer = api.get("/v1/logs/export", params={"charger": lab})
        assert answer.status_code == 200
        rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
        assert answer.content.decode().splitlines()[0] == ",".join(EXPORT_COLUMNS)
    assert len(rows) == len(entries(run, charger=lab))
    [stop] = [row for row in rows if row["Action"] == "StopTransaction"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stop["Datetime"])
    assert (stop["Request Meter Stop"], stop["Request Reason"], stop["Request ID Tag"]) == ("1387299", "PowerLoss", "43434")


async def test_a_charger_nobody_registered(run: Run) -> None:
    """Somebody's own client, with an id of its own, and a frame that is not OCPP."""
    async with ScriptedChargePoint.connect(run.gateway, "Stranger 1") as point:
        await point.boot()
        await point.send_raw('[2,"broken","Heartb')
        await point.heartbeat()
    eventually(lambda: len(entries(run, charger="Stranger 1")) >= 3, lambda: entries(run, charger="Stranger 1"))
    found = entries(run, charger="Stranger 1", outcome="violation")
    assert [(entry["request"], entry["site_id"]) for entry in found] == [('[2,"broken","Heartb', "test-lab")]


async def test_sigkill_of_each_service_while_frames_flow(run: Run) -> None:
    """Whatever a charger got an answer to is in the log, once."""
    chance = random.Random(7)
    stop = asyncio.Event()
    answered: dict[str, int] = {}

    async def charge(charger_id: str) -> None:
        answered[charger_id] = 0
        while not stop.is_set():
            try:
                async with ScriptedChargePoint.connect(run.gateway, charger_id, response_timeout=3) as point:
                    await point.boot()
                    answered[charger_id] += 1
                    while not stop.is_set():
                        await point.heartbeat()
                        answered[charger_id] += 1
                        await asyncio.sleep(0.02)
            except (DemoError, OSError, WebSocketException, TimeoutError):
                await asyncio.sleep(0.3)

    chargers = [asyncio.create_task(charge(f"KILL-{number}")) for number in range(5)]
    for module in ("ocpplog_enricher", "ocpplog_gateway", "ocpplog_query_api", "ocpplog_gateway", "ocpplog_enricher"):
        await asyncio.sleep(chance.uniform(2, 4))
        os.kill(run.pid_of(module), signal.SIGKILL)
    await asyncio.sleep(6)
    stop.set()
    await asyncio.gather(*chargers)

    def results(charger_id: str) -> int:
        try:
            return sum(entry["outcome"] == "result" for entry in entries(run, charger=charger_id))
        except (httpx.HTTPError, AssertionError):
            return -1

    eventually(lambda: all(results(charger) >= count for charger, count in answered.items()), lambda: answered, 60)
    await asyncio.sleep(2)
    for charger_id, expected in answered.items():
        found = entries(run, charger=charger_id)
        assert len({entry["id"] for entry in found}) == len(found)
        # An answer can be recorded and then lost with the gateway on its way to the charger: at most one a connection.
        assert expected <= results(charger_id) <= expected + 3
        assert len({entry["message_id"] for entry in found}) == len(found)
    assert "died and was started again" in run.log.read_text()


def readme_commands() -> list[str]:
    text = (Path(__file__).parents[2] / "README.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if not line.startswith("make ")]


@pytest.mark.parametrize("command", readme_commands(), ids=lambda command: command[-40:])
def test_the_commands_of_the_readme(run: Run, command: str) -> None:
    moved = command.replace("127.0.0.1:8080", f"127.0.0.1:{run.ports['API_PORT']}").replace(
        "http://127.0.0.1:8123/", run.clickhouse
    )
    assert moved != command
    done = subprocess.run(["bash", "-c", moved], cwd=run.directory, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr
    output = done.stdout.decode()
    assert output.startswith(('{"items":', "Datetime,Charger ID", "   ┌─site_id")), output


def test_a_taken_port_is_said(run: Run, tmp_path: Path) -> None:
    other = Run(tmp_path)
    other.ports["API_PORT"] = run.ports["API_PORT"]
    done = subprocess.run([sys.executable, "-m", "ocpplog_local"], env=other.environment(), capture_output=True, timeout=60)
    assert done.returncode == 1
    assert f"port {run.ports['API_PORT']} for the query API and dashboard" in done.stdout.decode()
    assert "OCPPLOG_API_PORT" in done.stdout.decode()


def test_zz_stops_in_order_and_finds_its_log_again(run: Run) -> None:
    before = len(entries(run))
    assert before > 0
    assert run.stop() == 0
    assert run.processes() == []
    text = run.log.read_text()
    stopped = re.findall(r"stopping (.*?) \.\.\. done", text)
    assert stopped == [
        *("gateway", "demo central system", "query API and dashboard", "enricher"),
        *("ClickHouse (chDB)", "Kafka (embedded broker, in memory)"),
    ]
    run.log.write_text("")
    run.start()
    assert len(entries(run)) == before
    assert run.stop() == 0
    assert run.processes() == []
