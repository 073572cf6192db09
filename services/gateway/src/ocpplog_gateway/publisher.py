"""Puts frames and connection events on Kafka."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Generator
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, OutOfOrderSequenceNumber, ProducerClosed, ProducerFenced

from ocpplog_common import records, topics
from ocpplog_common.envelope import Envelope
from ocpplog_common.records import ConnectionEvent
from ocpplog_gateway import metrics
from ocpplog_gateway.errors import NotRecorded
from ocpplog_gateway.settings import GatewaySettings

_log = structlog.get_logger(__name__)
_MAX_BATCH_BYTES = 128 * 1024
"""A partition has one batch under way at a time: this bounds its throughput (aiokafka's default of 16 KiB is some 40 frames)."""
_PROBE_S = 5.0
_PROBE_AGAIN_S = 1.0
_FATAL = (OutOfOrderSequenceNumber, ProducerClosed, ProducerFenced)
_STOP_WITHIN_S = 10.0


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
        self._timeout = settings.gateway_delivery_timeout_s
        self._problem = ""
        self.dead = asyncio.Event()
        """Set once the producer will never send again, such as after a lost batch of an idempotent one."""
        self._probing: asyncio.Task[None] | None = None
        self._producer = AIOKafkaProducer(
            acks="all",
            enable_idempotence=settings.kafka_idempotence,
            request_timeout_ms=int(settings.gateway_delivery_timeout_s * 1000),
            max_batch_size=_MAX_BATCH_BYTES,
            # A frame of the greatest length, and its headers.
            max_request_size=settings.gateway_max_frame_bytes + 64 * 1024,
            **settings.kafka_client(),
        )
        self._announcements: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Raises aiokafka's KafkaError where no broker answers."""
        await self._producer.start()
        self._probing = asyncio.create_task(self._probe(), name="probe Kafka")

    async def stop(self) -> None:
        """Everything handed over is sent first, as far as Kafka answers: an idempotent producer would try for good."""
        if self._probing:
            self._probing.cancel()
        if self._announcements:
            await asyncio.wait(self._announcements, timeout=_STOP_WITHIN_S)
        try:
            async with asyncio.timeout(_STOP_WITHIN_S):
                await self._producer.stop()
        except TimeoutError:
            _log.warning("Kafka did not take everything before the end")

    def problem(self) -> str:
        """Why a frame would not be recorded now; empty while Kafka answers."""
        return self._problem

    async def _probe(self) -> None:
        """Know of a failure before the next frame does, and of its end when no charger is connected."""
        while True:
            await asyncio.sleep(_PROBE_AGAIN_S if self._problem else _PROBE_S)
            try:
                async with asyncio.timeout(_PROBE_S):
                    await self._producer.client.fetch_all_metadata()
                self._set_problem("")
            except Exception as error:
                # Of whatever kind: without this task, the gateway would never be ready again.
                self._set_problem(f"Kafka does not answer: {type(error).__name__}")

    def _set_problem(self, problem: str) -> None:
        if bool(problem) != bool(self._problem):
            _log.warning("Kafka", state=problem or "answers again")
        self._problem = problem

    async def publish(self, envelope: Envelope) -> Awaitable[None]:
        started = time.perf_counter()
        try:
            future = await self._producer.send(topics.FRAMES, envelope.frame, key=envelope.key(), headers=envelope.headers())
        except (KafkaError, OSError) as error:
            if isinstance(error, _FATAL) or type(error) is KafkaError:
                self.dead.set()
            raise self._failed(error) from error
        return _Acknowledgement(self, future, started)

    async def acknowledged(self, future: Any, started: float) -> None:
        """Raises NotRecorded."""
        try:
            # The producer's own limits do not help: an idempotent one never gives up on a batch.
            await _result(future, self._timeout - (time.perf_counter() - started))
        except (KafkaError, OSError, TimeoutError) as error:
            raise self._failed(error) from error
        metrics.ACK_SECONDS.observe(time.perf_counter() - started)

    def _failed(self, error: Exception) -> NotRecorded:
        if not isinstance(error, MessageSizeTooLargeError):
            self._set_problem(f"Kafka takes no frames: {type(error).__name__}")
        return NotRecorded(str(error) or type(error).__name__)

    def announce(self, event: ConnectionEvent) -> None:
        task = asyncio.create_task(self._announce(event))
        self._announcements.add(task)
        task.add_done_callback(self._announcements.discard)

    async def _announce(self, event: ConnectionEvent) -> None:
        try:
            key = event.charger_id.encode()
            await _result(await self._producer.send(topics.CONNECTIONS, records.encode(event), key=key), self._timeout)
        except (KafkaError, OSError, TimeoutError) as error:
            metrics.EVENTS_LOST.inc()
            _log.warning("connection event not recorded", charger=event.charger_id, kind=event.kind, error=str(error))


class _Acknowledgement:
    """Awaited in the order of sending. Not a task: there is one a frame. Not a coroutine: it may be dropped."""

    __slots__ = ("_future", "_publisher", "_started")

    def __init__(self, publisher: KafkaPublisher, future: Any, started: float) -> None:
        self._publisher = publisher
        self._future = future
        self._started = started

    def __await__(self) -> Generator[Any, None, None]:
        return self._publisher.acknowledged(self._future, self._started).__await__()


async def _result(future: asyncio.Future[Any], timeout: float) -> None:
    """Wait without cancelling: the producer still holds the future. Raises its error, or TimeoutError."""
    if not future.done():
        await asyncio.wait({future}, timeout=max(0.0, timeout))
    if not future.done():
        # Nobody looks at it any more: without this, its error would be logged as forgotten.
        future.add_done_callback(lambda late: late.cancelled() or late.exception())
        raise TimeoutError
    future.result()
