"""Connection events between the broker and ClickHouse: each is one row, whatever is killed, moved, written or read twice."""

from __future__ import annotations

import asyncio
import random
import time
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from integration import test_enricher
from integration.test_enricher import Bench, Charger
from ocpplog_common import topics
from ocpplog_common.envelope import new_connection_id
from ocpplog_common.records import ConnectionEvent, ConnectionEventKind, Site, encode
from support.processes import free_port
from support.records import put_records

pytestmark = pytest.mark.integration
bench, producer = test_enricher.bench, test_enricher.producer
TOLD = (
    "kind, charger_id, site_id, gateway_id, lower(hex(connection_id)), peer, subprotocol, profile, close_code, closed_by, reason"
)


def _event(charger: str, kind: ConnectionEventKind, connection: str = "", **more: Any) -> ConnectionEvent:
    known: dict[str, Any] = {"charger_id": charger, "at": datetime.now(UTC), "gateway_id": "gw", "site_id": "normal"}
    return ConnectionEvent(kind=kind, connection_id=connection, **known, **more)


async def _put(producer: AIOKafkaProducer, event: ConnectionEvent, copies: int = 1) -> None:
    for _ in range(copies):
        await producer.send(topics.CONNECTIONS, encode(event), key=event.charger_id.encode())


def _events(bench: Bench, columns: str) -> list[tuple[Any, ...]]:
    sql = f"SELECT {columns} FROM ocpplog.connection_event ORDER BY ALL"
    return [tuple(row) for row in bench.client.query(sql).result_rows]


def _count(bench: Bench) -> int:
    [(found,)] = bench.client.query("SELECT count() FROM ocpplog.connection_event").result_rows
    return int(found)


async def test_each_kind_with_all_that_it_says_beside_the_frames(bench: Bench, producer: AIOKafkaProducer) -> None:
    bench.start()
    connection = new_connection_id(time.time_ns() // 1000)
    kinds = ConnectionEventKind
    common = {"peer": "10.0.0.1", "subprotocol": "ocpp1.6", "profile": 1}
    await _put(producer, _event("CP1", kinds.CONNECT, connection, **common))
    await _put(
        producer, _event("CP1", kinds.DISCONNECT, connection, **common, close_code=1006, closed_by="charger", reason="gone")
    )
    await _put(producer, _event("", kinds.REFUSE, close_code=404, reason="unknown-charger"), copies=2)
    await producer.send(topics.CONNECTIONS, b"nonsense", key=b"CP1")
    await Charger(producer, "CP1", "loud").exchange(1, "Heartbeat")
    await bench.until(lambda: _count(bench) == 3 and len(bench.rows("action")) == 1)
    common_row = ("10.0.0.1", "ocpp1.6", 1)
    assert _events(bench, TOLD) == [
        ("connect", "CP1", "normal", "gw", connection, *common_row, None, "", ""),
        ("disconnect", "CP1", "normal", "gw", connection, *common_row, 1006, "charger", "gone"),
        ("refuse", "", "normal", "gw", "0" * 32, "", "", None, 404, "", "unknown-charger"),
    ]
    consumer = AIOKafkaConsumer(topics.DEAD_LETTER, auto_offset_reset="earliest", **bench.kafka.kafka_client())
    await consumer.start()
    record = await asyncio.wait_for(consumer.getone(), 10)
    await consumer.stop()
    assert record.value == b"nonsense"
    assert dict(record.headers)["dead-letter-reason"].startswith(b"ConnectionEvent record: JSON is malformed")


async def test_an_event_is_kept_as_long_as_its_site_says(bench: Bench, producer: AIOKafkaProducer) -> None:
    await put_records(bench.kafka, [Site(site_id="short", retention_days=30)])
    bench.start()
    for site in ("short", "normal", ""):
        event = ConnectionEvent(ConnectionEventKind.REFUSE, "CP1", datetime.now(UTC), "gw", site_id=site, close_code=401)
        await _put(producer, event)
    await bench.until(lambda: _count(bench) == 3)
    assert _events(bench, "site_id, retention_days") == [("", 400), ("normal", 400), ("short", 30)]


async def test_once_under_sigkill_with_copies_and_partitions_that_move(bench: Bench, producer: AIOKafkaProducer) -> None:
    chance = random.Random(20261124)
    bench.start()
    other = bench.new_enricher(free_port())
    sent = 0
    try:
        for round_number in range(4):
            until = time.monotonic() + chance.uniform(1.5, 3)
            while time.monotonic() < until:
                for charger in range(8):
                    sent += 1
                    connection = new_connection_id(time.time_ns() // 1000)
                    await _put(
                        producer, _event(f"CP{charger}", ConnectionEventKind.CONNECT, connection), chance.choice((1, 1, 2))
                    )
                await asyncio.sleep(chance.uniform(0, 0.05))
            if round_number == 1:
                other.start()
                continue
            bench.enricher.kill()
            bench.enricher.start()
        await producer.flush()
        await bench.until(lambda: _count(bench) >= sent, 60)
        other.stop()
        await asyncio.sleep(4)
        assert _events(bench, "count(), uniqExact(event_id), uniqExact(connection_id)")[0] == (sent, sent, sent)
    finally:
        other.close()


async def test_reading_all_again_adds_nothing(bench: Bench, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an offset reset: a group that has committed nothing."""
    bench.start()
    for number in range(50):
        await _put(producer, _event(f"CP{number}", ConnectionEventKind.REFUSE, close_code=401, reason=str(number)))
    await producer.flush()
    await bench.until(lambda: _count(bench) == 50)
    assert bench.enricher.stop() == 0
    # ClickHouse no longer knows the tokens either.
    bench.client.command("ALTER TABLE ocpplog.connection_event MODIFY SETTING non_replicated_deduplication_window = 0")
    monkeypatch.setenv("OCPPLOG_ENRICHER_GROUP", "again")
    bench.enricher = bench.new_enricher(bench.health)
    bench.start()
    await _put(producer, _event("CP-last", ConnectionEventKind.REFUSE, close_code=401))
    await bench.until(lambda: _count(bench) >= 51)
    await bench.until(lambda: "ocpplog_enricher_events_total 51.0" in _metrics(bench))
    assert _events(bench, "count(), uniqExact(event_id)")[0] == (51, 51)


def _metrics(bench: Bench) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{bench.health}/metrics", timeout=5) as response:
        return str(response.read().decode())
