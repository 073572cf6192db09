"""Puts frames and connection events on Kafka."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from ocpplog_common import records, topics
from ocpplog_common.envelope import Envelope
from ocpplog_common.records import ConnectionEvent
from ocpplog_gateway import metrics
from ocpplog_gateway.errors import NotRecorded
from ocpplog_gateway.settings import GatewaySettings

_log = structlog.get_logger(__name__)


class Publisher(Protocol):
    """Where frames are recorded."""

    async def publish(self, envelope: Envelope) -> Awaitable[None]:
        """Hand a frame over; frames of a charger are recorded in the order of these calls.

        What comes back completes once the frame is recorded, or raises NotRecorded; so may the call itself.
        """
        ...

    def announce(self, event: ConnectionEvent) -> None:
        """Record a connection event, as well as it goes: charging does not wait for it."""
        ...


class KafkaPublisher:
    """`acks=all`: a frame counts as recorded when every in-sync replica has it."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._producer = AIOKafkaProducer(
            acks="all",
            enable_idempotence=settings.kafka_idempotence,
            request_timeout_ms=int(settings.gateway_delivery_timeout_s * 1000),
            # A frame of the greatest length, and its headers.
            max_request_size=settings.gateway_max_frame_bytes + 64 * 1024,
            **settings.kafka_client(),
        )
        self._announcements: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Raises aiokafka's KafkaError where no broker answers."""
        await self._producer.start()

    async def stop(self) -> None:
        """Everything handed over is sent first."""
        if self._announcements:
            await asyncio.wait(self._announcements, timeout=5)
        await self._producer.stop()

    async def publish(self, envelope: Envelope) -> Awaitable[None]:
        started = time.perf_counter()
        try:
            future = await self._producer.send(topics.FRAMES, envelope.frame, key=envelope.key(), headers=envelope.headers())
        except (KafkaError, OSError) as error:
            raise NotRecorded(str(error)) from error
        return _acknowledged(future, started)

    def announce(self, event: ConnectionEvent) -> None:
        task = asyncio.create_task(self._announce(event))
        self._announcements.add(task)
        task.add_done_callback(self._announcements.discard)

    async def _announce(self, event: ConnectionEvent) -> None:
        try:
            await self._producer.send_and_wait(topics.CONNECTIONS, records.encode(event), key=event.charger_id.encode())
        except (KafkaError, OSError) as error:
            metrics.EVENTS_LOST.inc()
            _log.warning("connection event not recorded", charger=event.charger_id, kind=event.kind, error=str(error))


async def _acknowledged(future: Any, started: float) -> None:
    try:
        await future
    except (KafkaError, OSError) as error:
        raise NotRecorded(str(error)) from error
    metrics.ACK_SECONDS.observe(time.perf_counter() - started)
