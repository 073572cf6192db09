"""What runs of fuzzers found, as a file: a target's last run stands there, whichever run of which targets it was."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from support.commits import commit


@dataclass(frozen=True)
class Run:
    """`findings`: the inputs that are kept, by their paths in the repository."""

    target: str
    seconds: int
    executions: int
    edges: int
    features: int
    findings: list[str]


def line(run: Run) -> str:
    found = ", ".join(run.findings) or "nothing found"
    return f"{run.target:14}{run.executions:>12,} executions {run.edges:>7,} edges {run.features:>7,} features   {found}"


def write(path: Path, root: Path, runs: Iterable[Run]) -> None:
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"runs": {}}
    about = context(root, f"make fuzz FUZZ_SECONDS={{}} FUZZ_REPORT={path.resolve().relative_to(root)}")
    for run in runs:
        known["runs"][run.target] = asdict(run) | about | {"command": f"{about['command']} FUZZ={run.target}".format(run.seconds)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known | summary(known["runs"]), indent=2, sort_keys=True) + "\n")
    path.with_suffix(".md").write_text(_page(known["runs"]))


def summary(runs: dict[str, Any]) -> dict[str, Any]:
    """What docs/proof says of all: the oldest run dates them."""
    findings = sum(len(run["findings"]) for run in runs.values())
    executions = sum(run["executions"] for run in runs.values())
    said = f"{len(runs)} targets, {executions / 1e6:.0f} million executions, {findings or 'no'} findings"
    commits = ", ".join(sorted({run["commit"] for run in runs.values()}))
    return {"met": not findings, "summary": said, "date": min(run["date"] for run in runs.values()), "commit": commits}


def context(root: Path, command: str) -> dict[str, str]:
    """When, where and of what: a commit that ends in + is one with changes."""
    machine = f"{os.cpu_count()} CPUs, {platform.machine()}, {platform.system()} {platform.release().partition('-')[0]}"
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    python = f"Python {sys.version.split()[0]}"
    return {"date": now, "commit": commit(root), "machine": f"{machine}, {python}", "command": command}


def _page(runs: dict[str, Any]) -> str:
    rows = [
        f"| {name} | {run['executions']:,} | {run['edges']:,} | {run['features']:,} | {', '.join(run['findings']) or 'none'} |"
        f" {run['seconds']} s | {run['date']} | {run['commit']} |"
        for name, run in sorted(runs.items())
    ]
    machines = sorted({run["machine"] for run in runs.values()})
    commands = sorted({run["command"].rpartition(" FUZZ=")[0] for run in runs.values()})
    head = ["# Fuzzing", "", f"Coverage-guided (atheris), on {'; '.join(machines)}. By: `{'`, `'.join(commands)}`.", ""]
    table = ["| target | executions | edges | features | findings | for | when | commit |", "|---|---|---|---|---|---|---|---|"]
    return "\n".join([*head, *table, *rows, ""])
