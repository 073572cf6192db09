"""What the admin commands do on Kafka."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from ocpplog_common import topics
from ocpplog_common.compacted import partitions_of
from ocpplog_common.record_tables import RecordTables
from ocpplog_common.record_writer import RecordWriter
from ocpplog_common.records import Site
from ocpplog_common.settings import KafkaSettings

_WITHIN_S: Final = 30.0
"""How long Kafka may take over a change."""
_LOOKS: Final = 10
_LOOK_AGAIN_S: Final = 0.3


async def create_topics(settings: KafkaSettings, partitions: int, replication: int) -> list[str]:
    """Create the topics that are missing; returns their names. Raises aiokafka's KafkaError."""
    client = AIOKafkaAdminClient(**settings.kafka_client())
    try:
        await client.start()
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


class OpenRecords(RecordTables):
    """Sites and chargers as they are, and the writer that changes them."""

    def __init__(self, settings: KafkaSettings) -> None:
        super().__init__(settings.kafka_client())
        self.writer = RecordWriter(settings, self, _WITHIN_S)


@contextlib.asynccontextmanager
async def open_records(settings: KafkaSettings) -> AsyncIterator[OpenRecords]:
    """Raises aiokafka's KafkaError, and ValueError where a topic is missing."""
    found = OpenRecords(settings)
    async with contextlib.AsyncExitStack() as started:
        for table in found.tables:
            if not await _exists(table.topic, settings):
                raise ValueError(f"there is no topic {table.topic}: `ocpplog-admin topics` creates it")
            await table.start()
            started.push_async_callback(table.stop)
        yield found


async def _exists(topic: str, settings: KafkaSettings) -> bool:
    """Not at the first look alone: of a topic that was just created, the nodes of a cluster learn one after the other."""
    for _ in range(_LOOKS):
        if await partitions_of(topic, settings.kafka_client()):
            return True
        await asyncio.sleep(_LOOK_AGAIN_S)
    return False


async def read_sites(settings: KafkaSettings) -> dict[str, Site]:
    """The records of `ocpp.sites`, by their id. Raises as `open_records`."""
    async with open_records(settings) as found:
        return dict(found.sites)
