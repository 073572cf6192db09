"""The replay beside the embedded broker and the local ClickHouse: rows become what they should be, each once."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from integration.test_enricher import METER_VALUES, Bench, Charger, bench, producer
from ocpplog_common import topics
from ocpplog_common.admin import kafka as admin
from ocpplog_common.envelope import Source
from ocpplog_common.record_changes import Removal
from ocpplog_common.records import LevelName, Site
from support.records import put_records

__all__ = ["bench", "producer"]
pytestmark = pytest.mark.integration

DELETE_SETTINGS = "SETTINGS lightweight_deletes_sync = 2"
COLUMNS = "connection_id, sequence, action, outcome, status, request, response, id_tag, voltage_l1, violations"
SAMPLES = "connection_id, sequence, sample, measurand, value, unit"


def now() -> str:
    return datetime.now(UTC).isoformat()


def command(bench: Bench, begin: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "ocpplog_common.admin", "replay", "--from", begin, "--to", now(), *more]


def environment(bench: Bench) -> dict[str, str]:
    return {**os.environ, **bench.environment(0)}


async def replay(bench: Bench, begin: str, *more: str) -> dict[str, int]:
    """The counts that it prints."""
    code, out, err = await finished(bench, begin, *more)
    assert code == 0, err[-3000:]
    found = re.findall(r"^(?:to be )?([a-z ]+): (\d+)", out, re.MULTILINE)
    return {name: int(count) for name, count in found}


async def finished(bench: Bench, begin: str, *more: str, **settings: str) -> tuple[int | None, str, str]:
    """Exit code, standard output and error."""
    child = await asyncio.create_subprocess_exec(
        *command(bench, begin, *more), env=environment(bench) | settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await asyncio.wait_for(child.communicate(), 120)
    return child.returncode, out.decode(), err.decode()


def log(bench: Bench, columns: str = COLUMNS) -> list[tuple[Any, ...]]:
    return bench.rows(columns, order="connection_id, sequence")


def samples(bench: Bench) -> list[tuple[Any, ...]]:
    sql = f"SELECT {SAMPLES} FROM ocpplog.meter_sample ORDER BY {SAMPLES}"
    return [tuple(row) for row in bench.client.query(sql).result_rows]


async def committed(bench: Bench) -> dict[TopicPartition, int]:
    places = [TopicPartition(topics.FRAMES, number) for number in range(4)]
    client = AIOKafkaAdminClient(**bench.kafka.kafka_client())
    await client.start()
    try:
        found = await client.list_consumer_group_offsets("ocpplog-enricher", partitions=places)
    finally:
        await client.close()
    return {place: max(0, offset.offset) for place, offset in found.items()}


async def traffic(producer: AIOKafkaProducer, exchanges: int = 5, chargers: int = 4) -> None:
    for number in range(chargers):
        charger = Charger(producer, f"CP{number}", "loud")
        for each in range(exchanges):
            await charger.exchange(each, "StatusNotification", '{"connectorId":1,"errorCode":"NoError","status":"Available"}')
        await charger.exchange(98, "MeterValues", METER_VALUES)
        await charger.put(Source.CHARGER, '[2,"99","Sta')
    await producer.flush()


async def all_done(bench: Bench, frames: int) -> None:
    """The live enricher is done with so many frames, and has said so to Kafka; it is stopped."""
    for _ in range(200):
        if sum((await committed(bench)).values()) == frames:
            break
        await asyncio.sleep(0.2)
    else:
        raise AssertionError(f"{await committed(bench)}: {bench.log.read_text()[-3000:]}")
    assert bench.enricher.stop() == 0


async def test_what_a_broken_enricher_wrote_is_mended_and_nothing_else_is_touched(
    bench: Bench, producer: AIOKafkaProducer
) -> None:
    begin = now()
    bench.start()
    await traffic(producer)
    await all_done(bench, 4 * 13)
    right, right_samples, offsets = log(bench), samples(bench), await committed(bench)
    stored = dict(bench.rows("message_id || charger_id, stored_at", order="1"))

    query = bench.client.command
    query(f"DELETE FROM ocpplog.ocpp_log WHERE charger_id = 'CP0' {DELETE_SETTINGS}")
    query("ALTER TABLE ocpplog.ocpp_log UPDATE status = 'Broken' WHERE message_id = '2' SETTINGS mutations_sync = 2")
    query("ALTER TABLE ocpplog.ocpp_log UPDATE kafka_offset = 999 WHERE message_id = '3' SETTINGS mutations_sync = 2")
    query("INSERT INTO ocpplog.ocpp_log SELECT * FROM ocpplog.ocpp_log WHERE charger_id = 'CP2' AND message_id = '4'")
    query(f"DELETE FROM ocpplog.meter_sample WHERE charger_id = 'CP1' AND sample = 1 {DELETE_SETTINGS}")
    query(f"DELETE FROM ocpplog.meter_sample WHERE charger_id = 'CP0' {DELETE_SETTINGS}")
    query("ALTER TABLE ocpplog.meter_sample UPDATE value = 7 WHERE charger_id = 'CP3' SETTINGS mutations_sync = 2")

    damaged = log(bench, "*")
    dry = await replay(bench, begin, "--dry-run")
    assert log(bench, "*") == damaged
    wet = await replay(bench, begin)
    assert dry == wet
    expected = {"same": 28 - 7 - 3 - 1 - 2, "inserted": 7, "replaced": 3 + 1 + 2, "no longer wanted": 0}
    assert wet == wet | expected
    assert log(bench) == right
    assert samples(bench) == right_samples
    after = dict(bench.rows("message_id || charger_id, stored_at", order="1"))
    touched = {name for name in stored if after[name] != stored[name]}
    mended = {"2CP1", "2CP2", "2CP3", "4CP2"} | {f"{name}CP0" for name in (0, 1, 2, 3, 4, 98, "")}
    assert touched == mended, "and where samples alone were wrong, the row of the log stays"

    again = await replay(bench, begin)
    assert (again["same"], again["inserted"], again["replaced"]) == (28, 0, 0)
    assert dict(bench.rows("message_id || charger_id, stored_at", order="1")) == after
    assert await committed(bench) == offsets

    # The same damage once more: the tokens of the first repair were used, and must not swallow the second.
    query(f"DELETE FROM ocpplog.ocpp_log WHERE charger_id = 'CP0' {DELETE_SETTINGS}")
    query(f"DELETE FROM ocpplog.meter_sample WHERE charger_id = 'CP0' {DELETE_SETTINGS}")
    await replay(bench, begin)
    assert (log(bench), samples(bench)) == (right, right_samples)


async def test_only_what_was_asked_for(bench: Bench, producer: AIOKafkaProducer) -> None:
    bench.start()
    await traffic(producer, 1)
    await producer.flush()
    await asyncio.sleep(0.01)
    begin = now()
    await traffic(producer, 1)
    await all_done(bench, 2 * 4 * 5)
    right = log(bench)
    bench.client.command("TRUNCATE TABLE ocpplog.ocpp_log")
    found = await replay(bench, begin, "--charger", "CP1", "--site", "loud")
    assert found["inserted"] == 3
    assert {row[0] for row in log(bench, "charger_id")} == {"CP1"}
    assert (await replay(bench, begin, "--site", "elsewhere"))["inserted"] == 0
    await replay(bench, begin)
    assert len(log(bench)) == 12
    await replay(bench, "2026-01-01T00:00:00Z")
    assert log(bench) == right


async def test_a_level_that_was_too_low_and_rows_that_are_no_longer_wanted(bench: Bench, producer: AIOKafkaProducer) -> None:
    begin = now()
    bench.start()
    charger = Charger(producer, "CP1", "normal")
    await charger.exchange(1, "Heartbeat")
    await charger.exchange(2, "MeterValues", METER_VALUES)
    await charger.exchange(3, "Authorize", '{"idTag":"A"}', '{"idTagInfo":{"status":"Accepted"}}')
    await producer.flush()
    await all_done(bench, 6)
    assert bench.rows("action") == [("Authorize",)]
    assert (await replay(bench, begin, "--level", "debug"))["inserted"] == 2
    assert [row[0] for row in log(bench, "action")] == ["Heartbeat", "MeterValues", "Authorize"]
    assert len(samples(bench)) == 4

    found = await replay(bench, begin)
    assert (found["same"], found["no longer wanted"]) == (1, 2)
    assert len(log(bench)) == 3
    assert (await replay(bench, begin, "--prune", "--dry-run"))["no longer wanted"] == 2
    assert len(log(bench)) == 3
    assert (await replay(bench, begin, "--prune"))["no longer wanted"] == 2
    assert [row[0] for row in log(bench, "action")] == ["Authorize"]
    assert samples(bench) == []


async def test_what_the_live_enricher_has_not_done_is_left_to_it(bench: Bench, producer: AIOKafkaProducer) -> None:
    begin = now()
    bench.start()
    charger = Charger(producer, "CP1", "loud")
    await charger.exchange(1, "Heartbeat")
    await charger.put(Source.CSMS, '[2,"2","Reset",{"type":"Soft"}]')
    await producer.flush()
    await all_done(bench, 3)
    assert [row[0] for row in bench.rows("outcome")] == ["result", "timeout"]
    right = log(bench)
    await charger.exchange(3, "Heartbeat")
    await producer.flush()
    bench.client.command("TRUNCATE TABLE ocpplog.ocpp_log")
    found = await replay(bench, begin)
    assert (found["inserted"], found["left to the live enricher"]) == (2, 2)
    assert log(bench) == right
    bench.start()
    await bench.until(lambda: len(log(bench)) == 3)


async def test_killed_in_the_middle_and_run_again(bench: Bench, producer: AIOKafkaProducer) -> None:
    begin = now()
    bench.start()
    await traffic(producer, 40, 8)
    await all_done(bench, 8 * 83)
    right, right_samples = log(bench), samples(bench)
    update = "ALTER TABLE ocpplog.{} UPDATE {} WHERE charger_id != 'CP5' SETTINGS mutations_sync = 2"
    for round_number in range(3):
        bench.client.command(update.format("ocpp_log", f"info = 'broken {round_number}'"))
        bench.client.command(update.format("meter_sample", f"value = {round_number}"))
        child = await asyncio.create_subprocess_exec(*command(bench, begin), env=environment(bench), stderr=subprocess.DEVNULL)
        statements = "SELECT count() FROM system.mutations WHERE command LIKE '%_row_exists%'"
        before = bench.client.query(statements).result_rows
        for _ in range(6000):
            if bench.client.query(statements).result_rows != before:
                break
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.03 * round_number)
        child.send_signal(signal.SIGKILL)
        await child.wait()
        assert len(set(log(bench, "connection_id, sequence"))) == len(log(bench)), "never both"
        await replay(bench, begin)
        assert (log(bench), samples(bench)) == (right, right_samples)


async def test_beside_the_live_enricher_under_traffic(bench: Bench, producer: AIOKafkaProducer) -> None:
    begin = now()
    bench.start()
    chargers = [Charger(producer, f"CP{number}", "loud") for number in range(8)]
    sent, doubled = 0, 0
    for step in range(60):
        for charger in chargers:
            sent += 1
            await charger.exchange(sent, "MeterValues", METER_VALUES)
        if step % 10 == 5:
            update = "ALTER TABLE ocpplog.ocpp_log UPDATE info = 'broken' WHERE sequence % 3 = 1 SETTINGS mutations_sync = 2"
            bench.client.command(update)
            running = asyncio.create_task(replay(bench, begin))
            while not running.done():
                sent += 1
                await chargers[0].exchange(sent, "Heartbeat")
                [(rows, names)] = bench.rows("count(), uniqExact(connection_id, sequence)", order="1")
                doubled += rows - names
                await asyncio.sleep(0.02)
            await running
    await producer.flush()
    await all_done(bench, 2 * sent)
    await replay(bench, begin)
    assert doubled == 0
    assert bench.rows("count(), uniqExact(connection_id, sequence), countIf(info = 'broken')", order="1") == [(sent, sent, 0)]
    [(rows, names)] = bench.client.query(
        "SELECT count(), uniqExact(connection_id, sequence, sample) FROM ocpplog.meter_sample"
    ).result_rows
    assert rows == names == 4 * 8 * 60


async def test_the_level_in_force_is_that_of_the_sites_record(bench: Bench, producer: AIOKafkaProducer) -> None:
    """A level that support has set anew for the past, as far as the record says so."""
    begin = now()
    bench.start()
    charger = Charger(producer, "CP1", "new")
    await charger.exchange(1, "Authorize", '{"idTag":"A"}', '{"idTagInfo":{"status":"Accepted"}}')
    await producer.flush()
    await all_done(bench, 2)
    assert "not in ocpp.sites" in str(bench.rows("violations"))
    await put_records(bench.kafka, [Site(site_id="new", level=LevelName.DEBUG)])
    assert (await replay(bench, begin))["replaced"] == 1
    assert "not in ocpp.sites" not in str(bench.rows("violations"))


async def test_hidden_tags_stay_hidden_when_their_site_is_removed(bench: Bench, producer: AIOKafkaProducer) -> None:
    begin = now()
    bench.start()
    for site in ("hashed", "loud"):
        charger = Charger(producer, f"CP-{site}", site)
        await charger.exchange(1, "Authorize", '{"idTag":"04A1B2C3D4E5F6"}', '{"idTagInfo":{"status":"Accepted"}}')
    await producer.flush()
    await all_done(bench, 4)
    bench.client.command("ALTER TABLE ocpplog.ocpp_log UPDATE info = 'broken' WHERE 1 SETTINGS mutations_sync = 2")
    of_site = "site_id = 'hashed'"
    before = bench.rows("*", of_site)

    code, _, said = await finished(bench, begin, OCPPLOG_ENRICHER_ID_TAG_KEY_FILE="")
    assert code == 1 and "sites that hash their RFID tags: hashed; set OCPPLOG_ENRICHER_ID_TAG_KEY_FILE" in said
    code, told, _ = await finished(bench, begin, "--site", "loud", OCPPLOG_ENRICHER_ID_TAG_KEY_FILE="")
    assert code == 0 and "replaced: 1" in told

    async with admin.open_records(bench.kafka) as records:
        await records.writer.change(lambda: ([Removal(topics.SITES, "hashed")], None))
    found = await replay(bench, begin, "--prune")
    assert (found["same"], found["replaced"], found["of sites without a record"]) == (1, 0, 1)
    assert bench.rows("*", of_site) == before
    assert (await replay(bench, begin, "--unknown-site", "hashed"))["replaced"] == 1
    [(tag, request, info)] = bench.rows("id_tag, request, info", of_site)
    assert (tag, request, info) == ("****F6", '{"idTag":"****F6"}', "")


def test_times_without_a_zone_are_refused() -> None:
    parts = [
        sys.executable,
        "-m",
        "ocpplog_common.admin",
        "replay",
        "--from",
        "2026-11-24T10:00:00",
        "--to",
        "2026-11-24T11:00:00Z",
    ]
    done = subprocess.run(parts, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "without a zone" in done.stderr
