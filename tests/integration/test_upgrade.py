"""What earlier releases left behind, in the hands of this one: schema, rows, and messages on Kafka (tests/releases)."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from aiokafka import AIOKafkaProducer
from clickhouse_connect.driver import Client

from ocpplog_common import records, topics
from ocpplog_common.admin import kafka as admin
from ocpplog_common.clickhouse.migrate import available, migrate
from ocpplog_common.settings import KafkaSettings
from support.broker import IDEMPOTENCE, REPLICATION, kafka
from support.processes import LocalClickHouse, Process, free_port, local_clickhouse, running, wait_for_http

pytestmark = pytest.mark.integration
RELEASES = sorted(path for path in (Path(__file__).parents[1] / "releases").iterdir() if (path / "schema.sql").is_file())
NAME = "connection_id, sequence"
KEPT = "datetime, site_id, charger_id, connector_id, action, source, outcome, latency_ms, transaction_id, request, response"


@pytest.fixture(params=RELEASES, ids=lambda path: path.name)
def release(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalClickHouse]:
    with local_clickhouse(tmp_path / "clickhouse") as found:
        yield found


@pytest.fixture
def client(store: LocalClickHouse) -> Iterator[Client]:
    with clickhouse_connect.get_client(host="127.0.0.1", port=store.port) as found:
        yield found


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()] if path.exists() else []


def restore(release: Path, client: Client) -> None:
    """Tables and rows as that release left them."""
    client.command("CREATE DATABASE ocpplog")
    for statement in (release / "schema.sql").read_text().split("\n;\n"):
        client.command(statement)
    for path in sorted(release.glob("*.jsonl.gz")):
        if path.name != "records.jsonl.gz":
            table = path.name.removesuffix(".jsonl.gz")
            client.raw_insert(f"ocpplog.{table}", insert_block=gzip.decompress(path.read_bytes()), fmt="JSONEachRow")


async def put(release: Path, bootstrap: str) -> None:
    """Its records, in their order."""
    settings = KafkaSettings(kafka_bootstrap=bootstrap, kafka_idempotence=IDEMPOTENCE)
    found = lines(release / "records.jsonl.gz")
    partitions = 1 + max(record["partition"] for record in found)
    await admin.create_topics(settings, partitions, REPLICATION)
    producer = AIOKafkaProducer(acks="all", **settings.kafka_client())
    await producer.start()
    for record in found:
        headers = [(name, _bytes(value)) for name, value in record["headers"]]
        await producer.send(
            record["topic"],
            _bytes(record["value"]),
            key=_bytes(record["key"]),
            partition=record["partition"],
            headers=headers,
            timestamp_ms=record["timestamp"],
        )
    await producer.stop()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def rows(client: Client, columns: str) -> list[tuple[Any, ...]]:
    sql = f"SELECT {columns} FROM ocpplog.ocpp_log ORDER BY {NAME}"
    return [tuple(row) for row in client.query(sql).result_rows]


async def enriched(bootstrap: str, store: LocalClickHouse, client: Client, at_least: int, log: Path) -> None:
    """Start this release's enricher, and wait until all is read and written."""
    health = free_port()
    enricher = Process(
        *(sys.executable, "-m", "ocpplog_enricher"),
        env={
            "OCPPLOG_KAFKA_BOOTSTRAP": bootstrap,
            "OCPPLOG_KAFKA_IDEMPOTENCE": str(IDEMPOTENCE).lower(),
            "OCPPLOG_CLICKHOUSE_URL": store.url,
            "OCPPLOG_ENRICHER_HEALTH_PORT": str(health),
            "OCPPLOG_ENRICHER_REBALANCE_TIMEOUT_S": "2",
            "OCPPLOG_ENRICHER_SESSION_TIMEOUT_S": "3",
        },
        log=log,
    )
    with running(enricher):
        wait_for_http(f"http://127.0.0.1:{health}/readyz", enricher, 40)
        deadline, before = time.monotonic() + 60, -1
        while (count := len(rows(client, "1"))) < at_least or count != before:
            assert time.monotonic() < deadline, (count, _end_of(log))
            before = count
            await asyncio.sleep(3)


def _end_of(log: Path) -> str:
    return log.read_text()[-3000:]


def test_its_rows_are_all_there_after_the_migrations(release: Path, client: Client) -> None:
    restore(release, client)
    columns = ", ".join(lines(release / "ocpp_log.jsonl.gz")[0])
    before = rows(client, columns)
    samples = client.query("SELECT * EXCEPT (connection_id) FROM ocpplog.meter_sample ORDER BY ALL").result_columns[0]
    applied = lines(release / "schema_migration.jsonl.gz")
    assert migrate(client, "ocpplog") == [migration.name for migration in available()][len(applied) :]
    assert rows(client, columns) == before
    assert len(client.query("SELECT datetime FROM ocpplog.meter_sample").result_rows) == len(samples)


async def test_its_messages_add_nothing_to_its_rows(
    release: Path, store: LocalClickHouse, client: Client, tmp_path: Path
) -> None:
    """Offsets reset on the day of the upgrade: what is stored is found, also by the names that the older release gave."""
    restore(release, client)
    migrate(client, "ocpplog")
    before = rows(client, f"{NAME}, {KEPT}")
    with kafka() as bootstrap:
        await put(release, bootstrap)
        await enriched(bootstrap, store, client, len(before), tmp_path / "log")
    after = rows(client, f"{NAME}, {KEPT}")
    assert len({row[:2] for row in after}) == len(after)
    assert set(before) <= set(after)


async def test_its_messages_make_the_same_exchanges(
    release: Path, store: LocalClickHouse, client: Client, tmp_path: Path
) -> None:
    migrate(client, "ocpplog")
    wanted = {(row["connection_id"], row["sequence"]): row for row in lines(release / "ocpp_log.jsonl.gz")}
    with kafka() as bootstrap:
        await put(release, bootstrap)
        await enriched(bootstrap, store, client, len(wanted), tmp_path / "log")
    found = {(str(row[0]), row[1]): row for row in rows(client, f"{NAME}, action, outcome, charger_id, request, response")}
    for name, row in wanted.items():
        assert found[name][2:] == tuple(row[column] for column in ("action", "outcome", "charger_id", "request", "response"))


def test_its_records_can_be_read(release: Path) -> None:
    readers = {
        topics.SITES: records.decode_site,
        topics.CHARGERS: records.decode_charger,
        topics.CONNECTIONS: records.decode_connection_event,
    }
    seen = set()
    for record in lines(release / "records.jsonl.gz"):
        if reader := readers.get(record["topic"]):
            reader(_bytes(record["value"]) or b"")
            seen.add(record["topic"])
    assert seen == readers.keys()
