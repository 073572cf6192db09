"""Rows as the tables have them, and what callers get of their values."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from ocpplog_query_api.database import Database, Row
from ocpplog_query_api.logs import times
from ocpplog_query_api.logs.identity import EntryId
from ocpplog_query_api.logs.query import Statement


async def ask(database: Database, label: str, statement: Statement) -> list[Row]:
    """Raises what Database.rows does."""
    return await database.rows(label, statement.sql, statement.parameters)


def iso(moment: datetime | None) -> str | None:
    return times.iso(moment) if moment else None


def aware(moment: datetime) -> datetime:
    """ClickHouse's client returns moments without a zone: they are UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def milliseconds(moment: datetime) -> int:
    """Since 1970."""
    return round(aware(moment).timestamp() * 1000)


def entry_id(moment: datetime, connection_id: UUID, sequence: int) -> str:
    """The name of a row of the log, for /v1/logs/{id}."""
    return str(EntryId(milliseconds(moment), connection_id.hex, sequence))
