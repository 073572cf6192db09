"""A broker that does a little of everything and ends by itself, so that its JVM can write down what it has loaded.

`python -m support.kafka_archive` in tests/, with `-XX:ArchiveClassesAtExit=FILE` in JDK_JAVA_OPTIONS. Nodes that begin with
that file are up in half the time (JEP 350).
"""

from __future__ import annotations

import asyncio
import signal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from ocpplog_common import topics
from ocpplog_common.admin import kafka as admin
from ocpplog_common.records import Site
from ocpplog_common.settings import KafkaSettings
from support.broker import IDEMPOTENCE, REPLICATION, broker
from support.records import put_records


async def _use(bootstrap: str) -> None:
    settings = KafkaSettings(kafka_bootstrap=bootstrap, kafka_idempotence=IDEMPOTENCE)
    await admin.create_topics(settings, 1, REPLICATION)
    await put_records(settings, [Site(site_id="one")])
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    await producer.send_and_wait(topics.FRAMES, b"frame")
    await producer.stop()
    consumer = AIOKafkaConsumer(topics.FRAMES, bootstrap_servers=bootstrap, group_id="one", auto_offset_reset="earliest")
    await consumer.start()
    await consumer.getone()
    await consumer.commit()
    await consumer.stop()


def main() -> None:
    with broker() as found:
        asyncio.run(_use(found.bootstrap))
        for process in found.nodes.values():
            process.child.send_signal(signal.SIGTERM)
            process.child.wait(timeout=120)


if __name__ == "__main__":
    main()
