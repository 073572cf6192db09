"""What /proc says of the processes of a benchmark (Linux)."""

from __future__ import annotations

import os
import re
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


class CpuMeter:
    """CPU seconds that each process took between `start` and `stop`."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self._before: dict[str, float] = {}
        self.seconds: dict[str, float] = {}

    def start(self) -> None:
        self._before = self._now()

    def stop(self) -> None:
        self.seconds = {name: round(after - self._before[name], 2) for name, after in self._now().items()}

    def _now(self) -> dict[str, float]:
        return {name: cpu_seconds(pid) for name, pid in self._pids.items()}
