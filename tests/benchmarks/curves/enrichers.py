"""Frames that one, two and four enrichers work through together: a backlog, shared by partition."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.backlog import QUICK_TO_JOIN, Backlog, backlog
from benchmarks.curves.curve import Curve, point
from benchmarks.report import say
from benchmarks.scraped import metric
from support.processes import Process, free_port, running

_START_S: Final = 60.0
_POLL_S: Final = 0.02


class Crew(Backlog):
    """Contestants are so many enrichers of one group."""

    def frames_per_s(self, count: int) -> float:
        """From when they have begun to read to the last write."""
        number, ports = next(self._numbers), [free_port() for _ in range(count)]
        database = self._new_database(number)
        with contextlib.ExitStack() as stack:
            for port in ports:
                settings = {"enricher_group": f"crew-{number}", "enricher_health_port": port, **QUICK_TO_JOIN}
                env, log = self._environment(database, **settings), self.logs / f"enricher-{port}.log"
                stack.enter_context(running(Process(sys.executable, "-m", "ocpplog_enricher", env=env, log=log)))
            began, before = _begun(ports)
            _, ended, _ = self._written(database)
        return (self.frames - before) / (ended - began)


def _begun(ports: Sequence[int]) -> tuple[float, float]:
    """When the first frames have been read by anybody, and how many. Raises TimeoutError."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if read := sum(metric(port, "ocpplog_enricher_frames_total") for port in ports):
            return time.time(), read
        time.sleep(_POLL_S)
    raise TimeoutError(f"nothing read in {_START_S:.0f} s: see the logs")


def measure(scratch: Path, counts: Sequence[int], frames: int, repetitions: int) -> Curve:
    samples: dict[int, list[float]] = {count: [] for count in counts}
    with backlog(scratch, frames) as found:
        crew = Crew(found.bootstrap, found.store, found.client, found.frames, found.logs)
        for _ in range(repetitions):
            for count in counts:
                samples[count].append(crew.frames_per_s(count))
                say(f"{count} enrichers: {samples[count][-1]:,.0f} frames/s")
    points = [point(count, found) for count, found in samples.items()]
    note = "Kafka, ClickHouse and all enrichers share the cores of this machine: more processes than cores cannot go faster."
    return Curve("enrichers", "enrichers", "frames/s", {"together": points}, note)
