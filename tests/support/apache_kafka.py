"""Apache Kafka itself, one KRaft node, from a directory of jars (`make test-kafka` fetches them)."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from support.processes import Process, free_port, running, wait_for_port

JARS = os.environ.get("OCPPLOG_TEST_KAFKA_JARS", "")
"""Where the jars are; empty: the embedded broker is used."""
_CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk"


@contextlib.contextmanager
def apache_kafka() -> Iterator[str]:
    """A fresh node; yields host:port."""
    with tempfile.TemporaryDirectory(prefix="ocpplog-kafka-") as scratch:
        port, controller = free_port(), free_port()
        configuration = Path(scratch) / "server.properties"
        configuration.write_text(
            f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={scratch}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
"""
        )
        java = ("java", "-Xmx512m", "-cp", f"{JARS}/*")
        tool = (*java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(configuration))
        subprocess.run(tool, check=True, capture_output=True)
        with running(Process(*java, "kafka.Kafka", str(configuration), log=Path(scratch) / "log")) as process:
            wait_for_port(port, process, 60)
            yield f"127.0.0.1:{port}"
