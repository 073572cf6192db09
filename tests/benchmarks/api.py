"""The query API against what its own statements cost in ClickHouse, over HTTP, with one caller and with eight.

`python -m benchmarks.api` in tests/.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.api_measures import Figure, Measures, deep
from benchmarks.api_requests import asked
from benchmarks.api_rig import api, client, fill, store
from benchmarks.report import context, say
from support.processes import LocalClickHouse


@dataclass(frozen=True, slots=True)
class Plan:
    """`rows`: of each table; the largest is the one that everything is asked of."""

    rows: Sequence[int]
    repetitions: int
    seconds: float


FULL: Final = Plan(rows=(1_000_000, 5_000_000, 20_000_000), repetitions=12, seconds=4)
QUICK: Final = Plan(rows=(200_000, 1_000_000), repetitions=6, seconds=1)


@dataclass(frozen=True, slots=True)
class Found:
    """`by_rows`: of each table, milliseconds of the API by question."""

    figures: Sequence[Figure]
    by_rows: Mapping[int, Mapping[str, float]]

    @property
    def met(self) -> bool:
        return all(figure.met for figure in self.figures)

    def as_json(self) -> dict[str, Any]:
        figures = [{**asdict(figure), "value": figure.value, "met": figure.met} for figure in self.figures]
        return {**context(), "met": self.met, "figures": figures, "by_rows": self.by_rows}

    def as_text(self) -> str:
        row = "{:<36} {:>7} {:>11} {:>9}  {:>6} {:>7}  {:<7} {}".format
        lines = [row("", "callers", "ClickHouse", "API", "", "", "bound", "").rstrip()]
        for figure in self.figures:
            reference = "" if figure.reference is None else f"{figure.reference:,.1f}"
            figures = (reference, f"{figure.ours:,.1f}", figure.target.compared, f"{figure.value:.3g}")
            bound = f"<= {figure.target.bound:g}"
            lines.append(row(figure.name, figure.callers, *figures, bound, "met" if figure.met else "MISSED"))
        return "\n".join([*lines, "", "milliseconds of the API, by rows of the table", *self._rows()])

    def _rows(self) -> list[str]:
        sizes = sorted(self.by_rows)
        lines = [f"{'':<36}" + "".join(f"{size:>13,}" for size in sizes)]
        names = self.by_rows[sizes[-1]]
        return lines + [f"{name:<36}" + "".join(f"{self.by_rows[size].get(name, 0):>13.1f}" for size in sizes) for name in names]


def _run(directory: Path, plan: Plan) -> Found:
    figures: list[Figure] = []
    by_rows: dict[int, dict[str, float]] = {}
    with store(directory) as server:
        with client(server) as one:
            for rows in plan.rows:
                fill(one, _database(rows), rows)
        for rows in plan.rows:
            alone, others = _measure(server, directory, plan, rows)
            by_rows[rows] = {figure.name: figure.ours for figure in alone}
            figures = [*alone, *others]
    return Found(figures, by_rows)


def _measure(server: LocalClickHouse, directory: Path, plan: Plan, rows: int) -> tuple[list[Figure], list[Figure]]:
    """Of the largest table everything; of others, the questions alone."""
    with api(server, _database(rows), directory) as served:
        measures, questions = Measures(served, plan.repetitions, plan.seconds), asked(served)
        alone = [_said(measures.alone(question)) for question in questions]
        if rows < max(plan.rows):
            return alone, []
        return alone, [
            *(_said(measures.crowd(question)) for question in questions),
            *measures.first_bytes(),
            *measures.exports(),
            measures.indexed(),
            *deep(alone),
        ]


def _said(figure: Figure) -> Figure:
    say(f"{figure.name}, {figure.callers}: {figure.reference or 0:.1f} ms, {figure.ours:.1f} ms by the API")
    return figure


def _database(rows: int) -> str:
    return f"bench_{rows}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.api", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a million rows instead of twenty, and fewer repetitions: too thin for the bound of the index",
    )
    parser.add_argument("--rows", type=int, nargs="+", help="how many rows the tables have, of 14 days")
    parser.add_argument("--repetitions", type=int, help="of a request alone")
    parser.add_argument("--seconds", type=float, help="how long several callers ask for the same")
    parser.add_argument("--directory", type=Path, help="where the tables are made, some 100 bytes a row; kept for another run")
    parser.add_argument("--json", type=Path, help="write everything that was found to this file")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a bound is missed")
    arguments = parser.parse_args()
    base = QUICK if arguments.quick else FULL
    repetitions, seconds = arguments.repetitions or base.repetitions, arguments.seconds or base.seconds
    plan = Plan(sorted(arguments.rows or base.rows), repetitions, seconds)
    if arguments.directory:
        arguments.directory.mkdir(parents=True, exist_ok=True)
        found = _run(arguments.directory, plan)
    else:
        with tempfile.TemporaryDirectory(prefix="ocpplog-bench-") as scratch:
            found = _run(Path(scratch), plan)
    print("  ".join(f"{name} {value}" for name, value in context().items()), f"rows {max(plan.rows):,}", end="\n\n")
    print(found.as_text())
    if arguments.json:
        arguments.json.write_text(json.dumps(found.as_json(), indent=2) + "\n")
    return int(arguments.check and not found.met)


if __name__ == "__main__":
    sys.exit(main())
