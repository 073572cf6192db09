"""Apache Kafka itself, one KRaft node, from a directory of jars (`make test-kafka` fetches them)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support.processes import Process, free_port

JARS = os.environ.get("OCPPLOG_TEST_KAFKA_JARS", "")
"""Where the jars are; empty: the embedded broker is used."""
_CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk"
_JAVA = ("java", "-Xmx512m", "-cp", f"{JARS}/*")


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
    controller = free_port()
    configuration = scratch / "server.properties"
    plain = f"""listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:@CONTROLLER@
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
"""
    listeners = (secured.properties(port) if secured else plain).replace("@CONTROLLER@", str(controller))
    configuration.write_text(
        listeners
        + f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
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
    tool = [*_JAVA, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(configuration)]
    tool += secured.users() if secured else []
    subprocess.run(tool, check=True, capture_output=True)
    return Process(*_JAVA, "kafka.Kafka", str(configuration), log=scratch / "log")
