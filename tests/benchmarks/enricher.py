"""The enricher against a bare aiokafka loop and a stock Faust agent, and how soon its rows are found.

`python -m benchmarks.enricher` in tests/.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.backlog import Backlog, backlog
from benchmarks.figures import median
from benchmarks.freshness import freshness
from benchmarks.report import context, say
from benchmarks.targets import Target

BARE: Final = Target("bare loop", "ratio", 0.6, True, "frames/s")
"""The same work on aiokafka alone."""
STOCK: Final = Target("stock Faust", "ratio", 1.5, True, "frames/s")
"""An agent that does nothing but `noack_take`."""
FRESHNESS: Final = Target("freshness", "", 1.5, False, "s p99")
"""From the gateway to found by a query, at 1,000 frames a second, everything on this machine."""
PARTS: Final = ("throughput", "freshness")


@dataclass(frozen=True, slots=True)
class Plan:
    frames: int
    repetitions: int
    seconds: float


FULL: Final = Plan(frames=120_000, repetitions=5, seconds=60)
QUICK: Final = Plan(frames=60_000, repetitions=1, seconds=15)


@dataclass(frozen=True, slots=True)
class Figure:
    """`samples`: of each contestant, in the target's unit."""

    target: Target
    value: float
    samples: dict[str, list[float]]

    @property
    def met(self) -> bool:
        return self.target.met(self.value)

    def as_text(self) -> str:
        target = self.target
        bound = f"{'>=' if target.at_least else '<='} {target.bound:g}"
        spread = "  ".join(
            f"{name} {median(found):,.5g} ({min(found):,.5g} to {max(found):,.5g})" for name, found in self.samples.items()
        )
        return f"{target.name:<12} {self.value:>6.2f}  {bound:<7} {'met' if self.met else 'MISSED':<7} {target.unit:<9} {spread}"


def _throughput(plan: Plan, logs: Path) -> list[Figure]:
    samples: dict[str, list[float]] = {"enricher": [], "bare loop": [], "stock Faust": []}
    with backlog(logs, plan.frames) as found:
        for _ in range(plan.repetitions):
            for name, measure in _contestants(found).items():
                samples[name].append(measure())
                say(f"{name}: {samples[name][-1]:,.0f} frames/s")
    ours = median(samples["enricher"])
    return [
        Figure(target, ours / median(samples[target.name]), {name: samples[name] for name in ("enricher", target.name)})
        for target in (BARE, STOCK)
    ]


def _contestants(found: Backlog) -> dict[str, Any]:
    return {"enricher": found.enricher, "bare loop": found.bare_loop, "stock Faust": found.stock_faust}


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.enricher", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, comma-separated (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="fewer frames, once")
    parser.add_argument("--frames", type=int, help="of the backlog")
    parser.add_argument("--seconds", type=float, help="of freshness, after its warm-up")
    parser.add_argument("--json", type=Path, help="write everything that was found to this file")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a bound is missed")
    parser.add_argument("--logs", type=Path, help="keep the processes' logs in this directory")
    arguments = parser.parse_args()
    base = QUICK if arguments.quick else FULL
    plan = Plan(arguments.frames or base.frames, base.repetitions, arguments.seconds or base.seconds)
    figures: list[Figure] = []
    details: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="ocpplog-bench-") as scratch:
        logs = arguments.logs or Path(scratch)
        logs.mkdir(parents=True, exist_ok=True)
        if "throughput" in arguments.only:
            figures += _throughput(plan, logs)
        if "freshness" in arguments.only:
            details = freshness(logs, Path(scratch), plan.seconds)
            figures.append(Figure(FRESHNESS, details["p99"], {name: [value] for name, value in details.items()}))
    print("  ".join(f"{name} {value}" for name, value in context().items()), end="\n\n")
    print("\n".join(figure.as_text() for figure in figures))
    if arguments.json:
        found = {**context(), "figures": [{**asdict(figure), "met": figure.met} for figure in figures]}
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")
    return int(arguments.check and not all(figure.met for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
