"""What a run found, as JSON and as a table; and the machine it ran on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ocpplog_gateway
from benchmarks.parts import GATEWAY, REFERENCE, Outcome, cpu_of, per_relay_cpu_s
from benchmarks.targets import THROUGHPUT
from support.apache_kafka import JARS

_LOAD_BEFORE = os.getloadavg()
"""Of the machine, when the run began."""
_LIBRARIES = ("websockets", "uvloop", "aiokafka", "faust-streaming", "msgspec", "clickhouse-connect", "chdb", "fastapi")
_SATURATED = 0.9
_CROWDED = 0.3


@dataclass(frozen=True, slots=True)
class Report:
    """`failures`: parts that broke off, and why. `relayed`: frames that gateways passed on; `on_kafka`: those that are there.
    `changed`: CALLs that arrived, and are none of those sent."""

    outcomes: Sequence[Outcome]
    failures: dict[str, str]
    relayed: int
    on_kafka: int
    changed: int

    @property
    def met(self) -> bool:
        whole = self.relayed == self.on_kafka and not self.changed
        return whole and not self.failures and all(outcome.met for outcome in self.outcomes)

    def as_json(self) -> dict[str, Any]:
        parts = {
            outcome.target.name: {
                **asdict(outcome),
                "met": outcome.met,
                "cpu": {relay: cpu_of(outcome.samples, relay) for relay in (REFERENCE, GATEWAY)},
                "notes": notes(outcome),
            }
            for outcome in self.outcomes
        }
        frames = {"relayed": self.relayed, "on_kafka": self.on_kafka, "changed": self.changed}
        return {**context(), "met": self.met, "parts": parts, "failures": self.failures, "frames": frames}

    def as_text(self) -> str:
        row = "{:<11} {:<15} {:>10} {:>10}   {:<6} {:>7}  {:<8} {}".format
        lines = [row("", "", "reference", "gateway", "", "", "bound", "").rstrip()]
        for found in self.outcomes:
            target = found.target
            bound = f"{'>=' if target.at_least else '<='} {target.bound:g}"
            figures = (f"{found.reference:,.1f}", f"{found.gateway:,.1f}", target.compared, f"{found.value:.2f}", bound)
            lines.append(row(target.name, target.unit, *figures, "met" if found.met else "MISSED"))
        lines += [f"{name:<11} FAILED: {why}" for name, why in self.failures.items()]
        lines.append(f"frames on Kafka: {self.on_kafka:,} of {self.relayed:,} relayed by the gateway; changed: {self.changed}")
        lines += ["", "CPU seconds a second (medians)", *self._cpu_lines()]
        lines += [f"note: {found.target.name}: {note}" for found in self.outcomes for note in notes(found)]
        return "\n".join(lines)

    def _cpu_lines(self) -> list[str]:
        lines = []
        for found in self.outcomes:
            for relay in (REFERENCE, GATEWAY):
                if cpu := cpu_of(found.samples, relay):
                    shares = "  ".join(f"{name} {share:.2f}" for name, share in cpu.items())
                    lines.append(f"{found.target.name:<11} {relay:<10} {shares}")
        return lines


def notes(found: Outcome) -> list[str]:
    """What makes the figures more or less than they seem."""
    said = []
    if found.target is THROUGHPUT:
        reference, gateway = (per_relay_cpu_s(found.samples, relay) for relay in (REFERENCE, GATEWAY))
        ratio = gateway / reference
        said.append(f"frames per CPU second of the relay: reference {reference:,.0f}, gateway {gateway:,.0f}, ratio {ratio:.2f}")
    for relay in (REFERENCE, GATEWAY):
        cpu = cpu_of(found.samples, relay)
        said += [f"{relay}: the {end} was busy" for end in ("client", "upstream") if cpu.get(end, 0) > _SATURATED]
        if cpu.get("others", 0) > _CROWDED:
            said.append(f"{relay}: other processes took {cpu['others']:.2f} of {os.cpu_count()} cores")
    return said


def say(text: str) -> None:
    """Progress, on standard error: the figures alone are the output."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def context() -> dict[str, Any]:
    """When, of which commit, on what."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "cores": os.cpu_count(),
        "memory_GiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "cpu": _cpu_model(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
        "broker": "Apache Kafka" if JARS else "embedded",
        "load_before": round(_LOAD_BEFORE[0], 2),
        "command": _command(),
    }


def _command() -> str:
    """What runs it again, in tests/. Paths outside of the repository are of the machine that it ran on, and left out."""
    spec, root = sys.modules["__main__"].__spec__, f"{Path(__file__).parents[2]}/"
    name = spec.name.removesuffix(".__main__") if spec else Path(sys.argv[0]).name
    words = [f"../{word.removeprefix(root)}" if word.startswith(root) else word for word in sys.argv[1:]]
    return " ".join(["python", "-m", name, *("..." if word.startswith("/") else word for word in words)])


def _cpu_model() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _commit() -> str:
    """Of the gateway that is measured, which may be installed from elsewhere than this file; `-dirty` with changes of its own."""
    command, where = ("git", "describe", "--always", "--dirty"), Path(ocpplog_gateway.__file__).parent
    try:
        return subprocess.run(command, cwd=where, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
