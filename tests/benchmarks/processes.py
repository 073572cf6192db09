"""What /proc says of the processes of a benchmark (Linux)."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME, _PPID = 11, 12, 1
"""Fields of /proc/PID/stat, counted from what follows the command."""


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all its threads."""
    fields = _stat(pid)
    return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS


def own_bytes(pid: int) -> int:
    """Memory that no other process shares (USS): what ends with the process."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(kilobytes) for kilobytes in re.findall(r"^Private_\w+: +(\d+) kB", text, re.MULTILINE)) * 1024


def children() -> set[int]:
    """The processes that this one started and that still run."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if int(_stat(int(entry.name))[_PPID]) == os.getpid():
                found.add(int(entry.name))
        except (OSError, IndexError):
            continue
    return found


def busy_seconds() -> float:
    """What all cores together have worked since the machine started, whoever for."""
    user, nice, system, _idle, _iowait, *others = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    return sum(map(int, (user, nice, system, *others))) / _TICKS


class CpuMeter:
    """CPU seconds that processes take between `start` and `stop`; `others`: the rest of the machine."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self._began = 0.0
        self._before: dict[str, float] = {}
        self.per_second: dict[str, float] = {}

    def start(self) -> None:
        self._began = time.monotonic()
        self._before = self._now()

    def stop(self) -> None:
        took = {name: after - self._before[name] for name, after in self._now().items()}
        took["others"] = took.pop("all") - sum(took.values())
        seconds = time.monotonic() - self._began
        self.per_second = {name: round(max(value, 0.0) / seconds, 3) for name, value in took.items()}

    def _now(self) -> dict[str, float]:
        return {"all": busy_seconds(), **{name: cpu_seconds(pid) for name, pid in self._pids.items()}}
