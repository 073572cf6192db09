"""Reads what a stream needs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ocpplog_query_api.database import Database, Row
from ocpplog_query_api.live import query
from ocpplog_query_api.live.journal import Found, Insert
from ocpplog_query_api.live.query import Place
from ocpplog_query_api.logs.entries import listed
from ocpplog_query_api.logs.query import Search
from ocpplog_query_api.logs.repository import LogRepository
from ocpplog_query_api.logs.schemas import LIST_COLUMNS, LogEntry
from ocpplog_query_api.scope import Scope

_COUNTING: Final = {"max_execution_time": 5, "timeout_overflow_mode": "break", "read_overflow_mode": "break"}
"""A client that was away for days would hold up all others: what was counted until then is how many it missed at least."""


async def look(database: Database, since_ms: int) -> tuple[int, list[Found]]:
    """ClickHouse's time in milliseconds, and the inserts that show since then."""
    statement = query.inserts(database.name, since_ms)
    [row] = await database.rows("tail-look", statement.sql, statement.parameters)
    found = [Found(Insert(stored_ms, number, count), tuple(sites)) for stored_ms, number, count, sites in row["found"]]
    return int(row["looked_ms"]), found


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry, and where it stands in the stream."""

    entry: LogEntry
    place: Place


class TailRepository:
    """One client's entries: everything it returns lies within `scope` and matches `search`."""

    def __init__(self, database: Database, turns: asyncio.Semaphore, scope: Scope, search: Search, more: Sequence[str]) -> None:
        self._database = database
        self._turns = turns
        self._scope = scope
        self._search = search
        self._columns = [*LIST_COLUMNS, *more]

    async def entries(self, inserts: Sequence[Insert], limit: int, after: Place | None) -> list[Stored]:
        """The first ones of these inserts, in the order in which they were stored."""
        statement = query.entries(self._database.name, self._scope, self._search, self._columns, inserts, limit, after)
        async with self._turns:
            rows = await self._database.rows("tail", statement.sql, statement.parameters)
        return [Stored(listed(row), _place(row)) for row in rows]

    async def newest(self, limit: int) -> list[LogEntry]:
        """The newest ones of the log, oldest first."""
        async with self._turns:
            found, _ = await LogRepository(self._database, self._scope).page(self._search, "desc", limit, None, self._columns)
        return [listed(row) for row in reversed(found)]

    async def count(self, first_ms: int, last_ms: int, after: Place | None) -> int:
        """How many were stored between the two, both included, and stand after a place; of very many, at least so many."""
        statement = query.count(self._database.name, self._scope, self._search, first_ms, last_ms, after)
        async with self._turns:
            [row] = await self._database.rows("tail-count", statement.sql, statement.parameters, _COUNTING)
        return int(row["total"])


def _place(row: Row) -> Place:
    return Place(
        _milliseconds(row["stored_at"]),
        _milliseconds(row["datetime"]),
        row["kafka_partition"],
        row["kafka_offset"],
        row["connection_id"].hex,
        row["sequence"],
    )


def _milliseconds(moment: datetime) -> int:
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return round(aware.timestamp() * 1000)
