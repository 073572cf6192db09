"""What a charger leaves on disk in a day: `python -m benchmarks.capacity` in tests/.

A day of a fleet, by the enricher's rules, in the tables as the migrations leave them, merged. For docs/capacity.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks.report import context, say
from benchmarks.store_engine import DATABASE, Engine
from ocpplog_common.clickhouse import tables
from ocpplog_common.clickhouse.migrate import migrate
from ocpplog_common.envelope import Envelope
from ocpplog_enricher.domain import schemas
from ocpplog_enricher.domain.rows import Enriched
from support.enriching import Enriching
from support.fleet import traffic

_RECORD_BYTES: Final = 10 + 61
"""Of a record on Kafka besides key, value and headers, and of the batch that it has for itself in a large, quiet fleet."""
_HEADER_BYTES: Final = 2
_AT_ONCE: Final = 100_000


class Day:
    """Frames in, rows in the tables."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self._engine, self._file = engine, directory / "rows"
        self._rows: dict[str, list[Any]] = {tables.LOG: [], tables.METER_SAMPLE: []}
        self._enriching = Enriching(keep=self._keep)
        self.frames = self.kafka_bytes = 0

    def run(self, frames: Iterator[Envelope]) -> None:
        for envelope in frames:
            self._enriching.take(envelope)
            self.frames += 1
            self.kafka_bytes += _record_bytes(envelope)
            if self.frames % _AT_ONCE == 0:
                self._store()
                say(f"{self.frames:,} frames")
        self._store()

    def _keep(self, enriched: Enriched) -> None:
        self._rows[tables.LOG].append(enriched.log)
        self._rows[tables.METER_SAMPLE] += enriched.samples

    def _store(self) -> None:
        for table, rows in self._rows.items():
            if not rows:
                continue
            names = rows[0].__struct_fields__
            columns = ", ".join(names)
            self._file.write_bytes(msgspec.json.Encoder().encode_lines(map(msgspec.structs.astuple, rows)))
            self._engine.command(
                f"INSERT INTO {DATABASE}.{table} ({columns}) SETTINGS date_time_input_format = 'basic'"
                f" SELECT * FROM file('{self._file}', 'JSONCompactEachRow', '{self._structure(table, names)}')"
            )
            rows.clear()

    def _structure(self, table: str, columns: tuple[str, ...]) -> str:
        sql = f"SELECT name, type FROM system.columns WHERE database = '{DATABASE}' AND table = '{table}'"
        types = dict(self._engine.query(sql).result_rows)
        return ", ".join(f"{name} {types[name]}" for name in columns).replace("'", "\\'")


def _record_bytes(envelope: Envelope) -> int:
    headers = sum(len(name) + len(value) + _HEADER_BYTES for name, value in envelope.headers())
    return _RECORD_BYTES + len(envelope.key()) + len(envelope.frame) + headers


def _sizes(engine: Engine, table: str) -> tuple[int, int]:
    """Rows, and bytes on disk."""
    engine.command(f"OPTIMIZE TABLE {DATABASE}.{table} FINAL")
    sql = f"SELECT sum(rows), sum(bytes_on_disk) FROM system.parts WHERE database = '{DATABASE}' AND table = '{table}' AND active"
    [(rows, size)] = engine.query(sql).result_rows
    return int(rows), int(size)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.capacity", description=__doc__)
    parser.add_argument("--chargers", type=int, default=1000)
    parser.add_argument("--json", type=Path, help="write what was found to this file")
    options = parser.parse_args()
    schemas.load()
    with tempfile.TemporaryDirectory(prefix="ocpplog-bench-") as scratch:
        engine = Engine(Path(scratch) / "data")
        migrate(engine, DATABASE)
        day = Day(engine, Path(scratch))
        day.run(traffic(options.chargers, 24))
        found = {table: _sizes(engine, table) for table in (tables.LOG, tables.METER_SAMPLE)}
        engine.close()
    figures = {"frames a charger": day.frames / options.chargers, "bytes a frame on Kafka": day.kafka_bytes / day.frames}
    for table, (rows, size) in found.items():
        figures |= {f"{table}: rows a charger": rows / options.chargers, f"{table}: bytes a row": size / rows}
    print("  ".join(f"{name} {value}" for name, value in context().items()), end="\n\n")
    print("\n".join(f"{name:<32} {value:>10,.1f}" for name, value in figures.items()))
    if options.json:
        options.json.write_text(json.dumps({**context(), "chargers": options.chargers, **figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
