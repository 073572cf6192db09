"""Exports of 10,000 entries with all columns through the API, against ClickHouse's own CSV of the same query.

Both over HTTP, from the same server, in the same run; the bound is on CSV. `python -m benchmarks.export` in tests/.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Final

import clickhouse_connect
import httpx
from clickhouse_connect.driver import Client

from benchmarks.figures import median
from benchmarks.report import context, say
from benchmarks.store_engine import DATABASE, OURS, Engine, columns_of
from benchmarks.store_rows import log_rows
from ocpplog_common import tokens
from ocpplog_common.clickhouse.migrate import migrate
from ocpplog_common.tokens import Role
from ocpplog_query_api.exports.columns import ALL
from ocpplog_query_api.exports.query import sources
from ocpplog_query_api.logs import query
from ocpplog_query_api.logs.query import Search, Statement
from ocpplog_query_api.scope import Scope
from support.processes import Process, free_port, local_clickhouse, wait_for_http

ENTRIES: Final = 10_000
BOUND: Final = 2.0
_CHUNKS: Final = 14
FORMATS: Final = ("csv", "ndjson", "parquet", "xlsx")
_SITES: Final = tuple(f"SITE-{number:04}" for number in range(0, 400, 8))


@dataclass(frozen=True, slots=True)
class Figure:
    """Seconds until the last byte, of ClickHouse's CSV and of the export in each format; `first`: until its first byte."""

    name: str
    reference: list[float]
    exports: dict[str, list[float]]
    first: dict[str, list[float]]

    def ratio(self, form: str) -> float:
        return median(self.exports[form]) / median(self.reference)

    @property
    def met(self) -> bool:
        return self.ratio("csv") <= BOUND

    def as_text(self) -> str:
        lines = [f"{self.name}: ClickHouse's CSV {_milliseconds(self.reference)}"]
        for form, seconds in self.exports.items():
            verdict = f"  <= {BOUND:g} {'met' if self.met else 'MISSED'}" if form == "csv" else ""
            first = f"first byte {median(self.first[form]) * 1000:.0f} ms"
            lines.append(f"  {form:<8} {self.ratio(form):>5.2f}  {_milliseconds(seconds)}  {first}{verdict}")
        return "\n".join(lines)


def _milliseconds(seconds: list[float]) -> str:
    low, middle, high = (one * 1000 for one in (min(seconds), median(seconds), max(seconds)))
    return f"{middle:.0f} ms ({low:.0f} to {high:.0f})"


@dataclass(frozen=True, slots=True)
class Bench:
    client: Client
    api: httpx.Client
    database: str = DATABASE

    def reference(self, search: Search) -> Statement:
        return query.page(self.database, Scope(None), search, sources(ALL), "desc", ENTRIES, None)

    def csv(self, statement: Statement) -> float:
        started = time.perf_counter()
        with self.client.raw_stream(statement.sql, statement.parameters, fmt="CSVWithNames") as stream:
            size = sum(map(len, stream))
        assert size > ENTRIES * 500, size
        return time.perf_counter() - started

    def export(self, form: str, search: Search) -> tuple[float, float]:
        """Seconds to the first and to the last byte."""
        filters = {
            "site": list(search.sites),
            "from": search.since.isoformat() if search.since else "",
            "q": " ".join(search.terms),
        }
        started = time.perf_counter()
        with self.api.stream("GET", "/v1/logs/export", params={"format": form, "columns": "all", **filters}) as answer:
            assert answer.status_code == 200, answer.read()
            assert answer.headers["x-ocpplog-entries"] == str(ENTRIES)
            first = 0.0
            for _ in answer.iter_raw():
                first = first or time.perf_counter() - started
        return first, time.perf_counter() - started


def fill(directory: Path, rows: int) -> None:
    """The log alone, by the day."""
    engine = Engine(directory)
    migrate(engine, DATABASE)
    columns = ", ".join(columns_of(engine, OURS))
    for number in range(_CHUNKS):
        first, end = rows * number // _CHUNKS, rows * (number + 1) // _CHUNKS
        engine.command(f"INSERT INTO {DATABASE}.{OURS} ({columns}) SELECT {columns} FROM ({log_rows(first, end, rows)})")
        say(f"{end:,} rows")
    engine.command(f"OPTIMIZE TABLE {DATABASE}.{OURS} FINAL")
    engine.close()


