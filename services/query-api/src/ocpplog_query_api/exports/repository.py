"""Opens exports of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from ocpplog_query_api import errors
from ocpplog_query_api.database import Database
from ocpplog_query_api.errors import TooBig, TooSlow
from ocpplog_query_api.exports.formats import File
from ocpplog_query_api.exports.query import TOO_MANY, sources
from ocpplog_query_api.logs import query
from ocpplog_query_api.logs.query import Search
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.streaming import Stream

COUNT_AT_MOST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Opened:
    """`matched` counts no further than one more than a file may hold, and is of the very query that `stream` is the result of."""

    stream: Stream
    matched: int


@dataclass(frozen=True, slots=True)
class Matched:
    """`is_lower_bound`: more than `number`."""

    number: int
    is_lower_bound: bool

    def __str__(self) -> str:
        return f"More than {self.number:,}" if self.is_lower_bound else f"{self.number:,}"


class ExportRepository:
    """Everything it returns lies within `scope`. `seconds`: how long a result may take to begin."""

    def __init__(self, database: Database, scope: Scope, maximum: int, seconds: float) -> None:
        self._database = database
        self._scope = scope
        self.maximum = maximum
        self._seconds = seconds

    async def open(self, search: Search, file: File) -> Opened:
        """The newest entries, `maximum` at most. Raises TooSlow, Unavailable and ClickHouseError."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._newest(search, file)
        except TimeoutError:
            raise TooSlow("Narrow the time range, or name a site or a charger.") from None

    async def matched(self, search: Search) -> Matched:
        """How many there are, of a search with more than `maximum`. Costs no more than finding COUNT_AT_MOST of them."""
        at_most = max(COUNT_AT_MOST, self.maximum + 1)
        try:
            found = await self._count(search, at_most + 1)
        except ClickHouseError as error:
            if isinstance(errors.translate(error), TooSlow | TooBig):
                return Matched(self.maximum, is_lower_bound=True)
            raise
        if found > at_most:
            return Matched(at_most, is_lower_bound=True)
        return Matched(max(found, self.maximum + 1), is_lower_bound=False)

    async def _newest(self, search: Search, file: File) -> Opened:
        for since in self._bounds(search):
            opened = await self._open(replace(search, since=since), file)
            if opened.matched > self.maximum:
                return opened
            await opened.stream.aclose()
        return await self._open(search, file)

    def _bounds(self, search: Search) -> Sequence[datetime]:
        """From when on to look first."""
        everything = query.is_everything(self._scope, search, "desc")
        return query.windows(search, datetime.now(UTC)) if everything else []

    async def _open(self, search: Search, file: File) -> Opened:
        if not file.begins_with_number:
            return await self._open_counted(search, file)
        stream = await self._stream(search, file, refuse=False)
        try:
            # In CSV, a quote comes before the number.
            return Opened(stream, int((await stream.line()).strip(b'"') or 0))
        except BaseException:
            await stream.aclose()
            raise

    async def _open_counted(self, search: Search, file: File) -> Opened:
        """Counts first. Should more come until the file is made, ClickHouse refuses to leave them out unsaid."""
        matched = await self._count(search, self.maximum + 1)
        try:
            return Opened(await self._stream(search, file, refuse=matched <= self.maximum), matched)
        except ClickHouseError as error:
            if getattr(error, "code", None) != TOO_MANY:
                raise
        return Opened(await self._stream(search, file, refuse=False), self.maximum + 1)

    async def _stream(self, search: Search, file: File, refuse: bool) -> Stream:
        page = query.page(self._database.name, self._scope, search, sources(file.columns), "desc", self.maximum + 1, None)
        statement = file.statement(page, self.maximum, refuse)
        return await self._database.stream("export", statement.sql, statement.parameters, file.form, file.settings)

    async def _count(self, search: Search, at_most: int) -> int:
        statement = query.count(self._database.name, self._scope, search, at_most)
        [row] = await self._database.rows("export_count", statement.sql, statement.parameters)
        return int(row["total"])
