"""The whole pipeline under a constant load of real WebSockets, and whether anything grows or is lost.

`python -m benchmarks.soak` in tests/.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.freshness import CHARGERS
from benchmarks.pipeline import pipeline
from benchmarks.report import context
from benchmarks.soak.report import report, write
from benchmarks.soak.run import Found, Plan, run

MINUTES: Final = 60.0
RATE: Final = 500
"""Frames a second: half of the 1,000 at which two cores are full, with all processes, chargers and readers on them, and Apache
Kafka: 99 of 100 exchanges are found in 1.7 s then, in 1.3 s at 500. 10,000 chargers send as many in their busiest hour."""
_QUICK_MINUTES: Final = 3.0
_WARM_UP: Final = 0.25
"""Of the run: pools fill, caches fill, the look-back of a minute fills."""
_SAMPLES: Final = 240
_LEAST_EVERY_S: Final = 3.0


def _plan(minutes: float, rate: int) -> Plan:
    return Plan(rate, 60 * minutes, max(_LEAST_EVERY_S, 60 * minutes / _SAMPLES), 60 * minutes * _WARM_UP)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, help=f"how long (default: {MINUTES:g})")
    parser.add_argument("--rate", type=int, default=RATE, help="frames a second, answers among them (default: %(default)s)")
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
