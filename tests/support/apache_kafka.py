"""Apache Kafka itself (KRaft), one node or several, from a directory of jars (`make test-kafka` fetches them)."""

from __future__ import annotations

import base64
import functools
import os
import subprocess
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.processes import Process, free_port

JARS = os.environ.get("OCPPLOG_TEST_KAFKA_JARS", "")
"""Where the jars are; empty: the embedded broker is used."""
NODES = int(os.environ.get("OCPPLOG_TEST_KAFKA_NODES", "1"))
"""How many nodes a broker of the tests has."""
_CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk"
_FLAGS = os.environ.get("OCPPLOG_TEST_KAFKA_JVM", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData").split()
"""A node that lives for a minute starts in a third of the time, with half the work, without what makes it fast later."""
_JAVA = ("java", "-Xmx512m", *_FLAGS, "-cp", f"{JARS}/*")


@dataclass(frozen=True)
class Secured:
    """SASL_SSL with SCRAM-SHA-512, and rules for all but the user `root`. `pem`: the broker's key and certificates."""

    pem: Path
    passwords: Mapping[str, str]

    def properties(self, port: int) -> str:
        root = f'username="root" password="{self.passwords["root"]}"'
        return f"""listeners=CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:@CONTROLLER@
advertised.listeners=CLIENTS://localhost:{port}
listener.security.protocol.map=CLIENTS:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=CLIENTS
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required {root};
ssl.keystore.type=PEM
ssl.keystore.location={self.pem}
ssl.truststore.type=PEM
ssl.truststore.location={self.pem}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:root;User:ANONYMOUS
"""

    def users(self) -> list[str]:
        """Arguments of the storage tool."""
        found = []
        for user, password in self.passwords.items():
            found += ["--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]"]
        return found


def node(port: int, scratch: Path, secured: Secured | None = None) -> Process:
    """A fresh node whose data is in `scratch`; not started yet."""
    listeners = secured.properties(port) if secured else _plain(port)
    return _node(1, listeners, scratch, [free_port()], secured.users() if secured else [])


def nodes(ports: Sequence[int], scratch: Path) -> list[Process]:
    """Fresh nodes of one cluster, each broker and controller; not started yet. A record is acknowledged once two have it."""
    controllers = [free_port() for _ in ports]
    return [_node(number, _plain(port), scratch / str(number), controllers, []) for number, port in enumerate(ports, 1)]


def _plain(port: int) -> str:
    return f"""listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:@CONTROLLER@
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
"""


def _node(number: int, listeners: str, scratch: Path, controllers: Sequence[int], users: Sequence[str]) -> Process:
    scratch.mkdir(exist_ok=True)
    copies = len(controllers)
    configuration = scratch / "server.properties"
    configuration.write_text(
        listeners.replace("@CONTROLLER@", str(controllers[number - 1]))
        + f"""process.roles=broker,controller
node.id={number}
controller.quorum.voters={",".join(f"{one}@127.0.0.1:{port}" for one, port in enumerate(controllers, 1))}
controller.listener.names=CONTROLLER
log.dirs={scratch}/data
default.replication.factor={copies}
min.insync.replicas={(copies + 1) // 2}
offsets.topic.replication.factor={copies}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={(copies + 1) // 2}
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
replica.lag.time.max.ms=3000
auto.create.topics.enable=false
"""
    )
    if users:
        _format(configuration, users)
    else:
        data = scratch / "data"
        data.mkdir()
        for name, value in _formatted().items():
            (data / name).write_bytes(value)
        (data / "meta.properties").write_text(_names(number))
    return Process(*_JAVA, "kafka.Kafka", str(configuration), log=scratch / "log")


def _format(configuration: Path, users: Sequence[str]) -> None:
    tool = [*_JAVA, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(configuration), *users]
    subprocess.run(tool, check=True, capture_output=True)


@functools.cache
def _formatted() -> Mapping[str, bytes]:
    """What every node of a fresh cluster begins with, but for its names: made once, because each time takes a JVM."""
    with tempfile.TemporaryDirectory(prefix="ocpplog-kafka-") as scratch:
        configuration = Path(scratch) / "server.properties"
        configuration.write_text(
            f"process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:1\n"
            f"controller.listener.names=CONTROLLER\nlisteners=CONTROLLER://127.0.0.1:1,PLAINTEXT://127.0.0.1:2\nlog.dirs={scratch}/data\n"
        )
        _format(configuration, [])
        return {path.name: path.read_bytes() for path in (Path(scratch) / "data").iterdir() if path.name != "meta.properties"}


def _names(number: int) -> str:
    directory = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return f"version=1\ncluster.id={_CLUSTER_ID}\nnode.id={number}\ndirectory.id={directory}\n"
