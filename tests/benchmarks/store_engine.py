"""An engine in this process, with the reference table and ours, filled with the same exchanges."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chdb import session

from benchmarks.store_rows import REFERENCE_COLUMNS, log_rows, reference_rows
from ocpplog_common.clickhouse.migrate import migrate

DATABASE: Final = "bench"
REFERENCE: Final = "reference"
OURS: Final = "ocpp_log"
TABLES: Final = (REFERENCE, OURS)
_REFERENCE_SQL: Final = Path(__file__).parent / "store_reference.sql"
_CHUNKS: Final = 14
"""Filled by the day: connections are of one day, and the numbers of their frames are counted within a chunk."""


@dataclass(frozen=True, slots=True)
class Result:
    result_rows: list[tuple[Any, ...]]


class Engine:
    """What the migrations need of a client, and what the benchmark needs of the engine."""

    def __init__(self, directory: Path) -> None:
        self._session = session.Session(str(directory))

    def command(self, cmd: str, parameters: Mapping[str, Any] | None = None) -> None:
        self._run(cmd, "Null", parameters)

    def query(self, query: str, parameters: Mapping[str, Any] | None = None) -> Result:
        text = str(self._run(query, "JSONCompactEachRow", parameters))
        return Result([tuple(json.loads(line)) for line in text.splitlines()])

    def lines(self, query: str) -> list[str]:
        """Rows as JSON, a line each."""
        return str(self._run(query, "JSONEachRow", None)).splitlines()

    def seconds(self, query: str, parameters: Mapping[str, Any] | None = None) -> float:
        started = time.perf_counter()
        self._run(query, "Null", parameters)
        return time.perf_counter() - started

    def close(self) -> None:
        self._session.close()

    def _run(self, sql: str, form: str, parameters: Mapping[str, Any] | None) -> Any:
        values = {name: _text(value) for name, value in (parameters or {}).items()}
        return self._session.query(sql, form, params=values) if values else self._session.query(sql, form)


def in_turn(number: int) -> Sequence[str]:
    """The tables in the order of a repetition: each goes first as often, as the second pays for what the first left behind."""
    return TABLES if number % 2 == 0 else TABLES[::-1]


def create(engine: Engine) -> None:
    """Both tables, empty; ours by the migrations, in the form in which they leave it."""
    migrate(engine, DATABASE)
    engine.command(_REFERENCE_SQL.read_text())


def fill(engine: Engine, rows: int, say: Callable[[str], None]) -> None:
    """`rows` exchanges in both, each merged to one part."""
    columns = ", ".join(columns_of(engine, OURS))
    for number in range(_CHUNKS):
        first, end = rows * number // _CHUNKS, rows * (number + 1) // _CHUNKS
        source = reference_rows(first, end, rows)
        engine.command(f"INSERT INTO {DATABASE}.{REFERENCE} ({', '.join(REFERENCE_COLUMNS)}) {source}")
        engine.command(f"INSERT INTO {DATABASE}.{OURS} ({columns}) SELECT {columns} FROM ({log_rows(first, end, rows)})")
        say(f"{end:,} rows")
    for table in TABLES:
        engine.command(f"OPTIMIZE TABLE {DATABASE}.{table} FINAL")
        say(f"{table}: merged")


def columns_of(engine: Engine, table: str) -> list[str]:
    sql = f"SELECT name FROM system.columns WHERE database = '{DATABASE}' AND table = '{table}' AND default_kind != 'ALIAS'"
    return [name for (name,) in engine.query(f"{sql} ORDER BY position").result_rows]


def bytes_a_row(engine: Engine, table: str) -> dict[str, float]:
    """By part of the table, the largest first; `total` is what the parts take on disk."""
    where = f"WHERE database = '{DATABASE}' AND table = '{table}'"
    totals = engine.query(f"SELECT sum(bytes_on_disk), sum(rows) FROM system.parts {where} AND active").result_rows
    [(total, rows)] = [(int(size), int(count)) for size, count in totals]
    columns = engine.query(
        f"SELECT column, sum(column_bytes_on_disk) FROM system.parts_columns {where} AND active GROUP BY column"
    )
    indexes = engine.query(f"SELECT concat('index ', name), data_compressed_bytes FROM system.data_skipping_indices {where}")
    found = {str(name): int(size) / rows for name, size in [*columns.result_rows, *indexes.result_rows]}
    return {"total": total / rows, **dict(sorted(found.items(), key=lambda item: -item[1]))}


def _text(value: Any) -> Any:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return value
    return "[" + ",".join("'" + str(item).replace("\\", "\\\\").replace("'", "\\'") + "'" for item in value) + "]"
