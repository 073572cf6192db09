"""The Faust side of the connection events, in the same app and consumer group as the frames."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from aiokafka import ConsumerRecord

from ocpplog_common import topics
from ocpplog_enricher import kafka_driver
from ocpplog_enricher.agents import Failure
from ocpplog_enricher.connection_worker import ConnectionWorker
from ocpplog_enricher.continuity import Continuity
from ocpplog_enricher.errors import PartitionLost

Finished = Callable[[int, int, int], None]
"""(partition, generation, next offset): all before that offset is stored."""

_BATCHES: Final = 200
_RECORDS: Final = 5000
"""Written together, about: what is stored is looked for by name, and a request has an end. As many as rows of the log."""


class Gathering:
    """Writes together what came while others were written, and within `within_s` seconds: each write asks ClickHouse three times,
    and when a site has power again, its chargers come one by one."""

    def __init__(self, worker: ConnectionWorker, finished: Finished, within_s: float) -> None:
        self._worker = worker
        self._finished = finished
        self._within_s = within_s
        self._waiting: asyncio.Queue[tuple[int, int, Sequence[ConsumerRecord]]] = asyncio.Queue(_BATCHES)

    async def put(self, partition: int, generation: int, records: Sequence[ConsumerRecord]) -> None:
        """In the order of their offsets. Returns when there is room."""
        await self._waiting.put((partition, generation, records))

    async def run(self) -> None:
        """For good. Raises what `ConnectionWorker.take` does, but not PartitionLost: those events are another's now."""
        while True:
            for (partition, generation), records in (await self._next()).items():
                try:
                    await self._worker.take(partition, generation, records)
                except PartitionLost:
                    continue
                self._finished(partition, generation, records[-1].offset + 1)

    async def _next(self) -> dict[tuple[int, int], list[ConsumerRecord]]:
        partition, generation, records = await self._waiting.get()
        found, count = {(partition, generation): list(records)}, len(records)
        await asyncio.sleep(self._within_s)
        while count < _RECORDS and not self._waiting.empty():
            partition, generation, records = self._waiting.get_nowait()
            found.setdefault((partition, generation), []).extend(records)
            count += len(records)
        return found


def wire(
    app: Any,
    worker: ConnectionWorker,
    continuity: Continuity,
    failure: Failure,
    *,
    start: Callable[[], Awaitable[None]],
    within_s: float,
) -> None:
    """Register the agent. `start` is awaited before the first batch; `within_s`: how long an event may wait for others."""
    events = kafka_driver.batch_topic(app, topics.CONNECTIONS)

    def finished(partition: int, generation: int, next_offset: int) -> None:
        app.consumer.finished(topics.CONNECTIONS, partition, generation, next_offset)

    async def write(gathering: Gathering) -> None:
        try:
            await gathering.run()
        except Exception as error:
            await failure.end(error)

    @app.agent(events, name="connections")  # type: ignore[untyped-decorator]
    async def connections(stream: Any) -> None:
        gathering = Gathering(worker, finished, within_s)
        writing = asyncio.create_task(write(gathering))
        try:
            await start()
            async for batch in stream:
                async for records in continuity.complete(batch):
                    await gathering.put(batch.partition, batch.generation, records)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            await failure.end(error)
        finally:
            writing.cancel()
