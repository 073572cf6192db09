"""The gateway against a bare relay on the same library: `python -m benchmarks.gateway` in tests/."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import uvloop

from benchmarks import parts
from benchmarks.report import Report, context, say
from benchmarks.rig import Rig, rig
from benchmarks.targets import FULL, PARTS, QUICK, Plan
from benchmarks.wire import WireError

_COUNTS: Final = ("repetitions", "seconds", "connections", "crowd")


class Run:
    """Measures the parts asked for; one that breaks off does not stop the others."""

    def __init__(self, rig: Rig, plan: Plan, only: Sequence[str]) -> None:
        self._rig = rig
        self._plan = plan
        self._only = only
        self._outcomes: list[parts.Outcome] = []
        self._failures: dict[str, str] = {}

    async def run(self) -> Report:
        if {"throughput", "latency"} & set(self._only):
            await self._under_load()
        for name, measure in {"memory": parts.memory, "accepts": parts.accepts}.items():
            if name in self._only:
                try:
                    self._took(await measure(self._rig, self._plan))
                except (WireError, TimeoutError) as error:
                    self._broke_off(name, error)
        rig = self._rig
        return Report(self._outcomes, self._failures, rig.relayed, await rig.on_kafka(), (await rig.counts()).wrong)

    async def _under_load(self) -> None:
        name = "throughput"
        try:
            async with parts.connected(self._rig, self._plan) as pairs:
                if name in self._only:
                    self._took(found := await parts.throughput(self._rig, self._plan, pairs))
                    reference = found.reference
                else:
                    reference = await parts.reference_frames_per_s(self._rig, self._plan, pairs)
                name = "latency"
                if name in self._only:
                    self._took(await parts.latency(self._rig, self._plan, pairs, reference))
        except (WireError, TimeoutError) as error:
            self._broke_off(name, error)

    def _took(self, outcome: parts.Outcome) -> None:
        say(f"{outcome.target.name}: {outcome.value:.2f}")
        self._outcomes.append(outcome)

    def _broke_off(self, name: str, error: Exception) -> None:
        self._failures[name] = f"{type(error).__name__}: {error}"
        say(f"{name}: {self._failures[name]}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.gateway", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, comma-separated (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter repetitions")
    parser.add_argument("--repetitions", type=int, help="of throughput and latency")
    parser.add_argument("--seconds", type=float, help="of each repetition, after its warm-up")
    parser.add_argument("--connections", type=int, help="under load")
    parser.add_argument("--crowd", type=int, help="connections that are idle, or come at once")
    parser.add_argument("--json", type=Path, help="write everything that was found to this file")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a bound is missed")
    parser.add_argument("--logs", type=Path, help="keep the processes' logs in this directory")
    found = parser.parse_args()
    found.only = found.only.split(",")
    if unknown := set(found.only) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return found


def _plan(arguments: argparse.Namespace) -> Plan:
    given = {name: value for name in _COUNTS if (value := getattr(arguments, name)) is not None}
    return replace(QUICK if arguments.quick else FULL, **given)


def main() -> int:
    arguments, scratch = _arguments(), tempfile.TemporaryDirectory(prefix="ocpplog-bench-")
    plan = _plan(arguments)
    with scratch:
        logs = arguments.logs or Path(scratch.name)
        logs.mkdir(parents=True, exist_ok=True)
        with rig(logs, max(plan.crowd, plan.connections)) as found:
            report = uvloop.run(Run(found, plan, arguments.only).run())
    print("  ".join(f"{name} {value}" for name, value in context().items()), report.as_text(), sep="\n\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")
    return int(arguments.check and not report.met)


if __name__ == "__main__":
    sys.exit(main())
