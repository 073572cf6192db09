"""Several gateways that share nothing but Kafka, and chargers without a central system of their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from ocpp.v16 import ChargePoint, call
from ocpp.v16.enums import RegistrationStatus

from integration.gateway_support import CONNECT, DISCONNECT, HEARTBEAT, Bench, Gate, closed, join
from ocpplog_common.admin import kafka as admin
from ocpplog_common.envelope import Source
from ocpplog_common.settings import KafkaSettings
from support.broker import IDEMPOTENCE, REPLICATION, Broker, broker

pytestmark = pytest.mark.integration
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
START = {"connectorId": 1, "idTag": "1", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}


@pytest.fixture(scope="module")
def kafka() -> Iterator[Broker]:
    with broker() as found:
        asyncio.run(
            admin.create_topics(KafkaSettings(kafka_bootstrap=found.bootstrap, kafka_idempotence=IDEMPOTENCE), 3, REPLICATION)
        )
        yield found


@pytest.fixture(scope="module")
def replicas(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gate, Gate]]:
    """With no central system configured: their own answers."""
    logs = tmp_path_factory.mktemp("replicas")
    settings = {"gateway_default_site": "yard", "kafka_idempotence": str(IDEMPOTENCE).lower(), "gateway_hold_s": 1}
    first = Gate(kafka.bootstrap, logs / "1.log", gateway_id="gw-1", **settings)
    second = Gate(kafka.bootstrap, logs / "2.log", gateway_id="gw-2", **settings)
    with first, second:
        first.wait()
        second.wait()
        yield first, second
    for gate in (first, second):
        text = gate.log.read_text()
        assert "Traceback" not in text and "never retrieved" not in text, text[-4000:]


def bench(kafka: Broker, gate: Gate) -> Bench:
    return Bench(kafka.bootstrap, 0, 0, gate, gate)


async def test_the_newer_connection_wins_on_whichever_replica(kafka: Broker, replicas: tuple[Gate, Gate]) -> None:
    first, second = replicas
    async with join(first, "/TWICE") as older:
        await older.send(HEARTBEAT.format(1))
        await older.recv()
        async with join(second, "/TWICE") as newer:
            assert await closed(older) == (1001, "replaced by a newer connection to gw-2")
            await newer.send(HEARTBEAT.format(2))
            assert json.loads(await newer.recv())[:2] == [3, "2"]
            async with join(first, "/TWICE") as newest:
                assert await closed(newer) == (1001, "replaced by a newer connection to gw-1")
                await newest.send(HEARTBEAT.format(3))
                await newest.recv()
                # Whoever came back is not closed by the event of its own connection.
                await asyncio.sleep(0.7)
                await newest.send(HEARTBEAT.format(4))
                await newest.recv()
    kinds = [CONNECT, CONNECT, DISCONNECT, CONNECT, DISCONNECT, DISCONNECT]
    events = await bench(kafka, first).events("TWICE", *kinds)
    replaced = [event for event in events if event.reason.startswith("replaced")]
    assert [(event.gateway_id, event.closed_by) for event in replaced] == [("gw-1", "gateway"), ("gw-2", "gateway")]


async def test_a_session_with_the_built_in_central_system(kafka: Broker, replicas: tuple[Gate, Gate]) -> None:
    """By a charge point of the `ocpp` package, which checks every answer against the schema."""
    async with join(replicas[0], "/ALONE") as socket:
        point = ChargePoint("ALONE", socket)
        listening = asyncio.create_task(point.start())
        booted = await point.call(call.BootNotification(charge_point_model="M", charge_point_vendor="V"))
        assert booted.status is RegistrationStatus.accepted or booted.status == "Accepted"
        assert booted.interval == 300
        await point.call(call.StatusNotification(connector_id=1, error_code="NoError", status="Available"))
        assert (await point.call(call.Authorize(id_tag="1"))).id_tag_info["status"] == "Accepted"
        started = await point.call(call.StartTransaction(connector_id=1, id_tag="1", meter_start=0, timestamp="t"))
        stop = call.StopTransaction(meter_stop=1, timestamp="2026-01-01T00:00:00Z", transaction_id=started.transaction_id)
        await point.call(stop)
        listening.cancel()
    found = await bench(kafka, replicas[0]).frames("ALONE", 10)
    assert [e.source for e in found] == [Source.CHARGER, Source.CSMS] * 5
    assert {e.subprotocol for e in found} == {"ocpp1.6"}


async def start(gate: Gate, charger_id: str, count: int) -> list[int]:
    found = []
    async with join(gate, f"/{charger_id}") as point:
        for number in range(count):
            await point.send(json.dumps([2, str(number), "StartTransaction", {**START, "meterStart": number}]))
            found.append(json.loads(await point.recv())[2]["transactionId"])
    return found


async def test_transaction_ids_are_given_once(replicas: tuple[Gate, Gate]) -> None:
    starts = [start(replicas[number % 2], f"TX-{number}", 25) for number in range(8)]
    found = [one for ids in await asyncio.gather(*starts) for one in ids]
    assert len(set(found)) == len(found) == 200
    assert all(0 < one < 2**30 for one in found)


async def test_transactions_start_while_kafka_is_silent(kafka: Broker, replicas: tuple[Gate, Gate]) -> None:
    kafka.freeze()
    try:
        found = await asyncio.wait_for(start(replicas[0], "TX-SILENT", 2), 15)
    finally:
        kafka.thaw()
    assert all(2**30 <= one < 2**31 for one in found)
    await replicas[0].reaches("ocpplog_gateway_kafka_up", 1)


async def test_many_requests_at_once_are_answered_in_order(replicas: tuple[Gate, Gate]) -> None:
    async with join(replicas[0], "/BURST") as point:
        for number in range(200):
            await point.send(json.dumps([2, str(number), "StatusNotification", STATUS]))
        assert [json.loads(await point.recv())[1] for _ in range(200)] == [str(number) for number in range(200)]
