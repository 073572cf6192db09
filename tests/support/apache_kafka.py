"""Apache Kafka itself, one KRaft node, from a directory of jars (`make test-kafka` fetches them)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from support.processes import Process, free_port

JARS = os.environ.get("OCPPLOG_TEST_KAFKA_JARS", "")
"""Where the jars are; empty: the embedded broker is used."""
_CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk"
_JAVA = ("java", "-Xmx512m", "-cp", f"{JARS}/*")


def node(port: int, scratch: Path) -> Process:
    """A fresh node whose data is in `scratch`; not started yet."""
    controller = free_port()
    configuration = scratch / "server.properties"
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
auto.create.topics.enable=false
"""
    )
    tool = (*_JAVA, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(configuration))
    subprocess.run(tool, check=True, capture_output=True)
    return Process(*_JAVA, "kafka.Kafka", str(configuration), log=scratch / "log")
