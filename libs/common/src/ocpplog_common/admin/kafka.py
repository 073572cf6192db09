"""What the admin commands do on Kafka."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from ocpplog_common import records, topics
from ocpplog_common.compacted import CompactedTable, partitions_of
from ocpplog_common.records import Charger, Site
from ocpplog_common.settings import KafkaSettings


async def create_topics(settings: KafkaSettings, partitions: int, replication: int) -> list[str]:
    """Create the topics that are missing; returns their names. Raises aiokafka's KafkaError."""
    client = AIOKafkaAdminClient(**settings.kafka_client())
    await client.start()
    try:
        created = []
        # One at a time: the answer of several does not say which of them failed on every broker.
        for spec in topics.topic_specs(partitions):
            new = NewTopic(spec.name, spec.partitions, replication, topic_configs=spec.config)
            response = await client.create_topics([new])
            code = response.topic_errors[0][1]
            if code == 0:
                created.append(spec.name)
            elif for_code(code) is not TopicAlreadyExistsError:
                raise for_code(code)(f"topic {spec.name}: {response.topic_errors[0][2]}")
        return created
    finally:
        await client.close()


async def read_sites(settings: KafkaSettings) -> dict[str, Site]:
    """The records of `ocpp.sites`, by their id. Raises aiokafka's KafkaError, and ValueError where there is no such topic."""
    client = settings.kafka_client()
    if not await partitions_of(topics.SITES, client):
        raise ValueError(f"there is no topic {topics.SITES}: `ocpplog-admin topics` creates it")
    table: CompactedTable[Site] = CompactedTable(topics.SITES, records.decode_site, client)
    await table.start()
    try:
        return dict(table)
    finally:
        await table.stop()


async def put_records(settings: KafkaSettings, found: Iterable[Site | Charger]) -> int:
    """Write sites and chargers to their compacted topics; returns how many, once Kafka has acknowledged all."""
    producer = AIOKafkaProducer(acks="all", enable_idempotence=settings.kafka_idempotence, **settings.kafka_client())
    await producer.start()
    try:
        pending: list[Any] = [await _send(producer, record) for record in found]
        for acknowledgement in pending:
            await acknowledgement
        return len(pending)
    finally:
        await producer.stop()


async def _send(producer: AIOKafkaProducer, record: Site | Charger) -> Any:
    if isinstance(record, Site):
        return await producer.send(topics.SITES, records.encode(record), key=record.site_id.encode())
    return await producer.send(topics.CHARGERS, records.encode(record), key=record.charger_id.encode())
