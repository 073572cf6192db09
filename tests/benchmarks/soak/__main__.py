"""The whole pipeline under a constant load of real WebSockets, and whether anything grows or is lost.

`python -m benchmarks.soak` in tests/.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.enricher import FRESHNESS
from benchmarks.freshness import CHARGERS
from benchmarks.graphs import PROOF
from benchmarks.pipeline import pipeline
from benchmarks.report import context
from benchmarks.soak.report import report, write
from benchmarks.soak.run import Found, Plan, run

MINUTES: Final = 60.0
RATE: Final = 500
"""Frames a second, where the curve of freshness by rate was not measured: 10,000 chargers send as many in their busiest hour."""
_CURVE: Final = PROOF / "curves/rate.json"
_QUICK_MINUTES: Final = 3.0
_WARM_UP: Final = 0.25
"""Of the run: pools fill, caches fill, the look-back of a minute fills."""
_SAMPLES: Final = 240
_LEAST_EVERY_S: Final = 3.0


def maximum(curve: Path) -> int:
    """The highest rate at which freshness was within its bound; 0 where that was not measured.

    The machine takes more frames than that, and shows them later than is promised.
    """
    if not curve.exists():
        return 0
    points = json.loads(curve.read_text())["lines"]["p99"]
    return max((int(point["x"]) for point in points if FRESHNESS.met(point["median"])), default=0)


def _plan(minutes: float, rate: int | None) -> Plan:
    most = maximum(_CURVE)
    every_s = max(_LEAST_EVERY_S, 60 * minutes / _SAMPLES)
    return Plan(rate or most // 2 or RATE, 60 * minutes, every_s, 60 * minutes * _WARM_UP, most)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, help=f"how long (default: {MINUTES:g})")
    parser.add_argument("--rate", type=int, help="frames a second, answers among them (default: half of what the curve has)")
    parser.add_argument("--quick", action="store_true", help=f"{_QUICK_MINUTES:g} minutes: sees large leaks only")
    parser.add_argument("--json", type=Path, help="write what was found to this file; page and graphs beside it")
    parser.add_argument("--logs", type=Path, help="keep the processes' logs in this directory")
    return parser.parse_args()


def main() -> int:
    arguments, before = _arguments(), context()
    plan = _plan(arguments.minutes or (_QUICK_MINUTES if arguments.quick else MINUTES), arguments.rate)
    found = _run(plan, arguments.logs)
    whole = report(before, plan, arguments.quick, found)
    print(whole.as_page([]))
    if arguments.json:
        write(whole, arguments.json)
    return int(not whole.met)


def _run(plan: Plan, logs: Path | None) -> Found:
    with tempfile.TemporaryDirectory(prefix="ocpplog-soak-") as scratch:
        place = logs or Path(scratch)
        place.mkdir(parents=True, exist_ok=True)
        with pipeline(place, Path(scratch), CHARGERS, api=True) as found:
            return uvloop.run(run(found, plan, Path(scratch) / "clickhouse"))


if __name__ == "__main__":
    sys.exit(main())
