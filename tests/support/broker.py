"""The broker that tests run on: the embedded one, or Apache Kafka where its jars are given."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from support import apache_kafka
from support.processes import Process, embedded_node, free_port, wait_for_port

IDEMPOTENCE = bool(apache_kafka.JARS)
"""Whether the broker knows idempotent producers: the embedded one does not."""
DURABLE = bool(apache_kafka.JARS)
"""Whether it still has its topics after a kill: the embedded one keeps them in memory."""


REPLICATION = apache_kafka.NODES if apache_kafka.JARS else 1
"""Copies of what a topic holds."""


class Broker:
    """A broker, or a cluster of them, that can be stopped in every way, and started again on its ports."""

    def __init__(self, nodes: Mapping[int, Process]) -> None:
        self.nodes = nodes

    @property
    def bootstrap(self) -> str:
        return ",".join(f"127.0.0.1:{port}" for port in self.nodes)

    def start(self) -> None:
        for process in self.nodes.values():
            process.start()
        for port, process in self.nodes.items():
            wait_for_port(port, process, 60)

    def start_one(self, port: int) -> None:
        self.nodes[port].start()
        wait_for_port(port, self.nodes[port], 60)

    def stop(self) -> None:
        """SIGTERM to all at once. Once most of them have ended, nobody tells the others that they may: they are killed."""
        for process in self.nodes.values():
            process.child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        for process in self.nodes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.stop(timeout=max(0.1, deadline - time.monotonic()))

    def kill(self) -> None:
        for port in self.nodes:
            self.kill_one(port)

    def kill_one(self, port: int) -> None:
        self.nodes[port].kill()

    def freeze(self, port: int = 0) -> None:
        """It (one node, or all) answers nothing any more, and its connections stay open."""
        for process in [self.nodes[port]] if port else self.nodes.values():
            process.child.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        for process in self.nodes.values():
            process.child.send_signal(signal.SIGCONT)

    def close(self) -> None:
        for process in self.nodes.values():
            process.close()


@contextlib.contextmanager
def broker() -> Iterator[Broker]:
    """A fresh broker, started."""
    with tempfile.TemporaryDirectory(prefix="ocpplog-kafka-") as scratch:
        found = Broker(_nodes(Path(scratch)))
        try:
            found.start()
            yield found
        finally:
            found.close()


def _nodes(scratch: Path) -> Mapping[int, Process]:
    ports = [free_port() for _ in range(REPLICATION)]
    if not apache_kafka.JARS:
        return {ports[0]: embedded_node(ports[0])}
    if REPLICATION == 1:
        return {ports[0]: apache_kafka.node(ports[0], scratch)}
    return dict(zip(ports, apache_kafka.nodes(ports, scratch), strict=True))


@contextlib.contextmanager
def kafka() -> Iterator[str]:
    """A fresh broker; gives host:port."""
    with broker() as found:
        yield found.bootstrap
