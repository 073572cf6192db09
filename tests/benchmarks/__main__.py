"""All benchmarks one after the other, and one table of what they found: `python -m benchmarks` in tests/."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.report import context, say
from benchmarks.summary import READERS, Line, as_text, headlines

_QUICK: Final[Mapping[str, Sequence[str]]] = {
    "gateway": ("--quick", "--connections", "300", "--crowd", "500", "--repetitions", "2", "--seconds", "1"),
    "enricher": ("--quick", "--frames", "20000", "--seconds", "3"),
    "store": ("--quick", "--rows", "150000", "--inserts", "3"),
    "api": ("--quick", "--rows", "100000", "--repetitions", "2", "--seconds", "0.1"),
}
"""Three minutes for all four: whether they work, and whether anything is far off. Too thin for some of the bounds."""


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    """What is not known here goes to the benchmarks."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", default=list(READERS), help="which (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="three minutes in all: too thin for some of the bounds")
    parser.add_argument("--json", type=Path, required=True, help="the directory for what each of them found")
    parser.add_argument("--report", type=Path, help="write what they found to this file, which keeps what it has of the others")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a bound is missed")
    found, more = parser.parse_known_args()
    if unknown := set(found.names) - set(READERS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    return found, more


def _run(name: str, directory: Path, more: Sequence[str]) -> Mapping[str, Any] | None:
    """What it found; None where it broke off, which it then has said. `more` goes to the benchmark as it is."""
    file = directory / f"{name}.json"
    file.unlink(missing_ok=True)
    began = time.monotonic()
    subprocess.run(
        (sys.executable, "-m", f"benchmarks.{name}", "--json", str(file), *more), stdout=subprocess.DEVNULL, check=False
    )
    say(f"{name}: {time.monotonic() - began:.0f} s")
    return json.loads(file.read_text()) if file.exists() else None


@dataclass(frozen=True, slots=True)
class Run:
    """What one benchmark found, and when, of which commit, on what."""

    context: Mapping[str, Any]
    lines: Sequence[Line]


def _reported(file: Path) -> dict[str, Run]:
    """What a report has of each benchmark; of a quick one nothing."""
    if not file.exists() or (found := json.loads(file.read_text()))["quick"]:
        return {}
    lines = [Line.from_json(one) for one in found["lines"]]
    return {name: Run(context, [line for line in lines if line.benchmark == name]) for name, context in found["runs"].items()}


def _summary(before: Mapping[str, Any], quick: bool, runs: Mapping[str, Run], broken: Sequence[str]) -> dict[str, Any]:
    """`before`: what is said of the newest run; of the commits, all are named."""
    lines = [line for name in READERS if name in runs for line in runs[name].lines]
    missed = [f"{line.benchmark} {line.name}" for line in lines if not line.met] + [f"{name} broke off" for name in broken]
    said = (
        "quick, and too thin for some bounds: " * quick
        + f"{len(lines) - sum(not line.met for line in lines)} of {len(lines)} bounds met"
    )
    return {
        **before,
        "commit": ", ".join(dict.fromkeys(run.context["commit"] for run in runs.values())) or before["commit"],
        "quick": quick,
        "met": not missed,
        "summary": said + (f"; missed: {', '.join(missed)}" if missed else ""),
        "runs": {name: dict(run.context) for name, run in runs.items()},
        "lines": [asdict(line) for line in lines],
    }


def main() -> int:
    (arguments, more), before = _arguments(), context()
    arguments.json.mkdir(parents=True, exist_ok=True)
    runs: dict[str, Run] = {}
    broken: list[str] = []
    for name in arguments.names:
        found = _run(name, arguments.json, [*(_QUICK[name] if arguments.quick else ()), *more])
        if found is None:
            broken.append(name)
        else:
            runs[name] = Run(before, READERS[name](found))
    summary = _summary(before, arguments.quick, runs, broken)
    lines = headlines([line for run in runs.values() for line in run.lines])
    print("  ".join(f"{name} {value}" for name, value in before.items()), as_text(lines), summary["summary"], sep="\n\n")
    _write(arguments.json / "bench.json", summary)
    if arguments.report:
        before_it = {} if arguments.quick else _reported(arguments.report)
        kept = {name: run for name, run in before_it.items() if name not in broken}
        _write(arguments.report, _summary(before, arguments.quick, kept | runs, broken))
    return int(bool(broken) or (arguments.check and not summary["met"]))


def _write(file: Path, summary: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(summary, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
