"""The Faust side of the connection events, in the same app and consumer group as the frames."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ocpplog_common import topics
from ocpplog_enricher import kafka_driver
from ocpplog_enricher.agents import Failure
from ocpplog_enricher.connection_worker import ConnectionWorker
from ocpplog_enricher.continuity import Continuity
from ocpplog_enricher.errors import PartitionLost


def wire(
    app: Any, worker: ConnectionWorker, continuity: Continuity, failure: Failure, start: Callable[[], Awaitable[None]]
) -> None:
    """Register the agent. `start` is awaited before the first batch."""
    events = kafka_driver.batch_topic(app, topics.CONNECTIONS)

    @app.agent(events, name="connections")  # type: ignore[untyped-decorator]
    async def connections(stream: Any) -> None:
        try:
            await start()
            async for batch in stream:
                try:
                    async for records in continuity.complete(batch):
                        await worker.take(batch.partition, batch.generation, records)
                except PartitionLost:
                    continue
                app.consumer.finished(batch.topic, batch.partition, batch.generation, batch.records[-1].offset + 1)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            await failure.end(error)
