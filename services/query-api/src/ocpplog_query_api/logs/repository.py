"""Reads the log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ocpplog_query_api.database import Database, Row
from ocpplog_query_api.logs import query, times
from ocpplog_query_api.logs.identity import EntryId, Place
from ocpplog_query_api.logs.query import Order, Search
from ocpplog_query_api.logs.schemas import DETAIL_COLUMNS, LIST_COLUMNS, LogEntry, LogEntryDetail
from ocpplog_query_api.scope import Scope

_ALWAYS = ("charger_id", "site_id", "source", "outcome", "gateway_id")
"""Columns that we fill ourselves: empty text in one is not the charger's silence."""


class LogRepository:
    """Everything it returns lies within `scope`."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._database = database
        self._scope = scope

    async def page(
        self, search: Search, order: Order, limit: int, after: Place | None, more: Sequence[str] = ()
    ) -> tuple[list[LogEntry], Place | None]:
        """Entries, and the place after which there are more (None: there are none)."""
        rows = await self._newest("page", search, [*LIST_COLUMNS, *more], order, limit + 1, after)
        found = rows[:limit]
        place = _place(found[-1]) if len(rows) > limit else None
        return [LogEntry(**_public(row)) for row in found], place

    async def count(self, search: Search, at_most: int | None = None) -> int:
        statement = query.count(self._database.name, self._scope, search, at_most)
        [row] = await self._database.rows("count", statement.sql, statement.parameters)
        return int(row["total"])

    async def entry(self, found: EntryId) -> LogEntryDetail | None:
        statement = query.entry(self._database.name, self._scope, found, DETAIL_COLUMNS)
        rows = await self._database.rows("entry", statement.sql, statement.parameters)
        if not rows:
            return None
        row = _public(rows[0])
        return LogEntryDetail(**row, request_json=_parsed(row["request"]), response_json=_parsed(row["response"]))

    async def export(self, search: Search, columns: Sequence[str], limit: int) -> list[Row]:
        """Rows as ClickHouse has them, newest first."""
        return await self._newest("export", search, columns, "desc", limit, None)

    async def _newest(
        self, label: str, search: Search, columns: Sequence[str], order: Order, limit: int, after: Place | None
    ) -> list[Row]:
        """The entries of one query without any bound in time, found sooner where everything is asked for."""
        for since, bounded in await self._bounds(search, order, limit, after):
            found = replace(search, since=since)
            statement = query.page(self._database.name, self._scope, found, columns, order, limit, after, bounded)
            rows = await self._database.rows(label, statement.sql, statement.parameters)
            if len(rows) == limit:
                return rows
        statement = query.page(self._database.name, self._scope, search, columns, order, limit, after)
        return await self._database.rows(label, statement.sql, statement.parameters)

    async def _bounds(self, search: Search, order: Order, limit: int, after: Place | None) -> list[tuple[datetime, bool]]:
        """From when on to look first, and whether that leaves just enough entries."""
        if not query.is_everything(self._scope, search, order):
            return []
        if limit > query.PAGE_AT_MOST:
            return [(since, False) for since in query.windows(search, datetime.now(UTC))]
        statement = query.edge(self._database.name, self._scope, search, limit, after)
        [row] = await self._database.rows("edge", statement.sql, statement.parameters)
        return [(_aware(row["edge"]), True)]


def _public(row: Row) -> Row:
    """Empty text is what a charger did not send: null."""
    milliseconds = round(_aware(row["datetime"]).timestamp() * 1000)
    found = EntryId(milliseconds, row["connection_id"].hex, row["sequence"])
    values = {name: times.iso(value) if isinstance(value, datetime) else value for name, value in row.items()}
    values["connection_id"] = row["connection_id"].hex
    if row.get("request_timestamp"):
        values["request_timestamp"] = times.iso(row["request_timestamp"], "auto")
    return {name: None if value == "" and name not in _ALWAYS else value for name, value in values.items()} | {"id": str(found)}


def _place(row: Row) -> Place:
    moment = times.for_clickhouse(_aware(row["datetime"]))
    return Place(moment, row["kafka_partition"], row["kafka_offset"], row["connection_id"].hex, row["sequence"])


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _parsed(text: str | None) -> Any:
    if not text:
        return None
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> Any:
    """NaN and Infinity are no JSON, and could not be sent on as such."""
    raise ValueError(constant)
