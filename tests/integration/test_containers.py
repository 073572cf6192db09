"""Apache Kafka and a ClickHouse server from their images, where a Docker engine answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

import clickhouse_connect
import docker
import pytest
from aiokafka.errors import KafkaError
from clickhouse_connect.driver.exceptions import ClickHouseError
from docker.errors import DockerException, ImageNotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from ocpplog_common import records, topics
from ocpplog_common.admin import kafka as admin
from ocpplog_common.clickhouse.client import check_version
from ocpplog_common.clickhouse.migrate import available, migrate
from ocpplog_common.compacted import CompactedTable
from ocpplog_common.records import Charger, LevelName, Site
from ocpplog_common.settings import KafkaSettings
from support.processes import free_port
from support.records import put_records

pytestmark = [pytest.mark.integration, pytest.mark.docker]

# Its reaper is one more image to fetch; containers here end with their `with`.
testcontainers_config.ryuk_disabled = True

KAFKA, CLICKHOUSE = "apache/kafka:4.1.0", "clickhouse/clickhouse-server:26.9"


def image(name: str) -> str:
    """The image, fetched if need be; skips where there is no engine, or the image cannot be had."""
    try:
        engine = docker.from_env()
        engine.ping()
    except DockerException as error:
        pytest.skip(f"no Docker engine: {error}")
    try:
        engine.images.get(name)
    except ImageNotFound:
        try:
            engine.images.pull(name)
        except DockerException as error:
            pytest.skip(f"{name} cannot be pulled: {error}")
    return name


def until(works: Callable[[], object], failures: tuple[type[Exception], ...], timeout: float = 60) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            works()
            return
        except failures:
            assert time.monotonic() < deadline
            time.sleep(0.5)


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaSettings]:
    port = free_port()
    container = DockerContainer(image(KAFKA)).with_bind_ports(port, port)
    for name, value in {
        "NODE_ID": "1",
        "PROCESS_ROLES": "broker,controller",
        "LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "TRANSACTION_STATE_LOG_MIN_ISR": "1",
    }.items():
        container = container.with_env(f"KAFKA_{name}", value)
    with container:
        settings = KafkaSettings(kafka_bootstrap=f"127.0.0.1:{port}")
        until(lambda: asyncio.run(admin.create_topics(settings, 3, 1)), (KafkaError,))
        yield settings


async def test_the_registry_on_kafka_itself(kafka: KafkaSettings) -> None:
    """Idempotent producers, topics that exist already, and compacted topics read to their end and followed."""
    assert await admin.create_topics(kafka, 3, 1) == []
    await put_records(kafka, [Site(site_id="a"), Charger(charger_id="c", site_id="a")])
    table: CompactedTable[Site] = CompactedTable(topics.SITES, records.decode_site, kafka.kafka_client())
    await table.start()
    try:
        assert dict(table) == {"a": Site(site_id="a")}
        await put_records(kafka, [Site(site_id="a", level=LevelName.DEBUG)])
        for _ in range(50):
            if table["a"].level:
                break
            await asyncio.sleep(0.1)
        assert table["a"].level is LevelName.DEBUG
    finally:
        await table.stop()


def test_the_schema_on_a_server() -> None:
    with DockerContainer(image(CLICKHOUSE)).with_exposed_ports(8123).with_env("CLICKHOUSE_SKIP_USER_SETUP", "1") as container:
        address = {"host": container.get_container_host_ip(), "port": int(container.get_exposed_port(8123))}
        until(lambda: clickhouse_connect.get_client(**address), (ClickHouseError, OSError))
        with clickhouse_connect.get_client(**address) as client:
            check_version(client.server_version or "")
            assert migrate(client, "ocpplog") == [migration.name for migration in available()]
            assert migrate(client, "ocpplog") == []
