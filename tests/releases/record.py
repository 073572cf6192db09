"""Records what a release leaves behind, for the test that the next ones understand it. In tests/, beside its `make run`:

    ../.venv/bin/python -m releases.record 0.1.0

writes releases/0.1.0/: every record on Kafka, every row in ClickHouse, and the statements that made the tables.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gzip
import json
import urllib.request
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from ocpplog_common import topics
from ocpplog_common.compacted import partitions_of

TABLES = ("ocpp_log", "meter_sample", "connection_event")
TOPICS = (topics.FRAMES, topics.CONNECTIONS, topics.SITES, topics.CHARGERS)
HERE = Path(__file__).parent


async def records(bootstrap: str) -> AsyncIterator[dict[str, Any]]:
    for topic in TOPICS:
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        try:
            consumer.assign([TopicPartition(topic, n) for n in await partitions_of(topic, {"bootstrap_servers": bootstrap})])
            while batches := await consumer.getmany(timeout_ms=3000):
                for batch in batches.values():
                    for record in batch:
                        yield {
                            "topic": topic,
                            "partition": record.partition,
                            "key": _text(record.key),
                            "value": _text(record.value),
                            "headers": [[name, _text(value)] for name, value in record.headers],
                            "timestamp": record.timestamp,
                        }
        finally:
            await consumer.stop()


def asked(url: str, query: str) -> bytes:
    with urllib.request.urlopen(url, data=query.encode(), timeout=30) as answer:
        found: bytes = answer.read()
    return found


def write(path: Path, lines: Iterable[Any]) -> None:
    path.write_bytes(gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines), mtime=0))


async def main() -> None:
    parser = argparse.ArgumentParser(prog="releases.record", description=__doc__)
    parser.add_argument("release")
    parser.add_argument("--kafka", default="127.0.0.1:9092")
    parser.add_argument("--clickhouse", default="http://127.0.0.1:8123/")
    options = parser.parse_args()
    directory = HERE / options.release
    directory.mkdir(exist_ok=True)
    there = asked(options.clickhouse, "SELECT name FROM system.tables WHERE database = 'ocpplog' FORMAT TSV").decode().split()
    statements = [
        asked(
            options.clickhouse,
            f"SELECT create_table_query FROM system.tables WHERE database = 'ocpplog' AND name = '{name}' FORMAT TSVRaw",
        )
        for name in there
    ]
    (directory / "schema.sql").write_bytes(b"\n;\n".join(statements) + b"\n")
    for name in sorted({"schema_migration", *TABLES} & set(there)):
        rows = asked(options.clickhouse, f"SELECT * FROM ocpplog.{name} ORDER BY ALL FORMAT JSONEachRow")
        (directory / f"{name}.jsonl.gz").write_bytes(gzip.compress(rows, mtime=0))
    # Last: whatever is a row has its frames here.
    write(directory / "records.jsonl.gz", [record async for record in records(options.kafka)])


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


if __name__ == "__main__":
    asyncio.run(main())
