"""The services over SASL_SSL on Apache Kafka, with no more rights than the users of the manifests have."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clickhouse_connect
import msgspec
import pytest
import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import TopicAuthorizationFailedError
from aiokafka.protocol.admin import CreateAclsRequest
from websockets.asyncio.client import connect

from ocpplog_common import topics
from ocpplog_common.clickhouse.migrate import migrate
from ocpplog_common.records import Charger, LevelName, Site
from support import apache_kafka, certificates
from support.manifests import K8S
from support.processes import Process, free_port, local_clickhouse, running, wait_for_http, wait_for_port

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not apache_kafka.JARS, reason="the embedded broker knows neither users nor rules: make test-kafka"),
]
USERS = list(yaml.safe_load_all((K8S / "components/kafka/users.yaml").read_text()))
_TYPES = {"topic": 2, "group": 3, "transactionalId": 5}
_PATTERNS = {"literal": 3, "prefix": 4}
_OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
_ALLOW = 3


@dataclass(frozen=True)
class Cluster:
    port: int
    ca_file: str
    passwords: dict[str, str]

    def variables(self, user: str) -> dict[str, str]:
        return {
            "OCPPLOG_KAFKA_BOOTSTRAP": f"localhost:{self.port}",
            "OCPPLOG_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "OCPPLOG_KAFKA_USERNAME": user,
            "OCPPLOG_KAFKA_PASSWORD": self.passwords[user],
            "OCPPLOG_KAFKA_CA_FILE": self.ca_file,
        }

    def client(self, user: str, password: str = "") -> dict[str, Any]:
        return {
            "bootstrap_servers": f"localhost:{self.port}",
            "security_protocol": "SASL_SSL",
            "ssl_context": ssl.create_default_context(cafile=self.ca_file),
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": user,
            "sasl_plain_password": password or self.passwords[user],
        }

    async def admin(self, *arguments: str, user: str = "ocpplog-admin", lines: bytes = b"") -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ocpplog_common.admin", *arguments),
            env=self.variables(user),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate(lines)
        assert process.returncode is not None
        return process.returncode, said.decode()


def rules() -> list[tuple[int, str, int, str, str, int, int]]:
    """The manifests' rules, in the shape of Kafka's request."""
    found = []
    for user in USERS:
        for rule in user["spec"]["authorization"]["acls"]:
            resource = rule["resource"]
            for operation in rule["operations"]:
                place = (_TYPES[resource["type"]], resource["name"], _PATTERNS[resource["patternType"]])
                found.append((*place, f"User:{user['metadata']['name']}", "*", _OPERATIONS[operation], _ALLOW))
    return found


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    scratch = tmp_path_factory.mktemp("secured-kafka")
    authority = certificates.root("kafka")
    made = certificates.make("localhost", issuer=authority, host="localhost", usage=certificates.SERVER_AUTH)
    certificate, key = (Path(path) for path in made.write(scratch, "broker"))
    pem = scratch / "broker.pem"
    pem.write_bytes(key.read_bytes() + certificate.read_bytes() + authority.pem)
    (scratch / "ca.crt").write_bytes(authority.pem)
    passwords = {name: f"secret-of-{name}" for name in ["root", *(user["metadata"]["name"] for user in USERS)]}
    port = free_port()
    with running(apache_kafka.node(port, scratch, apache_kafka.Secured(pem, passwords))) as process:
        wait_for_port(port, process, 60)
        cluster = Cluster(port, str(scratch / "ca.crt"), passwords)
        asyncio.run(_enter(cluster))
        yield cluster


async def _enter(cluster: Cluster) -> None:
    """Rules of the manifests, then what the jobs and an operator do, as the user that they have."""
    client = AIOKafkaAdminClient(**cluster.client("root"))
    await client.start()
    try:
        for rule in rules():
            response = await client._send_to_controller(CreateAclsRequest(*rule))
            assert not [result for result in response.creation_responses if result[0]], response
    finally:
        await client.close()
    code, said = await cluster.admin("topics", "--partitions", "2")
    assert code == 0, said
    site, charger = Site(site_id="lab", level=LevelName.DEBUG), Charger(charger_id="CP1", site_id="lab")
    for kind, record in (("sites", site), ("chargers", charger)):
        code, said = await cluster.admin("put", kind, lines=msgspec.json.encode(record))
        assert code == 0, said


@contextlib.asynccontextmanager
async def pipeline(cluster: Cluster, scratch: Path) -> AsyncIterator[tuple[int, int]]:
    """Gateway and enricher; gives the gateway's port and ClickHouse's."""
    gateway, health, enricher = free_port(), free_port(), free_port()
    with local_clickhouse(scratch / "clickhouse") as clickhouse:
        with clickhouse_connect.get_client(host="127.0.0.1", port=clickhouse.port) as client:
            migrate(client, "ocpplog")
        first = Process(
            *(sys.executable, "-m", "ocpplog_gateway"),
            env=cluster.variables("ocpplog-gateway")
            | {
                "OCPPLOG_GATEWAY_PORT": str(gateway),
                "OCPPLOG_GATEWAY_HEALTH_PORT": str(health),
                "OCPPLOG_GATEWAY_MIN_PROFILE": "0",
            },
            log=scratch / "gateway.log",
        )
        second = Process(
            *(sys.executable, "-m", "ocpplog_enricher"),
            env=cluster.variables("ocpplog-enricher")
            | {"OCPPLOG_CLICKHOUSE_URL": clickhouse.url, "OCPPLOG_ENRICHER_HEALTH_PORT": str(enricher)},
            log=scratch / "enricher.log",
        )
        with running(first), running(second):
            wait_for_http(f"http://127.0.0.1:{health}/readyz", first)
            wait_for_http(f"http://127.0.0.1:{enricher}/readyz", second)
            yield gateway, clickhouse.port


async def test_an_exchange_passes_with_the_users_of_the_manifests(secured: Cluster, tmp_path: Path) -> None:
    async with pipeline(secured, tmp_path) as (gateway, clickhouse):
        async with connect(f"ws://127.0.0.1:{gateway}/ocpp/CP1", subprotocols=["ocpp1.6"]) as charger:  # type: ignore[list-item]
            boot = '{"chargePointVendor":"A","chargePointModel":"B"}'
            for number, (action, payload) in enumerate([("BootNotification", boot), ("Heartbeat", "{}")]):
                await charger.send(f'[2,"{number}","{action}",{payload}]')
                assert str(await charger.recv()).startswith("[3")
            await charger.send(
                '[2,"9","StartTransaction",{"connectorId":1,"idTag":"T","meterStart":1,"timestamp":"2026-11-25T00:00:00Z"}]'
            )
            assert '"transactionId":' in str(await charger.recv())
        with clickhouse_connect.get_client(host="127.0.0.1", port=clickhouse) as client:
            for _ in range(100):
                found = client.query("SELECT action, outcome FROM ocpplog.ocpp_log ORDER BY sequence").result_rows
                events = client.query("SELECT kind FROM ocpplog.connection_event ORDER BY datetime").result_rows
                if len(found) == 3 and len(events) == 2:
                    break
                await asyncio.sleep(0.2)
        assert found == [(action, "result") for action in ("BootNotification", "Heartbeat", "StartTransaction")]
        assert events == [("connect",), ("disconnect",)]
    code, said = await secured.admin("level", "lab", "info", "--why", "enough", user="ocpplog-query-api")
    assert code == 0, said


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("ocpplog-gateway", topics.SITES),
        ("ocpplog-gateway", topics.CHARGERS),
        ("ocpplog-enricher", topics.FRAMES),
        ("ocpplog-enricher", topics.SITES),
        ("ocpplog-query-api", topics.FRAMES),
    ],
)
async def test_nobody_writes_what_is_not_theirs(secured: Cluster, user: str, topic: str) -> None:
    producer = AIOKafkaProducer(**secured.client(user), request_timeout_ms=5000)
    await producer.start()
    try:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(topic, b"x", key=b"x")
    finally:
        await producer.stop()


@pytest.mark.parametrize(
    ("user", "topic"),
    [("ocpplog-gateway", topics.FRAMES), ("ocpplog-enricher", topics.CHARGERS), ("ocpplog-query-api", topics.FRAMES)],
)
async def test_nobody_reads_what_is_not_theirs(secured: Cluster, user: str, topic: str) -> None:
    consumer = AIOKafkaConsumer(topic, auto_offset_reset="earliest", **secured.client(user))
    with pytest.raises(TopicAuthorizationFailedError):
        try:
            await consumer.start()
            await asyncio.wait_for(consumer.getone(), 10)
        finally:
            await consumer.stop()


async def test_a_wrong_password_is_said(secured: Cluster) -> None:
    wrong = Cluster(secured.port, secured.ca_file, secured.passwords | {"ocpplog-admin": "wrong"})
    code, said = await wrong.admin("put", "sites", lines=b'{"site_id":"x"}')
    assert code == 1
    assert "uthentication" in said
