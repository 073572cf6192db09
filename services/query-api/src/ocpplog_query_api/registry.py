"""Sites and chargers as ops entered them: the records of `ocpp.sites` and `ocpp.chargers`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import structlog
from fastapi import Depends, Request

from ocpplog_common.compacted import CompactedTable
from ocpplog_common.record_tables import RecordTables

_log = structlog.get_logger(__name__)
_RETRY_S = 2.0


class Registry(RecordTables):
    """Follows both topics from `start()` to `stop()`. The log can be read without Kafka: until `ready`, no record is known."""

    def __init__(self, kafka: dict[str, Any]) -> None:
        super().__init__(kafka)
        self._starting: asyncio.Task[None] | None = None
        self.ready = False

    async def start(self) -> None:
        """Returns at once: reading the topics goes on beside the answers."""
        self._starting = asyncio.create_task(self._start(), name="read sites and chargers")

    async def stop(self) -> None:
        if self._starting:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        for table in self.tables:
            await table.stop()

    async def _start(self) -> None:
        for table in self.tables:
            await self._follow(table)
        self.ready = True

    async def _follow(self, table: CompactedTable[Any]) -> None:
        while True:
            try:
                return await table.start()
            except Exception as error:
                # Of whatever kind: nobody awaits this task.
                _log.warning("compacted topic not readable yet", topic=table.topic, error=str(error))
                await asyncio.sleep(_RETRY_S)


async def registry(request: Request) -> Registry:
    found: Registry = request.app.state.registry
    return found


CurrentRegistry = Annotated[Registry, Depends(registry)]
