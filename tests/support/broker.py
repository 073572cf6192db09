"""The broker that tests run on: the embedded one, or Apache Kafka where its jars are given."""

from __future__ import annotations

import contextlib
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

from support import apache_kafka
from support.processes import Process, embedded_node, free_port, wait_for_port

IDEMPOTENCE = bool(apache_kafka.JARS)
"""Whether the broker knows idempotent producers: the embedded one does not."""
DURABLE = bool(apache_kafka.JARS)
"""Whether it still has its topics after a kill: the embedded one keeps them in memory."""


class Broker:
    """A broker that can be stopped in every way, and started again on its port."""

    def __init__(self, port: int, process: Process) -> None:
        self.port = port
        self.process = process

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process.start()
        wait_for_port(self.port, self.process, 60)

    def kill(self) -> None:
        self.process.kill()

    def freeze(self) -> None:
        """It answers nothing any more, and its connections stay open."""
        self.process.child.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.child.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def broker() -> Iterator[Broker]:
    """A fresh broker, started."""
    with tempfile.TemporaryDirectory(prefix="ocpplog-kafka-") as scratch:
        port = free_port()
        process = apache_kafka.node(port, Path(scratch)) if apache_kafka.JARS else embedded_node(port)
        found = Broker(port, process)
        try:
            found.start()
            yield found
        finally:
            process.close()


@contextlib.contextmanager
def kafka() -> Iterator[str]:
    """A fresh broker; gives host:port."""
    with broker() as found:
        yield found.bootstrap
