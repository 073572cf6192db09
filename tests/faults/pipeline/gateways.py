"""Gateways of a round: each start of one is a run with a name of its own, which stands in all that it recorded."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import re
import signal
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from support.links import KafkaLinks, Link
from support.processes import Process, environment, free_port, wait_for_http

_LOOK_EVERY_S: Final = 0.15
_LEFT: Final = re.compile(r"Kafka did not take what still waited at the end: (\d+)")


@dataclass(frozen=True, slots=True)
class Look:
    """What a gateway said of itself: `up` is its `kafka_up`. `at_us`: when it was asked, which is before it answered."""

    at_us: int
    up: bool


@dataclass(slots=True)
class Run:
    """One process. `ended`: how; its `left` is what it said at its end that Kafka had not taken."""

    gateway_id: str
    replica: int
    started_us: int
    ended: str = ""
    ended_us: int = 0
    left: int = 0
    looks: list[Look] = field(default_factory=list)
    events_lost: int = 0


class Gateway:
    """A replica: its place stays, its runs come and go. Chargers come to `door`."""

    def __init__(self, number: int, nodes: list[int], central: int, scratch: Path, settings: Mapping[str, object]) -> None:
        self.number = number
        self.runs: list[Run] = []
        self.log = scratch / f"gateway-{number}.log"
        self._port, self._health = free_port(), free_port()
        self.door, self.upstream, self.kafka = Link(self._port), Link(central), KafkaLinks(nodes)
        self._clock = scratch / f"clock-{number}"
        self._settings = settings
        self._process: Process | None = None
        self._frozen = False
        self._said = 0
        """Bytes of the log that are of earlier runs."""
        self.set_clock(0)

    @property
    def links(self) -> list[Link]:
        return [self.door, self.upstream, *self.kafka.all()]

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.child.poll() is None

    @property
    def run(self) -> Run:
        return self.runs[-1]

    def set_clock(self, ahead_s: float) -> None:
        self._clock.write_text(f"{ahead_s}")

    def start(self) -> None:
        self._said = self.log.stat().st_size if self.log.exists() else 0
        self.runs.append(Run(f"gw-{self.number}.{len(self.runs)}", self.number, time.time_ns() // 1000))
        known: dict[str, object] = {
            "kafka_bootstrap": self.kafka.bootstrap,
            "gateway_port": self._port,
            "gateway_health_port": self._health,
            "gateway_id": self.run.gateway_id,
            "gateway_upstream": f"ws://127.0.0.1:{self.upstream.port}/csms",
            "test_clock_file": self._clock,
        }
        env = environment(known | dict(self._settings))
        self._process = Process(sys.executable, "-m", "faults.pipeline.clocked_gateway", env=env | _PATH, log=self.log).start()

    def wait(self) -> None:
        assert self._process
        wait_for_http(f"http://127.0.0.1:{self._health}/readyz", self._process, 60)

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process
        self._process.kill()
        self.ended("killed")

    def freeze(self) -> None:
        assert self._process
        self._process.child.send_signal(signal.SIGSTOP)
        self._frozen = True

    def thaw(self) -> None:
        if self._frozen and self.alive:
            assert self._process
            self._process.child.send_signal(signal.SIGCONT)
        self._frozen = False

    def terminate(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self._process
        self.thaw()
        code = self._process.stop(timeout=60)
        # One that has not begun yet cannot know what SIGTERM asks of it, and has nothing to say either.
        early = code == -signal.SIGTERM and not self.run.looks
        self.ended("killed" if early else f"exit {code}")
        return code

    def ended(self, how: str) -> None:
        run = self.run
        run.ended, run.ended_us = how, time.time_ns() // 1000
        if how == "exit 1" and (found := _LEFT.findall(self.log.read_bytes()[self._said :].decode())):
            run.left = int(found[-1])

    def close(self) -> None:
        if self._process:
            self.thaw()
            self._process.close()

    async def watch(self) -> None:
        """For good: note what the gateway says of Kafka."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            if not self.alive:
                continue
            with contextlib.suppress(OSError, KeyError):
                await self.look()

    async def look(self) -> dict[str, float]:
        """Its metrics, of which its run keeps what the oracle asks for. Raises OSError, or KeyError where one is missing."""
        run, at_us = self.run, time.time_ns() // 1000
        told = await asyncio.to_thread(self._metrics)
        run.looks.append(Look(at_us, bool(told["ocpplog_gateway_kafka_up"])))
        run.events_lost = int(told["ocpplog_gateway_events_lost_total"])
        return told

    def _metrics(self) -> dict[str, float]:
        """Those without labels. Raises OSError."""
        try:
            text = self._page()
        except http.client.HTTPException as error:
            # It ended while it answered.
            raise OSError(str(error)) from error
        return {name: float(value) for name, value in re.findall(r"^(\w+) (\S+)$", text, re.MULTILINE)}

    def _page(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._health}/metrics", timeout=2) as response:
            text: str = response.read().decode()
            return text


_PATH: Final = {"PYTHONPATH": str(Path(__file__).parents[2])}
