"""The Faust side of the connection events, in the same app and consumer group as the frames."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ocpplog_common import topics
from ocpplog_enricher.agents import Failure
from ocpplog_enricher.connection_worker import ConnectionWorker
from ocpplog_enricher.settings import EnricherSettings

_AFTER_FAILURE_S = 20.0
"""The process is gone long before: until then Faust must not start the agent anew."""


class EventRecord:
    """A Faust event as the worker sees it."""

    __slots__ = ("event", "generation", "headers", "key", "offset", "partition", "value")

    def __init__(self, event: Any) -> None:
        message = event.message
        self.event = event
        self.partition: int = message.partition
        self.offset: int = message.offset
        self.generation: int = message.generation_id
        self.key: bytes | None = message.key
        self.value: bytes | None = message.value
        headers = message.headers or []
        self.headers: list[tuple[str, bytes]] = list(headers.items() if isinstance(headers, dict) else headers)

    def ack(self) -> object:
        return self.event.ack()


def wire(
    app: Any, settings: EnricherSettings, worker: ConnectionWorker, failure: Failure, start: Callable[[], Awaitable[None]]
) -> None:
    """Register the agent. `start` is awaited before the first batch."""
    events = app.topic(topics.CONNECTIONS, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    @app.agent(events, name="connections")  # type: ignore[untyped-decorator]
    async def connections(stream: Any) -> None:
        try:
            await start()
            async for batch in stream.noack_take(settings.enricher_batch_frames, within=settings.enricher_batch_within_s):
                generation = app.consumer_generation_id
                # Events from before a rebalance will come again, from the committed offset on.
                await worker.handle([record for record in map(EventRecord, batch) if record.generation == generation])
        except asyncio.CancelledError:
            raise
        except Exception as error:
            failure.report(error)
            await asyncio.sleep(_AFTER_FAILURE_S)
