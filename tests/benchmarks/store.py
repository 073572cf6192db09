"""The log's table against a reference with the same exchanges: bytes, inserts, queries.

`python -m benchmarks.store` in tests/.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import median
from benchmarks.report import context, say
from benchmarks.store_engine import OURS, REFERENCE, TABLES, Engine, bytes_a_row, create, fill, in_turn
from benchmarks.store_inserts import measure
from benchmarks.store_queries import Question, answered, questions, seconds
from ocpplog_query_api.logs.query import Statement

SIZE_BOUND: Final = 0.75
NOISE: Final = 1.1
"""What two runs of the same may differ by: a bound of 1 counts as met up to here."""
INSERTS: Final = (200, 1000)


@dataclass(frozen=True, slots=True)
class Plan:
    """`repetitions` of a query, and as many more as fit into `seconds`, but at most MOST: seven of 10 ms do not tell a tenth."""

    rows: int
    repetitions: int
    seconds: float
    inserts: int

    def times(self, once_s: float) -> int:
        return max(self.repetitions, min(MOST, int(self.seconds / once_s)))


MOST: Final = 51
FULL: Final = Plan(rows=20_000_000, repetitions=7, seconds=1.5, inserts=60)
QUICK: Final = Plan(rows=1_000_000, repetitions=3, seconds=0.0, inserts=15)


@dataclass(frozen=True, slots=True)
class Figure:
    """`samples`: of each table, in `unit`. `value`: ours by the reference's, of the medians. `rows`: that a query answers, of
    each table: where they differ, it is not the same question."""

    name: str
    unit: str
    bound: float
    samples: dict[str, list[float]]
    rows: dict[str, int]

    @property
    def applied(self) -> float:
        return NOISE if self.bound == 1 else self.bound

    @property
    def value(self) -> float:
        return median(self.samples[OURS]) / median(self.samples[REFERENCE])

    @property
    def met(self) -> bool:
        return self.value <= self.applied and len(set(self.rows.values())) < 2

    def as_text(self) -> str:
        found = (self.samples[table] for table in TABLES)
        spread = "  ".join(f"{median(one):>9.1f} ({min(one):.1f} to {max(one):.1f})" for one in found)
        verdict = "met" if self.met else "MISSED"
        rows = "" if len(set(self.rows.values())) < 2 else f"  OTHER ROWS: {self.rows}"
        return f"{self.name:<34} {self.value:>5.2f}  <= {self.applied:<4g} {verdict:<7} {self.unit:<7} {spread}{rows}"


def _inserts(engine: Engine, plan: Plan) -> list[Figure]:
    figures = []
    for rows in INSERTS:
        found = measure(engine, rows, plan.inserts)
        for kind, spent in (("wall", found.wall), ("CPU", found.cpu)):
            samples = {table: [one * 1000 for one in spent[table]] for table in TABLES}
            figures.append(Figure(f"insert of {rows:,}, {kind}", "ms", 1, samples, {}))
    return figures


def _query(engine: Engine, asked: Question, plan: Plan) -> Figure:
    statements = {REFERENCE: [Statement(asked.reference, {})], OURS: asked.ours(engine)}

    def both(repetition: int) -> dict[str, float]:
        return {table: seconds(engine, statements[table]) for table in in_turn(repetition)}

    both(0)  # to warm up
    spent = [both(1)]
    spent += [both(repetition) for repetition in range(2, plan.times(sum(spent[0].values())) + 1)]
    samples = {table: [one[table] * 1000 for one in spent] for table in TABLES}
    rows = {table: answered(engine, statements[table][-1]) for table in TABLES}
    return Figure(asked.name, "ms", asked.bound, samples, rows)


def _run(directory: Path, plan: Plan) -> tuple[list[Figure], dict[str, Any]]:
    engine = Engine(directory)
    create(engine)
    fill(engine, plan.rows, say)
    parts = {table: bytes_a_row(engine, table) for table in TABLES}
    figures = [Figure("bytes a row", "bytes", SIZE_BOUND, {table: [parts[table]["total"]] for table in TABLES}, {})]
    figures += _inserts(engine, plan)
    for asked in questions():
        figures.append(_query(engine, asked, plan))
        say(figures[-1].as_text())
    engine.close()
    return figures, parts


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.store", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a million rows instead of twenty: too thin for the bounds of bytes and of all sites"
    )
    parser.add_argument("--rows", type=int, help="how many exchanges, of 14 days")
    parser.add_argument("--inserts", type=int, help="how many of each size")
    parser.add_argument("--directory", type=Path, help="where the tables are made and removed again: some 250 bytes a row")
    parser.add_argument("--json", type=Path, help="write everything that was found to this file")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a bound is missed")
    arguments = parser.parse_args()
    base = QUICK if arguments.quick else FULL
    inserts = arguments.inserts or base.inserts
    if arguments.rows is not None and arguments.rows < inserts * INSERTS[-1] * 48:
        parser.error("too few rows for the inserts, which take those of one Kafka partition of 24")
    plan = replace(base, rows=arguments.rows or base.rows, inserts=inserts)
    with tempfile.TemporaryDirectory(prefix="ocpplog-bench-", dir=arguments.directory) as scratch:
        figures, parts = _run(Path(scratch), plan)
    print("  ".join(f"{name} {value}" for name, value in context().items()), f"rows {plan.rows:,}", end="\n\n")
    print(f"{'':<34} ratio  bound                {REFERENCE}, then ours: median (range)")
    print("\n".join(figure.as_text() for figure in figures))
    for table in TABLES:
        print(f"\n{table}: " + ", ".join(f"{name} {size:.1f}" for name, size in parts[table].items() if size >= 0.05))
    if arguments.json:
        found = [{**asdict(figure), "applied": figure.applied, "value": figure.value, "met": figure.met} for figure in figures]
        arguments.json.write_text(json.dumps({**context(), "rows": plan.rows, "figures": found, "bytes": parts}, indent=2) + "\n")
    return int(arguments.check and not all(figure.met for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
