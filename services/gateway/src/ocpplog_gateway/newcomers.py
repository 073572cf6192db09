"""Who connects, to whichever replica: read from `ocpp.connections`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from ocpplog_common import records, topics
from ocpplog_common.compacted import partitions_of
from ocpplog_common.records import ConnectionEvent, ConnectionEventKind

_log = structlog.get_logger(__name__)
_POLL_MS: Final = 500
_RETRY_S: Final = 1.0


class Newcomers:
    """Calls `connected` with each connect event that comes after `start`, as soon as Kafka has it.

    While Kafka is silent, a charger that comes back to another replica leaves its old connection open until its TCP breaks.
    """

    def __init__(self, client: dict[str, Any], connected: Callable[[ConnectionEvent], None]) -> None:
        self._client = client
        self._connected = connected
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises aiokafka's KafkaError."""
        self._consumer = AIOKafkaConsumer(enable_auto_commit=False, auto_offset_reset="latest", **self._client)
        await self._consumer.start()
        partitions = [
            TopicPartition(topics.CONNECTIONS, number) for number in await partitions_of(topics.CONNECTIONS, self._client)
        ]
        self._consumer.assign(partitions)
        await self._consumer.seek_to_end(*partitions)
        self._task = asyncio.create_task(self._follow(self._consumer), name="follow newcomers")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._consumer:
            # While Kafka is away, aiokafka's stop raises whatever its own tasks were at, CancelledError included.
            await asyncio.gather(self._consumer.stop(), return_exceptions=True)

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            try:
                for batch in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                    for record in batch:
                        self._read(record.value or b"")
            except Exception as error:
                # Of whatever kind: nobody would notice that this ended.
                _log.warning("connections not readable, trying again", error=str(error))
                await asyncio.sleep(_RETRY_S)

    def _read(self, value: bytes) -> None:
        try:
            event = records.decode_connection_event(value)
        except ValueError as error:
            _log.error("unreadable record", topic=topics.CONNECTIONS, error=str(error))
            return
        if event.kind is ConnectionEventKind.CONNECT:
            self._connected(event)
