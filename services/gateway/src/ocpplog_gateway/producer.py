"""The Kafka producer, as long as it works."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaProducer

from ocpplog_gateway.settings import GatewaySettings

_log = structlog.get_logger(__name__)
_MAX_BATCH_BYTES: Final = 256 * 1024
"""A partition has one batch under way at a time: this bounds its throughput."""
_START_WITHIN_S: Final = 10.0
_STOP_WITHIN_S: Final = 10.0


class Producer:
    """A producer for as long as it works, and the batches that wait for it: they are cancelled when it is replaced."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self.kafka = producer
        self.waiting: set[asyncio.Future[Any]] = set()


async def start(settings: GatewaySettings) -> AIOKafkaProducer:
    """A producer that is started. Raises aiokafka's KafkaError or TimeoutError where Kafka does not answer.

    Without idempotence where Kafka gives no producer id in time: aiokafka asks for one without end or word, and a
    new controller can take half a minute. A batch sent again can then be on Kafka twice, as when a producer is replaced.
    """
    producer = create(settings, idempotent=settings.kafka_idempotence)
    try:
        return await _started(producer)
    except TimeoutError:
        if not (settings.kafka_idempotence and producer.client.cluster.brokers()):
            raise
    _log.warning("Kafka gives no producer id: without idempotence until the producer is replaced", seconds=_START_WITHIN_S)
    return await _started(create(settings, idempotent=False))


async def _started(producer: AIOKafkaProducer) -> AIOKafkaProducer:
    try:
        async with asyncio.timeout(_START_WITHIN_S):
            await producer.start()
    except BaseException:
        await stop(producer)
        raise
    return producer


def create(settings: GatewaySettings, *, idempotent: bool) -> AIOKafkaProducer:
    """A producer; not started yet."""
    return AIOKafkaProducer(
        acks="all",
        enable_idempotence=idempotent,
        request_timeout_ms=int(settings.gateway_delivery_timeout_s * 1000),
        max_batch_size=_MAX_BATCH_BYTES,
        **settings.kafka_client(),
    )


async def stop(producer: AIOKafkaProducer) -> None:
    """An idempotent producer would try for good; a failed one raises whatever its tasks were at, CancelledError included."""
    stopping: Any = asyncio.create_task(producer.stop())
    done, _ = await asyncio.wait({stopping}, timeout=_STOP_WITHIN_S)
    if not done:
        stopping.cancel()
        done, _ = await asyncio.wait({stopping}, timeout=1.0)
    for task in done:
        if not task.cancelled() and (failure := task.exception()):
            _log.warning("Kafka client did not stop cleanly", error=repr(failure))
