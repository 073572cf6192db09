"""Looks for rows that are stored twice, which nothing should be able to bring about (ADR 1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from ocpplog_common.clickhouse import tables

NAMES: Final = {tables.LOG: ("connection_id", "sequence"), tables.METER_SAMPLE: ("connection_id", "sequence", "sample")}
"""Table -> the columns that name a row for good."""
_STEP: Final = timedelta(hours=1)


class Asked(Protocol):
    """What of clickhouse_connect's Client the audit needs."""

    def query(self, query: str, parameters: dict[str, Any]) -> Any: ...


@dataclass(frozen=True, slots=True)
class Doubled:
    """A name that more than one row has. `name`: connection id (32 hex digits), sequence, and of a sample its place."""

    table: str
    name: tuple[str | int, ...]
    copies: int


def doubled(client: Asked, database: str, since: datetime, until: datetime) -> Iterator[Doubled]:
    """The doubled names of both tables among the rows of that time (`until` excluded; both aware).

    Hour by hour, to bound the memory: rows of one name have one time, that of their first frame.
    """
    for table in NAMES:
        start = since
        while start < until:
            end = min(start + _STEP, until)
            yield from _doubled(client, database, table, start, end)
            start = end


def _doubled(client: Asked, database: str, table: str, since: datetime, until: datetime) -> list[Doubled]:
    columns = ", ".join(NAMES[table])
    result = client.query(
        f"SELECT lower(hex(connection_id)), {columns.partition(', ')[2]}, count() AS copies FROM {database}.{table}"
        " WHERE datetime >= {since:DateTime64(3, 'UTC')} AND datetime < {until:DateTime64(3, 'UTC')}"
        f" GROUP BY {columns} HAVING copies > 1 ORDER BY {columns}",
        {"since": since, "until": until},
    )
    return [Doubled(table, tuple(row[:-1]), row[-1]) for row in result.result_rows]
