"""`python -m fuzz --seconds 60 TARGET...`: each target in a process of its own, with a limit of memory. No target: all.

Ends with 1 where one has found something, and says how to run the input again. What a run has learnt stays in `.local/fuzz`.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from fuzz import report, targets
from fuzz.report import Run

ROOT: Final = Path(__file__).parents[2]
_WORK: Final = ROOT / ".local" / "fuzz"
_MEMORY_MB: Final = {"exports": 2048}
"""Of a process; ClickHouse's engine takes more."""
_USUAL_MB: Final = 1024
_LONGEST: Final = 8192
_SLOWEST_S: Final = 25
"""For one input: what takes as long, on however busy a machine, is a finding."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time")
    parser.add_argument("--report", type=Path, help="JSON, kept up to date by target; Markdown beside it")
    parser.add_argument("target", nargs="*", choices=[*targets.TARGETS, []])
    arguments = parser.parse_args()
    names = arguments.target or list(targets.TARGETS)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        runs = list(pool.map(partial(_run, seconds=arguments.seconds), names))
    for run in runs:
        print(report.line(run))
    if arguments.report:
        report.write(arguments.report, ROOT, runs)
    return 1 if any(run.findings for run in runs) else 0


def _run(name: str, seconds: int) -> Run:
    folder = _WORK / name
    for old in folder.glob("*-*"):
        old.unlink()
    inputs = _prepared(name, folder)
    limits = [f"-max_total_time={seconds}", f"-timeout={_SLOWEST_S}", f"-rss_limit_mb={_MEMORY_MB.get(name, _USUAL_MB)}"]
    options = [
        *limits,
        f"-max_len={_LONGEST}",
        f"-dict={folder / 'words'}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
    ]
    command = [sys.executable, "-m", "fuzz.one", name, "--fuzz", *options, *map(str, inputs)]
    ended = subprocess.run(command, cwd=ROOT / "tests", capture_output=True, text=True, errors="replace")
    said = ended.stdout + ended.stderr
    (folder / "log").write_text(said)
    found = sorted(folder.glob("*-*"))
    if ended.returncode:
        print(_told(name, said, found), file=sys.stderr, flush=True)
    problems = [str(path.relative_to(ROOT)) for path in found] or ([f"ended with {ended.returncode}"] if ended.returncode else [])
    return Run(name, seconds, *_reached(said), problems)


def _prepared(name: str, folder: Path) -> Sequence[Path]:
    """The folders to begin with; the first is where new inputs go."""
    target, seeds = targets.load(name), folder / "seeds"
    for path in (folder / "learnt", seeds):
        path.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(target.seeds()):
        (seeds / f"{number:04}").write_bytes(data)
    words = ("".join(f"\\x{byte:02x}" for byte in word) for word in target.WORDS)
    (folder / "words").write_text("".join(f'"{word}"\n' for word in words))
    kept = (targets.HERE / where / name for where in ("corpus", "findings"))
    return [folder / "learnt", seeds, *(path for path in kept if path.is_dir())]


def _reached(said: str) -> tuple[int, int, int]:
    """Executions, edges and features, of the last line that has them."""
    states = re.findall(r"^#(\d+)\s.*cov: (\d+) ft: (\d+)", said, re.MULTILINE)
    _, edges, features = states[-1] if states else ("0", "0", "0")
    executed = re.findall(r"number_of_executed_units: (\d+)", said)
    return int(executed[-1]) if executed else 0, int(edges), int(features)


def _told(name: str, said: str, found: Sequence[Path]) -> str:
    start = said.find("=== Uncaught")
    again = [f"  run it again: cd tests && PYTHONPATH=. ../.venv/bin/python -m fuzz.one {name} {path}" for path in found]
    return "\n".join([f"--- {name}", said[start:].partition("\nINFO: ")[0][:3000] if start >= 0 else said[-3000:], *again])


if __name__ == "__main__":
    sys.exit(main())
