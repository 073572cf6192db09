"""Reads the log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from ocpplog_query_api.database import NEWEST, Database, Row
from ocpplog_query_api.errors import TooBig, TooSlow, translate
from ocpplog_query_api.logs import query, times
from ocpplog_query_api.logs.entries import listed, public
from ocpplog_query_api.logs.identity import EntryId, Place
from ocpplog_query_api.logs.schemas import DETAIL_COLUMNS, LIST_COLUMNS, LogEntry, LogEntryDetail, Neighbours
from ocpplog_query_api.logs.search import Order, Search
from ocpplog_query_api.scope import Scope

_NEAR: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
COUNT_AT_MOST: Final = 100_000
"""Of more entries it is only said that there are more."""


class LogRepository:
    """Everything it returns lies within `scope`."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._database = database
        self._scope = scope

    async def page(
        self, search: Search, order: Order, limit: int, after: Place | None, columns: Sequence[str] = LIST_COLUMNS
    ) -> tuple[list[Row], Place | None]:
        """Rows with the columns and KEY, and the place after which there are more (None: there are none)."""
        rows = await self._newest(search, columns, order, limit + 1, after)
        found = rows[:limit]
        place = _place(found[-1]) if len(rows) > limit else None
        return found, place

    async def count(self, search: Search, at_most: int | None = None) -> int:
        statement = query.count(self._database.name, self._scope, search, at_most)
        [row] = await self._database.rows("count", statement.sql, statement.parameters)
        return int(row["total"])

    async def count_within(self, search: Search, at_most: int, seconds: float) -> tuple[int, bool]:
        """How many match, and whether there are more: counting stops at `at_most`. (0, True) where it costs too much."""
        statement = query.count(self._database.name, self._scope, search, at_most)
        try:
            [row] = await self._database.rows("count", statement.sql, statement.parameters, {"max_execution_time": seconds})
        except ClickHouseError as error:
            if isinstance(translate(error), TooSlow | TooBig):
                return 0, True
            raise
        return int(row["total"]), row["total"] >= at_most

    async def entry(self, found: EntryId, neighbours: int = 0) -> LogEntryDetail | None:
        """The entry, with so many of those before and after it."""
        statement = query.entry(self._database.name, self._scope, found, DETAIL_COLUMNS)
        rows = await self._database.rows("entry", statement.sql, statement.parameters)
        if not rows:
            return None
        beside = Neighbours(
            before=await self._beside(rows[0], "desc", neighbours), after=await self._beside(rows[0], "asc", neighbours)
        )
        hidden = dict.fromkeys(self._scope.hidden)
        row = _detailed(rows[0] | hidden)
        parsed = {f"{name}_json": _parsed(row[name]) for name in ("request", "response")}
        return LogEntryDetail(**row, **parsed, neighbours=beside)

    async def _beside(self, row: Row, order: Order, limit: int) -> list[LogEntry]:
        """The nearest entries of the same charger and site on one side. Mostly they lie within a day."""
        if not limit:
            return []
        search = Search(sites=[row["site_id"]], equal={"charger_id": [row["charger_id"]]})
        at = times.aware(row["datetime"])
        near = replace(search, since=at - _NEAR) if order == "desc" else replace(search, until=at + _NEAR)
        found, _ = await self.page(near, order, limit, _place(row))
        if len(found) < limit:
            found, _ = await self.page(search, order, limit, _place(row))
        return list(map(listed, found))

    async def _newest(self, search: Search, columns: Sequence[str], order: Order, limit: int, after: Place | None) -> list[Row]:
        """The entries of one query without any bound in time, found sooner where everything is asked for."""
        everything = query.is_everything(self._scope, search, order)
        label = NEWEST if everything else "page"
        for since, bounded in await self._bounds(search, limit, after) if everything else []:
            found = replace(search, since=since)
            statement = query.page(self._database.name, self._scope, found, columns, order, limit, after, bounded)
            rows = await self._database.rows(label, statement.sql, statement.parameters)
            if len(rows) == limit:
                return rows
        statement = query.page(self._database.name, self._scope, search, columns, order, limit, after)
        return await self._database.rows(label, statement.sql, statement.parameters)

    async def _bounds(self, search: Search, limit: int, after: Place | None) -> list[tuple[datetime, bool]]:
        """From when on to look first, and whether that leaves just enough entries."""
        if limit > query.PAGE_AT_MOST:
            return [(since, False) for since in query.windows(search, datetime.now(UTC))]
        # Behind a place, an hour is mostly enough; without that bound, what is newer and older would be looked through, too.
        for within in (_HOUR, None) if after or search.until else (None,):
            statement = query.edge(self._database.name, self._scope, search, limit, after, within)
            [row] = await self._database.rows("edge", statement.sql, statement.parameters)
            if row["enough"]:
                break
        # Of an answer that was kept, it may lie before what is asked for now.
        edge = times.aware(row["edge"])
        return [(max(edge, search.since or edge), True)]


def _detailed(row: Row) -> Row:
    return public(row, DETAIL_COLUMNS) | {"connection_id": row["connection_id"].hex, "stored_at": times.iso(row["stored_at"])}


def _place(row: Row) -> Place:
    moment = times.for_clickhouse(times.aware(row["datetime"]))
    return Place(moment, row["connection_id"].hex, row["sequence"])


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
