"""The enricher between the embedded broker and the local ClickHouse: every admitted exchange is one row, whatever is killed."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from clickhouse_connect.driver import Client

from ocpplog_common import id_tags, topics
from ocpplog_common.admin import kafka as admin
from ocpplog_common.envelope import Envelope, Opcode, Source, new_connection_id
from ocpplog_common.records import Connectivity, Gap, IdTags, LevelName, Site, encode
from ocpplog_common.settings import KafkaSettings
from ocpplog_enricher.continuity import Continuity
from ocpplog_enricher.kafka_driver import Batch
from ocpplog_enricher.warm_up import between
from support.broker import IDEMPOTENCE, REPLICATION, kafka
from support.processes import LocalClickHouse, Process, free_port, local_clickhouse, wait_for_http
from support.records import put_records
from support.stores import copy_tables

pytestmark = pytest.mark.integration

SITES = [
    Site(site_id="quiet", connectivity=Connectivity.WIRELESS),
    Site(site_id="normal"),
    Site(site_id="loud", level=LevelName.DEBUG),
    Site(site_id="masked", id_tags=IdTags.MASKED),
    Site(site_id="hashed", id_tags=IdTags.HASHED),
]


class Bench:
    """Broker, store and enricher of one test."""

    def __init__(self, bootstrap: str, store: LocalClickHouse, client: Client, log: Path) -> None:
        self.bootstrap, self.store, self.client, self.log = bootstrap, store, client, log
        self.health = free_port()
        self.kafka = KafkaSettings(kafka_bootstrap=bootstrap, kafka_idempotence=IDEMPOTENCE)
        self.key_file = log.with_suffix(".key")
        self.key_file.write_text("0123456789abcdef" * 4)
        self.enricher = self.new_enricher(self.health)

    def new_enricher(self, health: int) -> Process:
        return Process(sys.executable, "-m", "ocpplog_enricher", env=self.environment(health), log=self.log)

    def environment(self, health: int) -> dict[str, str]:
        return {
            "OCPPLOG_KAFKA_BOOTSTRAP": self.bootstrap,
            "OCPPLOG_KAFKA_IDEMPOTENCE": str(IDEMPOTENCE).lower(),
            "OCPPLOG_CLICKHOUSE_URL": self.store.url,
            "OCPPLOG_ENRICHER_HEALTH_PORT": str(health),
            "OCPPLOG_ENRICHER_REBALANCE_TIMEOUT_S": "2",
            "OCPPLOG_ENRICHER_SESSION_TIMEOUT_S": "3",
            "OCPPLOG_ENRICHER_ANSWER_TIMEOUT_S": "4",
            "OCPPLOG_ENRICHER_BATCH_ROWS": "200",
            "OCPPLOG_ENRICHER_ID_TAG_KEY_FILE": str(self.key_file),
        }

    def start(self) -> None:
        self.enricher.start()
        wait_for_http(f"http://127.0.0.1:{self.health}/readyz", self.enricher, 40)

    def rows(
        self, columns: str, where: str = "1", order: str = "kafka_partition, kafka_offset, sequence"
    ) -> list[tuple[Any, ...]]:
        sql = f"SELECT {columns} FROM ocpplog.ocpp_log WHERE {where} ORDER BY {order}"
        return [tuple(row) for row in self.client.query(sql).result_rows]

    async def until(self, condition: Callable[[], bool], timeout: float = 40) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            await asyncio.sleep(0.2)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    copy_tables(tmp_path / "clickhouse")
    with (
        kafka() as bootstrap,
        local_clickhouse(tmp_path / "clickhouse") as store,
        clickhouse_connect.get_client(host="127.0.0.1", port=store.port) as client,
    ):
        found = Bench(bootstrap, store, client, tmp_path / "enricher.log")
        await admin.create_topics(found.kafka, 4, REPLICATION)
        await put_records(found.kafka, SITES)
        try:
            yield found
        finally:
            found.enricher.close()


@pytest.fixture
async def producer(bench: Bench) -> AsyncIterator[AIOKafkaProducer]:
    found = AIOKafkaProducer(acks="all", **bench.kafka.kafka_client())
    await found.start()
    yield found
    await found.stop()


class Charger:
    """Puts frames of one connection on Kafka as the gateway would."""

    def __init__(self, producer: AIOKafkaProducer, charger_id: str, site_id: str) -> None:
        self._producer, self.charger_id, self.site_id = producer, charger_id, site_id
        self.connection = new_connection_id(time.time_ns() // 1000)
        self.sequence = 0
        self._sent: asyncio.Future[Any] | None = None

    async def put(self, source: Source, frame: str) -> Envelope:
        self.sequence += 1
        now_us = time.time_ns() // 1000
        envelope = Envelope(
            self.charger_id, self.site_id, source, "ocpp1.6", self.connection, self.sequence, now_us, "gw", frame.encode()
        )
        await self.send(envelope)
        return envelope

    async def send(self, envelope: Envelope) -> None:
        self._sent = await self._producer.send(topics.FRAMES, envelope.frame, key=envelope.key(), headers=envelope.headers())

    async def end(self) -> tuple[int, int]:
        """Where the last frame stands on Kafka: its partition, and the offset after it."""
        assert self._sent
        last = await self._sent
        return last.partition, last.offset + 1

    async def gap(self, source: Source, count: int) -> Envelope:
        """Say that so many frames are missing, in their place."""
        first = self.sequence + 1
        self.sequence += count
        now_us = time.time_ns() // 1000
        at = datetime.fromtimestamp(now_us / 1_000_000, UTC)
        gap = Gap(self.charger_id, self.site_id, source, at, at, count, 100 * count, 1, "Kafka did not answer")
        envelope = Envelope(
            *(self.charger_id, self.site_id, source, "ocpp1.6", self.connection, first, now_us, "gw"),
            frame=encode(gap),
            opcode=Opcode.GAP,
        )
        await self.send(envelope)
        return envelope

    async def exchange(self, number: int, action: str, request: str = "{}", response: str = "{}") -> None:
        await self.put(Source.CHARGER, f'[2,"{number}","{action}",{request}]')
        await self.put(Source.CSMS, f'[3,"{number}",{response}]')


METER_VALUES = """{"connectorId":1,"transactionId":7,"meterValue":[{"timestamp":"2026-11-24T10:00:00Z","sampledValue":[
 {"value":"231.5","measurand":"Voltage","phase":"L1-N","unit":"V"},{"value":"3.5","measurand":"Power.Active.Import","unit":"kW"},
 {"value":"733255.884","unit":"Wh"},{"value":"OCMF|{}|{}","format":"SignedData"}]}]}"""


async def test_rows_follow_the_level_and_carry_every_field(bench: Bench, producer: AIOKafkaProducer) -> None:
    bench.start()
    for site in ("quiet", "normal", "loud"):
        charger = Charger(producer, f"CP-{site}", site)
        await charger.exchange(1, "BootNotification", '{"chargePointVendor":"V"}', '{"status":"Accepted"}')
        await charger.exchange(
            2,
            "StartTransaction",
            '{"connectorId":1,"idTag":"43434","meterStart":0,"timestamp":"2026-11-24T10:03:49+01:00"}',
            '{"transactionId":4356987,"idTagInfo":{"status":"Accepted"}}',
        )
        await charger.exchange(3, "MeterValues", METER_VALUES)
        await charger.put(Source.CSMS, '[2,"4","Reset",{"type":"Soft"}]')
        await charger.put(Source.CHARGER, '[4,"4","NotImplemented","no \\u00e9t\\u00e9"]')
        await charger.put(Source.CHARGER, '[2,"5","Status')
    await bench.until(lambda: bench.rows("count()", order="1") == [(9,)])

    by_site = {site: [row[0] for row in bench.rows("action", f"site_id = '{site}'")] for site in ("quiet", "normal", "loud")}
    assert by_site == {
        "quiet": ["BootNotification"],
        "normal": ["BootNotification", "StartTransaction", ""],
        "loud": ["BootNotification", "StartTransaction", "MeterValues", "Reset", ""],
    }
    columns = "transaction_id, id_tag, id_tag_info_status, connector_id, toString(request_timestamp), latency_ms < 1000, outcome"
    [start] = bench.rows(columns, "site_id = 'loud' AND action = 'StartTransaction'")
    assert start == ("4356987", "43434", "Accepted", 1, "2026-11-24 09:03:49.000000", 1, "result")
    meter_columns = "voltage_l1, voltage_l2, power, power_unit, transaction_id, request"
    [meter] = bench.rows(meter_columns, "action = 'MeterValues'")
    assert meter == (231.5, None, 3.5, "kW", "7", METER_VALUES)
    [reset] = bench.rows("source, outcome, response_error_code, response", "action = 'Reset'")
    assert reset[:3] == ("csms", "error", "NotImplemented")
    assert "été" in reset[3]
    [broken] = bench.rows("outcome, request, length(violations)", "site_id = 'loud' AND action = ''")
    assert broken == ("violation", '[2,"5","Status', 1)
    columns = "measurand, phase, value, value_si, signed"
    samples = bench.client.query(f"SELECT {columns} FROM ocpplog.meter_sample ORDER BY sample").result_rows
    assert samples == [
        ("Voltage", "L1-N", 231.5, 231.5, False),
        ("Power.Active.Import", "", 3.5, 3500.0, False),
        ("Energy.Active.Import.Register", "", 733255.884, 733255.884, False),
        ("Energy.Active.Import.Register", "", None, None, True),
    ]


async def test_where_a_message_differs_from_its_schema_is_said_on_its_row(bench: Bench, producer: AIOKafkaProducer) -> None:
    bench.start()
    charger = Charger(producer, "CP1", "loud")
    await charger.exchange(1, "StatusNotification", '{"connectorId":1,"errorCode":"NoError","status":"Available"}')
    await charger.exchange(2, "StatusNotification", '{"connectorId":1,"errorCode":"NoError","status":"Busy"}', '{"ok":true}')
    await charger.exchange(3, "Handshake", "{}")
    await bench.until(lambda: len(bench.rows("outcome")) == 3)
    [right, wrong, unknown] = [row[0] for row in bench.rows("violations")]
    assert (right, unknown) == ([], ["action: 'Handshake' is not in OCPP 1.6"])
    assert wrong[0].startswith("request.status: 'Busy' is none of Available, Preparing, ")
    assert wrong[1:] == ["response.ok: unknown field"]
    assert bench.rows("message_id", "search LIKE '%unknown field%'") == [("2",)]


async def test_a_request_without_an_answer_times_out_on_a_quiet_partition(bench: Bench, producer: AIOKafkaProducer) -> None:
    bench.start()
    await Charger(producer, "CP1", "loud").put(Source.CSMS, '[2,"1","Reset",{"type":"Hard"}]')
    await bench.until(lambda: bench.rows("outcome") == [("timeout",)])


async def test_a_gap_is_a_row_and_a_frame_that_comes_twice_is_one(bench: Bench, producer: AIOKafkaProducer) -> None:
    """On a site that logs next to nothing; the copies come at once, and once more after all was stored and forgotten."""
    bench.start()
    charger = Charger(producer, "CP1", "quiet")
    boot = [
        await charger.put(Source.CHARGER, '[2,"1","BootNotification",{"chargePointVendor":"V"}]'),
        await charger.put(Source.CSMS, '[3,"1",{"status":"Accepted"}]'),
    ]
    gap = await charger.gap(Source.CHARGER, 37)
    lonely = await charger.put(Source.CHARGER, '[2,"2","BootNotification",{"chargePointVendor":"V"}]')
    everything = [*boot, gap, lonely]
    for envelope in everything:
        await charger.send(envelope)
    outcomes = [("result", 1), ("gap", 3), ("timeout", 40)]
    await bench.until(lambda: bench.rows("outcome, sequence") == outcomes)
    other = Charger(producer, "CP1", "quiet")
    await other.exchange(3, "BootNotification")
    await bench.until(lambda: len(bench.rows("outcome")) == 4)
    for envelope in (gap, boot[0], lonely):
        await charger.send(envelope)
    await asyncio.sleep(5)
    await other.exchange(4, "BootNotification")
    await bench.until(lambda: len(bench.rows("outcome")) >= 5)
    await asyncio.sleep(5)
    assert bench.rows("outcome, sequence") == [*outcomes, ("result", 1), ("result", 3)]

    [found] = bench.rows(
        "action, site_id, charger_id, source, toUnixTimestamp64Milli(datetime), request, violations[1]", "outcome = 'gap'"
    )
    assert found[:5] == ("", "quiet", "CP1", "charger", gap.received_at_us // 1000)
    assert found[5] == gap.frame.decode()
    assert found[6].startswith("log: 37 frames from the charger between ")
    assert found[6].endswith(" UTC were passed on and not recorded: Kafka did not answer")
    assert bench.rows("outcome", "search LIKE '%not recorded%' AND search LIKE '%cp1%'") == [("gap",)]
    assert bench.enricher.stop() == 0
    bench.start()
    await charger.gap(Source.CSMS, 1)
    await bench.until(lambda: len(bench.rows("outcome", "outcome = 'gap'")) == 2)
    assert len(bench.rows("outcome")) == 6


async def test_secrets_stay_on_kafka_and_out_of_the_rows(bench: Bench, producer: AIOKafkaProducer) -> None:
    bench.start()
    charger, secret = Charger(producer, "CP1", "loud"), "4f8ac01b99d27e3c"
    sent = await charger.put(
        Source.CSMS, f'[2,"1","ChangeConfiguration",{{ "value":"{secret}","key":"Authorization\\u004bey", "n":1.50}}]'
    )
    await charger.put(Source.CHARGER, f'[3,"1",{{"status":"Rejected","info":"no: {secret}"}}]')
    await charger.put(Source.CHARGER, f'[2,"2","DataTransfer",{{"data":"{{\\"password\\":\\"{secret}')
    await bench.until(lambda: len(bench.rows("outcome")) == 2)
    [changed, broken] = bench.rows("*")
    assert secret not in f"{changed}{broken}"
    [(request, response)] = bench.rows("request, response", "action = 'ChangeConfiguration'")
    assert request == '{ "value":"***","key":"Authorization\\u004bey", "n":1.50}'
    assert response == '{"status":"Rejected","info":"no: ***"}'
    assert bench.rows("count()", f"search LIKE '%{secret}%'", "1") == [(0,)]

    consumer = AIOKafkaConsumer(topics.FRAMES, auto_offset_reset="earliest", **bench.kafka.kafka_client())
    await consumer.start()
    record = await asyncio.wait_for(consumer.getone(), 10)
    await consumer.stop()
    assert record.value == sent.frame


async def test_tags_as_each_site_wants_them(bench: Bench, producer: AIOKafkaProducer) -> None:
    bench.start()
    tag = "04A1B2C3D4E5F6"
    shown = {
        "normal": tag,
        "masked": "****F6",
        "hashed": id_tags.hashed(tag.encode(), bench.key_file.read_bytes()),
        "nowhere": tag,
    }
    for site in shown:
        charger = Charger(producer, f"CP-{site}", site)
        await charger.put(Source.CHARGER, f'[2,"1","Authorize",{{"idTag": "{tag}"}}]')
        await charger.put(Source.CSMS, f'[3,"1",{{"idTagInfo":{{"status":"Accepted","parentIdTag":"{tag}"}}}}]')
    await bench.until(lambda: len(bench.rows("site_id")) == len(shown))
    for site, expected in shown.items():
        [(request, response, id_tag, violations)] = bench.rows("request, response, id_tag, violations", f"site_id = '{site}'")
        assert (request, id_tag) == (f'{{"idTag": "{expected}"}}', expected)
        assert response == f'{{"idTagInfo":{{"status":"Accepted","parentIdTag":"{expected}"}}}}'
        assert bool(violations) == (site == "nowhere")
    assert bench.rows("uniqExact(site_id)", f"search LIKE '%{tag.lower()}%'", "1") == [(2,)]
    assert bench.rows("site_id", f"id_tag = '{shown['hashed']}'") == [("hashed",)]


async def test_records_that_are_no_frames_are_put_aside(bench: Bench, producer: AIOKafkaProducer) -> None:
    bench.start()
    await producer.send_and_wait(topics.FRAMES, b"x", key=b"CP1")
    await Charger(producer, "CP1", "loud").exchange(1, "Heartbeat")
    await bench.until(lambda: bench.rows("action") == [("Heartbeat",)])
    consumer = AIOKafkaConsumer(topics.DEAD_LETTER, auto_offset_reset="earliest", **bench.kafka.kafka_client())
    await consumer.start()
    record = await asyncio.wait_for(consumer.getone(), 10)
    await consumer.stop()
    assert record.value == b"x"
    assert dict(record.headers)["dead-letter-reason"] == b"header site-id: missing"


async def test_nothing_lost_and_nothing_twice_under_sigkill(bench: Bench, producer: AIOKafkaProducer) -> None:
    """Frames flow while the enricher is killed at random moments, with answers that cross the kills."""
    chance = random.Random(20261124)
    bench.start()
    chargers = [Charger(producer, f"CP{number}", "loud") for number in range(8)]
    sent = 0
    for round_number in range(4):
        until = time.monotonic() + chance.uniform(1.5, 3.5)
        while time.monotonic() < until:
            for charger in chargers:
                # Request and answer apart, so that kills fall between them.
                sent += 1
                await charger.put(Source.CHARGER, f'[2,"{sent}","Heartbeat",{{"n":{sent}}}]')
            await asyncio.sleep(chance.uniform(0, 0.05))
            for place, charger in enumerate(chargers):
                await charger.put(Source.CSMS, f'[3,"{sent - len(chargers) + 1 + place}",{{}}]')
        bench.enricher.kill()
        if round_number == 1:
            # ClickHouse dies too, and comes back while the enricher waits for it.
            bench.store.process.kill()
            bench.enricher.start()
            await asyncio.sleep(1)
            bench.store.start()
        else:
            bench.enricher.start()
    await producer.flush()
    await bench.until(lambda: bench.rows("uniqExact(message_id)", order="1") == [(sent,)], 60)
    await asyncio.sleep(2)
    assert bench.rows("count(), uniqExact(connection_id, sequence), countIf(outcome = 'result')", order="1") == [
        (sent, sent, sent)
    ]
    assert bench.enricher.stop() == 0


async def test_two_enrichers_share_the_partitions(bench: Bench, producer: AIOKafkaProducer) -> None:
    bench.start()
    other_health = free_port()
    other = bench.new_enricher(other_health)
    try:
        chargers = [Charger(producer, f"CP{number}", "loud") for number in range(8)]
        sent = 0
        for step in range(60):
            if step == 10:
                other.start()
            if step == 40:
                other.stop()
            for charger in chargers:
                sent += 1
                await charger.exchange(sent, "Heartbeat")
            await asyncio.sleep(0.2)
        await producer.flush()
        await bench.until(lambda: bench.rows("uniqExact(message_id)", order="1") == [(sent,)], 60)
        assert bench.rows("count(), countIf(outcome = 'result')", order="1") == [(sent, sent)]
    finally:
        other.close()


async def test_what_a_poll_passed_over_is_read_by_itself(bench: Bench, producer: AIOKafkaProducer) -> None:
    charger = Charger(producer, "CP-1", "loud")
    for number in range(10):
        await charger.exchange(number, "Heartbeat")
    partition, end = await charger.end()
    assert end == 20
    client = bench.kafka.kafka_client()
    whole = [record async for records in between(client, topics.FRAMES, partition, 0, end) for record in records]
    assert [record.offset for record in whole] == list(range(end))
    some = Batch(topics.FRAMES, partition, 1, 2, [whole[offset] for offset in (5, 6, 7, 11, 19)])
    complete = Continuity(partial(between, client)).complete(some)
    assert [record.offset async for records in complete for record in records] == list(range(2, end))


@pytest.mark.skipif(not IDEMPOTENCE, reason="the embedded broker deletes no records")
async def test_what_was_removed_unread_is_said_and_the_rest_goes_on(bench: Bench, producer: AIOKafkaProducer) -> None:
    bench.start()
    charger = Charger(producer, "CP-1", "loud")
    for number in range(5):
        await charger.exchange(number, "Heartbeat")
    partition, end = await charger.end()
    remover = AIOKafkaAdminClient(**bench.kafka.kafka_client())
    await remover.start()
    frames = TopicPartition(topics.FRAMES, partition)
    # Not the rows alone: they are stored before their frames are acknowledged.
    for _ in range(400):
        await asyncio.sleep(0.1)
        if (await remover.list_consumer_group_offsets("ocpplog-enricher", partitions=[frames]))[frames].offset == end:
            break
    assert bench.rows("count()", order="1") == [(5,)]
    bench.enricher.stop()
    for number in range(5, 15):
        await charger.exchange(number, "Heartbeat")
    assert await charger.end() == (partition, 30)
    await remover.delete_records({frames: RecordsToDelete(before_offset=16)})
    await remover.close()
    bench.start()
    await bench.until(lambda: bench.rows("count()", order="1") == [(12,)])
    async with httpx.AsyncClient() as http:
        shown = (await http.get(f"http://127.0.0.1:{bench.health}/metrics")).text
    assert f'ocpplog_enricher_missing_total{{topic="{topics.FRAMES}"}} 6.0' in shown
    assert f'ocpplog_enricher_missing_total{{topic="{topics.CONNECTIONS}"}} 0.0' in shown


def test_settings_that_make_no_sense_are_said(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = Process(sys.executable, "-m", "ocpplog_enricher", env={"OCPPLOG_ENRICHER_BATCH_ROWS": "none"}, log=log).start()
    assert process.child.wait(30) == 1
    assert "enricher_batch_rows" in log.read_text().lower()