@contextmanager
def running(directory: Path) -> Iterator[Bench]:
    """The local ClickHouse on the rows, and the API on that."""
    key_file, port = directory / "key", free_port()
    key = tokens.create_key(key_file)
    with local_clickhouse(directory) as store, clickhouse_connect.get_client(port=store.port, compress=False) as client:
        environment = {
            "OCPPLOG_API_RATE_PER_S": "0",
            "OCPPLOG_API_PORT": str(port),
            "OCPPLOG_API_JWT_KEY_FILE": str(key_file),
            "OCPPLOG_CLICKHOUSE_URL": store.url,
            "OCPPLOG_CLICKHOUSE_DATABASE": DATABASE,
            "OCPPLOG_LOG_LEVEL": "warning",
        }
        process = Process(sys.executable, "-m", "ocpplog_query_api", env=environment).start()
        url = f"http://127.0.0.1:{port}"
        try:
            wait_for_http(f"{url}/readyz", process)
            headers = {"Authorization": f"Bearer {tokens.mint(key, 'bench', Role.ANALYST, ('*',), 3600)}"}
            with httpx.Client(base_url=url, headers=headers, timeout=120) as api:
                yield Bench(client, api)
        finally:
            process.close()


def searches(client: Client, database: str = DATABASE) -> dict[str, Search]:
    """Searches that match ENTRIES entries, no more and no less."""
    found = {}
    for name, search in (("fifty sites", Search(sites=_SITES)), ("all sites, a term", Search(terms=("MeterValues",)))):
        conditions = query.matching(Scope(None), search)
        sql = f"SELECT datetime FROM {database}.{OURS} WHERE {conditions.sql()} ORDER BY datetime DESC LIMIT {ENTRIES - 1}, 2"
        rows = client.query(sql, conditions.parameters).result_rows
        [(since,), (before,)] = rows
        if since == before:
            raise SystemExit(f"{name}: the {ENTRIES}th and the next entry share their time: take other rows")
        since = since.replace(tzinfo=UTC) if since.tzinfo is None else since
        found[name] = Search(sites=search.sites, terms=search.terms, since=since)
    return found


def measure(bench: Bench, name: str, search: Search, repetitions: int, forms: Sequence[str] = FORMATS) -> Figure:
    figure = Figure(name, [], {form: [] for form in forms}, {form: [] for form in forms})
    statement = bench.reference(search)
    for repetition in range(repetitions + 1):
        steps: list[Callable[[], None]] = [lambda: figure.reference.append(bench.csv(statement))]
        steps += [lambda form=form: _export(bench, figure, form, search) for form in forms]  # type: ignore[misc]
        for step in steps if repetition % 2 else steps[::-1]:
            step()
        if not repetition:
            for samples in (figure.reference, *figure.exports.values(), *figure.first.values()):
                samples.clear()
    return figure


def _export(bench: Bench, figure: Figure, form: str, search: Search) -> None:
    first, last = bench.export(form, search)
    figure.first[form].append(first)
    figure.exports[form].append(last)


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.export", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="400,000 rows instead of 2,000,000, and fewer repetitions")
    parser.add_argument("--rows", type=int, help="how many exchanges, of 14 days")
    parser.add_argument("--directory", type=Path, help="where the table is made and removed again: some 250 bytes a row")
    parser.add_argument("--json", type=Path, help="write everything that was found to this file")
    parser.add_argument("--check", action="store_true", help="exit with 1 where the bound is missed")
    arguments = parser.parse_args()
    rows, repetitions = (400_000, 5) if arguments.quick else (2_000_000, 11)
    rows = arguments.rows or rows
    with tempfile.TemporaryDirectory(prefix="ocpplog-bench-", dir=arguments.directory) as scratch:
        fill(Path(scratch) / "engine", rows)
        with running(Path(scratch)) as bench:
            figures = [measure(bench, *found, repetitions) for found in searches(bench.client).items()]
    print("  ".join(f"{name} {value}" for name, value in context().items()), f"rows {rows:,}", end="\n\n")
    print("\n".join(figure.as_text() for figure in figures))
    if arguments.json:
        found = [{"name": one.name, "reference": one.reference, "exports": one.exports, "met": one.met} for one in figures]
        arguments.json.write_text(json.dumps({**context(), "rows": rows, "figures": found}, indent=2) + "\n")
    return int(arguments.check and not all(figure.met for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
