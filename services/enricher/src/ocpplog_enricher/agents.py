"""The Faust side: brings batches of frames to the worker, and its acknowledgements back."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import faust
import structlog

from ocpplog_common import topics
from ocpplog_enricher.settings import EnricherSettings
from ocpplog_enricher.worker import Worker

_log = structlog.get_logger(__name__)
_STOP_WITHIN_S = 10.0


class FaustRecord:
    """A Faust event as the worker sees it."""

    __slots__ = ("_consumer", "_message", "generation", "headers", "key", "offset", "partition", "timestamp_ms", "value")

    def __init__(self, event: Any) -> None:
        message = event.message
        self._message = message
        self._consumer = event.app.consumer
        self.partition: int = message.partition
        self.offset: int = message.offset
        self.generation: int = message.generation_id
        self.timestamp_ms: int = int(message.timestamp * 1000)
        self.key: bytes | None = message.key
        self.value: bytes | None = message.value
        headers = message.headers or []
        self.headers: list[tuple[str, bytes]] = list(headers.items() if isinstance(headers, dict) else headers)

    def ack(self) -> object:
        return self._message.ack(self._consumer)

    def forget_frame(self) -> None:
        """What is left is what Faust's own accounting needs."""
        for holder in (self, self._message):
            holder.key = holder.value = None
            holder.headers = []


class Failure:
    """Ends the process when work cannot go on: Faust would restart the agent, and the batch in hand would be lost."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def report(self, error: BaseException) -> None:
        _log.critical(
            "cannot go on; the frames in hand will be read again", error=f"{type(error).__name__}: {error}", exc_info=error
        )
        self.error = error
        watchdog = threading.Timer(_STOP_WITHIN_S, os._exit, [1])
        watchdog.daemon = True
        watchdog.start()
        os.kill(os.getpid(), signal.SIGTERM)


def create_faust(settings: EnricherSettings) -> Any:
    brokers = ";".join(f"kafka://{address.strip()}" for address in settings.kafka_bootstrap.split(","))
    return faust.App(
        settings.enricher_group,
        broker=brokers,
        broker_credentials=_credentials(settings),
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=settings.enricher_session_timeout_s,
        broker_heartbeat_interval=settings.enricher_session_timeout_s / 5,
        broker_rebalance_timeout=settings.enricher_rebalance_timeout_s,
        broker_commit_interval=1.0,
        stream_buffer_maxsize=settings.enricher_batch_frames,
        stream_wait_empty=False,
        # The frames that are held are bounded by the open requests, not by how long a write takes.
        broker_commit_livelock_soft_timeout=settings.enricher_retry_for_s + 60,
        stream_processing_timeout=settings.enricher_retry_for_s + 60,
        broker_max_poll_interval=settings.enricher_retry_for_s + 60,
    )


def wire(
    app: Any,
    settings: EnricherSettings,
    worker: Worker,
    failure: Failure,
    *,
    start: Callable[[], Awaitable[None]],
    joined: Callable[[], None],
) -> None:
    """Register the agent, the timer and the signals. `start` is awaited before the first batch, `joined` called at each
    assignment of partitions."""
    frames = app.topic(topics.FRAMES, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    started = asyncio.Event()

    @app.agent(frames, name="enrich")  # type: ignore[untyped-decorator]
    async def enrich(stream: Any) -> None:
        try:
            await start()
            started.set()
            async for events in stream.noack_take(settings.enricher_batch_frames, within=settings.enricher_batch_within_s):
                generation = app.consumer_generation_id
                # Events from before a rebalance will come again, from the committed offset on.
                await worker.handle([record for record in map(FaustRecord, events) if record.generation == generation])
        except asyncio.CancelledError:
            raise
        except Exception as error:
            failure.report(error)
            await asyncio.sleep(2 * _STOP_WITHIN_S)

    @app.timer(interval=1.0)  # type: ignore[untyped-decorator]
    async def expire() -> None:
        if not started.is_set():
            return
        try:
            await worker.expire_quiet()
        except Exception as error:
            failure.report(error)

    @app.on_partitions_assigned.connect(weak=False)  # type: ignore[untyped-decorator]
    async def assigned(_: Any, partitions: Any, **__: Any) -> None:
        joined()

    @app.on_partitions_revoked.connect(weak=False)  # type: ignore[untyped-decorator]
    async def revoked(_: Any, partitions: Any, **__: Any) -> None:
        worker.release(place.partition for place in partitions)


def caught_up(app: Any) -> Callable[[int, int], bool]:
    """Whether Kafka has nothing at or after an offset, as far as the last fetch said."""

    def check(partition: int, next_offset: int) -> bool:
        highwater = app.consumer.highwater(faust.types.TP(topics.FRAMES, partition))
        return highwater is not None and highwater <= next_offset

    return check


def _credentials(settings: EnricherSettings) -> Any:
    client = settings.kafka_client()
    context = client.get("ssl_context")
    if settings.kafka_security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            mechanism=settings.kafka_sasl_mechanism,
            username=settings.kafka_username,
            password=settings.kafka_password.get_secret_value(),
            ssl_context=context,
        )
    return faust.SSLCredentials(context=context) if context else None
