"""Starts what a benchmark needs: broker, central system, and the relays under test."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.processes import CpuMeter, children
from benchmarks.upstream import Counts
from ocpplog_common import topics
from ocpplog_common.admin import kafka as admin
from ocpplog_common.records import Charger, Site
from ocpplog_common.secrets import hash_password
from ocpplog_common.settings import KafkaSettings
from ocpplog_local.runner.run import PARTITIONS
from support.broker import IDEMPOTENCE, REPLICATION, kafka
from support.processes import Process, environment, free_port, running, wait_for_http, wait_for_port
from support.records import put_records

_PASSWORD = "0123456789abcdef0123"


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay under test. `name`: reference or gateway. `health`: port of its /metrics, which the reference lacks."""

    name: str
    port: int
    pid: int
    health: int = 0


@dataclass
class Rig:
    """`relayed`: frames that gateways passed on, all of which have to be on Kafka in the end."""

    bootstrap: str
    broker_pid: int
    upstream_port: int
    upstream_pid: int
    logs: Path
    relayed: int = 0
    credentials: list[tuple[str, str]] = field(default_factory=list)

    @property
    def upstream(self) -> str:
        return f"ws://127.0.0.1:{self.upstream_port}/csms/"

    def cpu(self, relay: Relay) -> CpuMeter:
        return CpuMeter({"relay": relay.pid, "client": os.getpid(), "upstream": self.upstream_pid, "broker": self.broker_pid})

    async def counts(self) -> Counts:
        """What the central system has seen."""
        return Counts(**json.loads(await asyncio.to_thread(_get, f"http://127.0.0.1:{self.upstream_port}/counts")))

    async def upstream_has(self, connections: int, within_s: float = 60.0) -> None:
        """Wait until the central system has so many connections. Raises TimeoutError."""
        deadline = time.monotonic() + within_s
        while (counts := await self.counts()).open != connections:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{counts.open} connections upstream instead of {connections}")
            await asyncio.sleep(0.1)

    @contextlib.contextmanager
    def reference(self) -> Iterator[Relay]:
        port = free_port()
        command = (sys.executable, "-m", "benchmarks.bare_relay", "--port", str(port), "--upstream", self.upstream)
        with started(command, self.logs / "reference.log", lambda process: wait_for_port(port, process)) as process:
            yield Relay("reference", port, process.child.pid)

    @contextlib.contextmanager
    def gateway(self) -> Iterator[Relay]:
        port, health = free_port(), free_port()
        settings = {
            "kafka_bootstrap": self.bootstrap,
            "kafka_idempotence": str(IDEMPOTENCE).lower(),
            "gateway_port": port,
            "gateway_health_port": health,
            "gateway_upstream": self.upstream,
            "gateway_drain_s": 0,
            # They all come from one address here.
            "gateway_max_connections_per_peer": 2 * len(self.credentials),
        }
        command = (sys.executable, "-m", "ocpplog_gateway")
        ready = f"http://127.0.0.1:{health}/readyz"
        with started(
            command, self.logs / "gateway.log", lambda process: wait_for_http(ready, process), environment(settings)
        ) as process:
            yield Relay("gateway", port, process.child.pid, health)

    async def on_kafka(self) -> int:
        """Records of `ocpp.frames`."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap)
        await consumer.start()
        try:
            partitions = [TopicPartition(topics.FRAMES, number) for number in range(PARTITIONS)]
            ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
            # The embedded broker's answer can be a little low: what follows is read.
            consumer.assign(partitions)
            for partition, offset in ends.items():
                consumer.seek(partition, offset)
            while found := await consumer.getmany(timeout_ms=1000):
                for partition, records in found.items():
                    ends[partition] = records[-1].offset + 1
            return sum(ends.values())
        finally:
            await consumer.stop()


@contextlib.contextmanager
def started(
    command: Sequence[str], log: Path, ready: Callable[[Process], None], env: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """A process that is ready. Raises AssertionError with the end of its log where it never is."""
    with running(Process(*command, env=env, log=log)) as process:
        try:
            ready(process)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{log.read_text()[-3000:]}") from None
        yield process


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as response:
        found: bytes = response.read()
        return found


@contextlib.contextmanager
def rig(logs: Path, chargers: int) -> Iterator[Rig]:
    """A broker with a registry of `chargers`, each with a password, and the central system."""
    _raise_file_limit(2 * chargers + 1000)
    with contextlib.ExitStack() as stack:
        before = children()
        bootstrap = stack.enter_context(kafka())
        [broker_pid] = children() - before
        port = free_port()
        command = (sys.executable, "-m", "benchmarks.upstream", "--port", str(port))
        upstream = stack.enter_context(started(command, logs / "upstream.log", lambda process: wait_for_port(port, process)))
        found = Rig(bootstrap, broker_pid, port, upstream.child.pid, logs)
        found.credentials = [(f"BENCH-{number:05}", _PASSWORD) for number in range(chargers)]
        asyncio.run(_register(found))
        yield found


async def _register(rig: Rig) -> None:
    settings = KafkaSettings(kafka_bootstrap=rig.bootstrap, kafka_idempotence=IDEMPOTENCE)
    await admin.create_topics(settings, PARTITIONS, REPLICATION)
    chargers = [
        Charger(charger_id=charger_id, site_id="bench", password_hash=hash_password(password.encode()))
        for charger_id, password in rig.credentials
    ]
    await put_records(settings, [Site(site_id="bench"), *chargers])


def _raise_file_limit(needed: int) -> None:
    """A relay needs two descriptors a connection; child processes inherit the limit. Raises OSError where it is too low."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise OSError(f"a limit of {hard} open files: {needed} are needed (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
