"""The Faust side: brings batches of frames to the worker, and its acknowledgements back."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import faust
import structlog

from ocpplog_common import topics
from ocpplog_common.settings import KAFKA_METADATA_MAX_AGE_MS
from ocpplog_enricher import kafka_driver
from ocpplog_enricher.continuity import Continuity
from ocpplog_enricher.ownership import Ownership, certain
from ocpplog_enricher.settings import EnricherSettings
from ocpplog_enricher.worker import Worker

_log = structlog.get_logger(__name__)
_STOP_WITHIN_S = 10.0
_LOOK_AHEAD_S = 10.0


class Failure:
    """Ends the process when work cannot go on: Faust would restart the agent, and the batch in hand would be lost."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def tell(self, error: BaseException) -> None:
        _log.critical(
            "cannot go on; the frames in hand will be read again", error=f"{type(error).__name__}: {error}", exc_info=error
        )
        self.error = error

    def report(self, error: BaseException) -> None:
        self.tell(error)
        watchdog = threading.Timer(_STOP_WITHIN_S, os._exit, [1])
        watchdog.daemon = True
        watchdog.start()
        os.kill(os.getpid(), signal.SIGTERM)

    async def end(self, error: BaseException) -> None:
        """Report it, and return when the process is long gone: before that Faust must not start an agent anew."""
        self.report(error)
        await asyncio.sleep(2 * _STOP_WITHIN_S)


def create_faust(settings: EnricherSettings) -> Any:
    return faust.App(
        settings.enricher_group,
        **kafka_driver.options(settings.kafka_bootstrap),
        broker_credentials=_credentials(settings),
        store="memory://",
        # Faust wants directories even where it keeps nothing; by default in the working directory, which may be read-only.
        datadir=Path(tempfile.gettempdir()) / "ocpplog-enricher",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=KAFKA_METADATA_MAX_AGE_MS,
        broker_session_timeout=settings.enricher_session_timeout_s,
        broker_heartbeat_interval=settings.enricher_session_timeout_s / 5,
        broker_rebalance_timeout=settings.enricher_rebalance_timeout_s,
        broker_commit_interval=1.0,
        stream_wait_empty=False,
        broker_commit_livelock_soft_timeout=settings.enricher_retry_for_s + 60,
        stream_processing_timeout=settings.enricher_retry_for_s + 60,
        broker_max_poll_interval=settings.enricher_retry_for_s + 60,
    )


def wire(
    app: Any,
    settings: EnricherSettings,
    worker: Worker,
    continuity: Continuity,
    failure: Failure,
    *,
    start: Callable[[], Awaitable[None]],
    joined: Callable[[], None],
) -> None:
    """Register the agent, the timer and the signals. `start` is awaited before the first batch, `joined` called at each
    assignment of partitions."""
    frames = kafka_driver.batch_topic(app, topics.FRAMES)
    started = asyncio.Event()

    @app.agent(frames, name="enrich")  # type: ignore[untyped-decorator]
    async def enrich(stream: Any) -> None:
        try:
            await start()
            started.set()
            async for batch in stream:
                async for records in continuity.complete(batch):
                    await worker.take(batch.partition, batch.generation, records)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            await failure.end(error)

    @app.timer(interval=1.0)  # type: ignore[untyped-decorator]
    async def expire() -> None:
        if not started.is_set():
            return
        try:
            await worker.expire_quiet()
        except Exception as error:
            failure.report(error)

    @app.timer(interval=_LOOK_AHEAD_S)  # type: ignore[untyped-decorator]
    async def look_ahead() -> None:
        if started.is_set():
            await worker.look_ahead()

    @app.on_partitions_assigned.connect(weak=False)  # type: ignore[untyped-decorator]
    async def assigned(_: Any, partitions: Any, **__: Any) -> None:
        # A member that was expelled need not have been told that its partitions were revoked.
        worker.release_all_but(app.consumer_generation_id)
        joined()

    @app.on_partitions_revoked.connect(weak=False)  # type: ignore[untyped-decorator]
    async def revoked(_: Any, partitions: Any, **__: Any) -> None:
        worker.release(place.partition for place in partitions if place.topic == topics.FRAMES)


def highwater(app: Any) -> Callable[[int], int | None]:
    """The offset that the next record of a partition of ocpp.frames will have, as far as the last fetch said."""

    def tell(partition: int) -> int | None:
        try:
            found: int | None = app.consumer.highwater(faust.types.TP(topics.FRAMES, partition))
        except AssertionError:
            # aiokafka's word for a partition that is not assigned any more.
            return None
        return found

    return tell


def ownership(app: Any, settings: EnricherSettings) -> Ownership:
    """Whether the partitions of a generation are certainly still this process's."""
    holds_s = min(settings.enricher_session_timeout_s, settings.enricher_rebalance_timeout_s)

    async def ask(generation: int) -> bool:
        return bool(await app.consumer.is_member(generation, holds_s))

    return Ownership(ask, holds_s)


def fence(app: Any, owned: Callable[[int], Awaitable[bool]]) -> Callable[[int], Awaitable[None]]:
    """Returns once the partitions of a generation are certainly this process's. Raises PartitionLost once there is another."""

    async def wait(generation: int) -> None:
        await certain(owned, generation, lambda: bool(app.consumer_generation_id == generation))

    return wait


def finished(app: Any) -> Callable[[int, int, int], None]:
    """Says to Kafka that all before an offset of a partition of ocpp.frames is done."""

    def tell(partition: int, generation: int, next_offset: int) -> None:
        app.consumer.finished(topics.FRAMES, partition, generation, next_offset)

    return tell


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
