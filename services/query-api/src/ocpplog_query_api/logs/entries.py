"""Rows of the log, as callers get them. Without models on the way: of a page, those would take longer than ClickHouse does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from ocpplog_query_api.database import Row
from ocpplog_query_api.logs import times
from ocpplog_query_api.logs.identity import EntryId
from ocpplog_query_api.logs.schemas import LogEntry

_ALWAYS: Final = ("charger_id", "site_id", "source", "outcome", "gateway_id")
"""Columns that we fill ourselves: empty text in one is not the charger's silence."""
LISTED: Final = tuple(LogEntry.model_fields)
_ENCODER: Final = msgspec.json.Encoder()


def public(row: Row, fields: Sequence[str] = LISTED) -> Row:
    """What `fields` name, of a row with LIST_COLUMNS and KEY at least. Empty text is what a charger did not send: null."""
    values = {name: None if (value := row.get(name)) == "" and name not in _ALWAYS else value for name in fields}
    connection_id, at = row["connection_id"].hex, times.aware(row["datetime"])
    values["id"] = str(EntryId(round(at.timestamp() * 1000), connection_id, row["sequence"]))
    values["datetime"] = times.iso(at)
    if values.get("request_timestamp"):
        values["request_timestamp"] = times.iso(row["request_timestamp"], "auto")
    return values


def listed(row: Row) -> LogEntry:
    return LogEntry.model_validate(public(row))


def page(
    rows: Sequence[Row],
    next_cursor: str | None,
    total: int | None = None,
    is_lower_bound: bool | None = None,
    fields: Sequence[str] = LISTED,
) -> bytes:
    """A LogPage, as JSON; its entries have `id`, `datetime` and `fields`."""
    answer: dict[str, Any] = {"items": [public(row, fields) for row in rows], "next_cursor": next_cursor}
    return _ENCODER.encode(answer | {"total": total, "total_is_lower_bound": is_lower_bound})
