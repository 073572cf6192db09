"""Reads a charger's timeline."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from ocpplog_query_api.chargers import timeline_query as query
from ocpplog_query_api.chargers.timeline_items import connection_item, entry_item
from ocpplog_query_api.chargers.timeline_query import Happenings
from ocpplog_query_api.chargers.timeline_schemas import Item
from ocpplog_query_api.database import Database, Row
from ocpplog_query_api.logs import times
from ocpplog_query_api.rows import ask, aware
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.sessions.repository import SessionRepository
from ocpplog_query_api.sessions.schemas import Session

_AROUND: Final = timedelta(days=7)
"""Read before and behind a page, to know all of the sessions that start or stop in it."""


class TimelineRepository:
    """Everything it returns lies within `scope`."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._database = database
        self._scope = scope

    async def page(self, wanted: Happenings, limit: int, after: Sequence[str] | None) -> tuple[list[Item], Sequence[str] | None]:
        """Items, newest first, and the place after which there are more (None: there are none)."""
        entries, events = await asyncio.gather(self._entries(wanted, after, limit + 1), self._events(wanted, after, limit + 1))
        ordered = sorted([*entries, *events], key=lambda row: (row["datetime"], row["name"]), reverse=True)
        rows = ordered[:limit]
        sessions, ends = await asyncio.gather(self._sessions(wanted, rows), self._ends(wanted, rows))
        items = [entry_item(row, sessions) if "sequence" in row else connection_item(row, ends) for row in rows]
        return items, _place(rows[-1]) if len(ordered) > limit else None

    async def _entries(self, wanted: Happenings, after: Sequence[str] | None, limit: int) -> list[Row]:
        if wanted.kinds <= {"connection"}:
            return []
        statement = query.entries(self._database.name, self._scope, wanted, after, limit)
        return await ask(self._database, "timeline entries", statement)

    async def _events(self, wanted: Happenings, after: Sequence[str] | None, limit: int) -> list[Row]:
        if "connection" not in wanted.kinds:
            return []
        statement = query.events(self._database.name, self._scope, wanted, after, limit)
        return await ask(self._database, "timeline events", statement)

    async def _ends(self, wanted: Happenings, rows: Sequence[Row]) -> Mapping[UUID, Any]:
        begun = [row["connection_id"] for row in rows if row["kind"] == "connect"]
        if not begun:
            return {}
        statement = query.ends(self._database.name, self._scope, wanted.charger, wanted.sites, begun)
        return {row["connection_id"]: row["ended_at"] for row in await ask(self._database, "timeline ends", statement)}

    async def _sessions(self, wanted: Happenings, rows: Sequence[Row]) -> list[Session]:
        told = [row for row in rows if row["kind"] == "session" and row["transaction_id"]]
        sessions = SessionRepository(self._database, self._scope)
        found = await asyncio.gather(
            *(sessions.around((site, wanted.charger), *_span(told, site)) for site in sorted({row["site_id"] for row in told}))
        )
        return [session for some in found for session in some]


def _span(rows: Sequence[Row], site: str) -> tuple[list[str], datetime, datetime]:
    """The transactions of a site, and the time around them."""
    here = [row for row in rows if row["site_id"] == site]
    moments = [aware(row["datetime"]) for row in here]
    return sorted({row["transaction_id"] for row in here}), min(moments) - _AROUND, max(moments) + _AROUND


def _place(row: Row) -> tuple[str, str]:
    return times.for_clickhouse(aware(row["datetime"])), row["name"]
