"""Keeps what rounds of faults found: a JSON file, with FAULTS_REPORT=path, and the same as a table for people beside it."""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from support import apache_kafka
from support.commits import commit

_FILE: Final = os.environ.get("FAULTS_REPORT", "")
_ROOT: Final = Path(__file__).parents[2]
_GONE: Final = "undeclared within the promise"
_SHOWN: Final = ("frames sent", "frames on Kafka", "gaps", "frames in gaps", _GONE, "rows")
_WRONG: Final = ("lost", "missing rows", "doubled rows", "in another site's scope")
_HEAD: Final = """# Rounds of faults

Written by `make faults FAULTS_REPORT=...`. What a round is, and what its verdict compares, stands in `tests/faults`. A round
runs again with its seed: `make faults FAULTS_ROUNDS=1 FAULTS_SEED=n`. The JSON file of the same name tells all of each.
"""


def begin(kind: str, seed: int) -> None:
    """A round that breaks off stands in the report as one that did not finish, and that is wrong."""
    add(kind, seed, "", [], {}, "did not finish", [])


def add(
    kind: str, seed: int, scenario: str, faults: Sequence[str], counts: Mapping[str, int], verdict: str, story: Sequence[str]
) -> None:
    """One round of the run, in place of what `begin` said. `verdict`: `right`, or what differs."""
    if not _FILE:
        return
    entry = {
        "kind": kind,
        "seed": seed,
        "scenario": scenario,
        "faults": faults,
        "counts": counts,
        "verdict": verdict,
        "story": story,
    }
    path = _ROOT / _FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        # Several workers keep one file.
        fcntl.flock(directory, fcntl.LOCK_EX)
        _keep(path, entry)
    finally:
        os.close(directory)


def _keep(path: Path, entry: Mapping[str, Any]) -> None:
    runs: list[dict[str, Any]] = json.loads(path.read_text())["runs"] if path.exists() else []
    if not runs or runs[-1]["process"] != _PROCESS:
        runs.append(_run())
    rounds = runs[-1]["rounds"]
    same = [one for one in rounds if (one["kind"], one["seed"]) == (entry["kind"], entry["seed"])]
    if same and same[0]["verdict"] == "did not finish":
        rounds[rounds.index(same[0])] = dict(entry)
    else:
        rounds.append(dict(entry))
    path.write_text(json.dumps(summary(runs) | {"runs": runs}, indent=1, ensure_ascii=False) + "\n")
    path.with_suffix(".md").write_text(table(runs))


def summary(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What docs/proof says of all: the oldest run dates them."""
    rounds = [one for run in runs for one in run["rounds"]]
    wrong = sum(one["verdict"] != "right" for one in rounds)
    of_all = sum(one["kind"] == "pipeline" for one in rounds)
    said = f"{len(rounds)} rounds, {of_all} of them through the whole pipeline, {wrong or 'none'} wrong"
    sent, gone = (sum(one["counts"].get(name, 0) for one in rounds if one["kind"] == "pipeline") for name in (_SHOWN[0], _GONE))
    if sent:
        said += f"; {gone:,} of {sent:,} frames went with gateways that ended while Kafka was silent"
    commits = ", ".join(dict.fromkeys(run["commit"] for run in runs))
    return {"date": min(run["date"] for run in runs), "commit": commits, "met": not wrong, "summary": said}


_PROCESS: Final = (
    os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
)
"""Of all workers of a run the same."""


def _run() -> dict[str, Any]:
    return {
        "process": _PROCESS,
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}",
        "machine": {"cores": os.cpu_count(), "memory_gib": _memory_gib(), "system": platform.platform(terse=True)},
        "versions": {"Python": platform.python_version(), "ClickHouse": _clickhouse(), "Kafka": _kafka()},
        "commit": commit(_ROOT),
        "command": _command(),
        "rounds": [],
    }


def table(runs: Sequence[Mapping[str, Any]]) -> str:
    """Markdown."""
    return _HEAD + "".join(_section(run) for run in runs)


def _section(run: Mapping[str, Any]) -> str:
    machine, versions, rounds = run["machine"], run["versions"], run["rounds"]
    right = sum(one["verdict"] == "right" for one in rounds)
    known = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = [
        f"\n## {run['date']}: {right} of {len(rounds)} right\n",
        f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}; {known}; commit `{run['commit']}`\n",
        f"```sh\n{run['command']}\n```\n",
        "| seed | of | scenario | faults | " + " | ".join((*_SHOWN, *_WRONG)) + " | verdict |",
        "|" + "---|" * (5 + len(_SHOWN) + len(_WRONG)),
    ]
    return "\n".join([*lines, *map(_line, rounds)]) + "\n"


def _line(one: Mapping[str, Any]) -> str:
    counts = [str(one["counts"].get(name, "")) for name in (*_SHOWN, *_WRONG)]
    verdict = "right" if one["verdict"] == "right" else "**wrong**"
    return "| " + " | ".join([str(one["seed"]), one["kind"], one["scenario"], ", ".join(one["faults"]), *counts, verdict]) + " |"


def _memory_gib() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _clickhouse() -> str:
    # In a process of its own: an engine stays for as long as its process.
    code = "import chdb; print(chdb.query('SELECT version()').bytes().decode().strip().strip('\"'))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() + " (chDB)"


def _kafka() -> str:
    if not apache_kafka.JARS:
        return "(embedded broker, 1 node)"
    found = sorted(Path(apache_kafka.JARS).glob("kafka-clients-*.jar"))
    version = found[0].stem.removeprefix("kafka-clients-") if found else "unknown"
    return f"{version} ({apache_kafka.NODES} node{'s' * (apache_kafka.NODES > 1)})"


def _command() -> str:
    given = " ".join(f"{name}={os.environ[name]}" for name in ("FAULTS_ROUNDS", "FAULTS_SEED") if name in os.environ)
    if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
        given += f" PYTEST_ARGS='-n {workers}'"
    kafka = (
        f"OCPPLOG_TEST_KAFKA_JARS=.local/kafka-jars OCPPLOG_TEST_KAFKA_NODES={apache_kafka.NODES} " if apache_kafka.JARS else ""
    )
    return f"{kafka}make faults {given}".strip()
