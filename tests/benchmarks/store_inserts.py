"""What an insert costs: batches of one Kafka partition, as the enricher sends them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.store_engine import DATABASE, TABLES, Engine, columns_of, in_turn

_PARTITION: Final = 3
_WARM_UP: Final = 3
_LEFT_OUT: Final = ("stored_at", "retention_days")


@dataclass(frozen=True, slots=True)
class Inserts:
    """Seconds of each insert, by table: of the clock, and of all of this process's threads."""

    rows: int
    wall: dict[str, list[float]]
    cpu: dict[str, list[float]]


def measure(engine: Engine, rows: int, repetitions: int) -> Inserts:
    """The tables in turn, into empty copies of them, without merges beside."""
    wall: dict[str, list[float]] = {table: [] for table in TABLES}
    cpu: dict[str, list[float]] = {table: [] for table in TABLES}
    batches = {table: _batches(engine, table, rows, repetitions + _WARM_UP) for table in TABLES}
    for table in TABLES:
        engine.command(f"CREATE OR REPLACE TABLE {DATABASE}.into_{table} AS {DATABASE}.{table}")
    engine.command("SYSTEM STOP MERGES")
    for number in range(repetitions + _WARM_UP):
        for table in in_turn(number):
            spent = _insert(engine, table, batches[table][number], f"{rows}:{number}")
            if number >= _WARM_UP:
                wall[table].append(spent[0])
                cpu[table].append(spent[1])
    for table in TABLES:
        engine.command(f"DROP TABLE {DATABASE}.into_{table} SYNC")
    engine.command("SYSTEM START MERGES")
    return Inserts(rows, wall, cpu)


def _insert(engine: Engine, table: str, block: str, token: str) -> tuple[float, float]:
    settings = f"async_insert = 0, input_format_parallel_parsing = 0, insert_deduplication_token = '{token}'"
    sql = f"INSERT INTO {DATABASE}.into_{table} SETTINGS {settings} FORMAT JSONEachRow {block}"
    cpu, wall = time.process_time(), time.perf_counter()
    engine.command(sql)
    return time.perf_counter() - wall, time.process_time() - cpu


def _batches(engine: Engine, table: str, rows: int, count: int) -> list[str]:
    columns = ", ".join(name for name in columns_of(engine, table) if name not in _LEFT_OUT)
    lines = engine.lines(
        f"SELECT {columns} FROM {DATABASE}.{table} WHERE kafka_partition = {_PARTITION}"
        f" ORDER BY kafka_offset LIMIT {rows * count}"
    )
    said = [_without_defaults(json.loads(line)) for line in lines]
    return ["\n".join(said[number * rows : (number + 1) * rows]) for number in range(count)]


def _without_defaults(row: dict[str, Any]) -> str:
    """As the enricher writes rows: what is absent is left out."""
    given = {name: value for name, value in row.items() if value not in (None, "", [], 0, "0")}
    return json.dumps(given, separators=(",", ":"))
