"""Measures the curves of docs/proof/benchmarks.md, each to a JSON file: `python -m benchmarks.curves` in tests/."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.curves import connections, enrichers, rate, rows
from benchmarks.curves.curve import Curve
from benchmarks.report import context


@dataclass(frozen=True, slots=True)
class Plan:
    """How far each curve goes, and how often each of its points is measured."""

    connections: tuple[int, ...]
    rows: tuple[int, ...]
    rate: tuple[int, ...]
    rate_s: float
    enrichers: tuple[int, ...]
    frames: int
    repetitions: int


FULL: Final = Plan(
    connections=(10, 100, 300, 1000, 3000, 5000),
    rows=(1_000_000, 5_000_000, 20_000_000, 50_000_000),
    rate=(100, 500, 1000, 1500, 2000, 3000, 4000, 5000, 6000, 8000),
    rate_s=20,
    enrichers=(1, 2, 4),
    frames=240_000,
    repetitions=5,
)
QUICK: Final = Plan(
    connections=(10, 100, 300),
    rows=(100_000, 400_000),
    rate=(200, 500, 1000),
    rate_s=3,
    enrichers=(1, 2),
    frames=30_000,
    repetitions=2,
)


def _curves(plan: Plan, quick: bool) -> Mapping[str, Callable[[Path], Curve]]:
    return {
        "connections": lambda scratch: connections.measure(scratch, plan.connections, quick),
        "rows": lambda scratch: rows.measure(scratch, plan.rows, plan.repetitions),
        "rate": lambda scratch: rate.measure(scratch, plan.rate, plan.rate_s, plan.repetitions),
        "enrichers": lambda scratch: enrichers.measure(scratch, plan.enrichers, plan.frames, plan.repetitions),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.curves", description=__doc__)
    parser.add_argument("curves", nargs="*", help="which of connections, rows, rate, enrichers (default: all)")
    parser.add_argument("--quick", action="store_true", help="short curves, two repetitions: whether it works")
    parser.add_argument("--rows", type=int, nargs="+", help="how many rows the tables have")
    parser.add_argument("--directory", type=Path, help="where tables are made, some 100 bytes a row; kept for another run")
    parser.add_argument("--json", type=Path, required=True, help="the directory of the files")
    arguments = parser.parse_args()
    plan = QUICK if arguments.quick else FULL
    if arguments.rows:
        plan = replace(plan, rows=tuple(sorted(arguments.rows)))
    known = _curves(plan, arguments.quick)
    if unknown := set(arguments.curves) - set(known):
        parser.error(f"no such curve: {', '.join(sorted(unknown))}")
    for name in arguments.curves or known:
        _keep(arguments.json / f"{name}.json", known[name], arguments.directory, arguments.quick)
    return 0


def _keep(file: Path, measure: Callable[[Path], Curve], directory: Path | None, quick: bool) -> None:
    """Each curve by itself: one that breaks off leaves the others."""
    before = context()
    with tempfile.TemporaryDirectory(prefix="ocpplog-bench-") as scratch:
        place = directory or Path(scratch)
        place.mkdir(parents=True, exist_ok=True)
        found = measure(place)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**before, "quick": quick, **found.as_json()}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
