"""Frames that wait on Kafka, and the contestants that work through all of them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import clickhouse_connect
from aiokafka import AIOKafkaProducer
from clickhouse_connect.driver import Client

from benchmarks import messages
from ocpplog_common import topics
from ocpplog_common.admin import kafka as admin
from ocpplog_common.clickhouse.migrate import migrate
from ocpplog_common.envelope import Connection, Opcode, Source, new_connection_id
from ocpplog_common.records import LevelName, Site
from ocpplog_common.settings import KafkaSettings
from support.broker import IDEMPOTENCE, REPLICATION, kafka
from support.processes import LocalClickHouse, Process, environment, free_port, local_clickhouse, running
from support.records import put_records

QUICK_TO_JOIN: Final = {"enricher_rebalance_timeout_s": 3, "enricher_session_timeout_s": 3}
"""Settings of the enricher with which it is given its partitions within three seconds. The embedded broker takes as long as it
would to notice that a member is dead."""
_PARTITIONS = 12
_CHARGERS = 200
_WITHIN_S = 300.0


@dataclass
class Backlog:
    """`frames` of both directions, half of them answers. Each contestant writes to a database of its own."""

    bootstrap: str
    store: LocalClickHouse
    client: Client
    frames: int
    logs: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def enricher(self) -> float:
        """Frames per second from when it has read the first ones to its last write. Not from its first write on: behind as it is,
        it reads much before that."""
        number, health = next(self._numbers), free_port()
        database = self._new_database(number)
        more = {"enricher_group": f"enricher-{number}", "enricher_health_port": health, **QUICK_TO_JOIN}
        command = (sys.executable, "-m", "ocpplog_enricher")
        process = Process(*command, env=self._environment(database, **more), log=self.logs / "enricher.log")
        with running(process):
            read, began = _first_read(health)
            _, ended, _ = self._written(database)
        return (self.frames - read) / (ended - began)

    def bare_loop(self) -> float:
        database = self._new_database(next(self._numbers))
        command = (sys.executable, "-m", "benchmarks.bare_enricher", "--rows", str(self.frames // 2))
        return self._rate(Process(*command, env=self._environment(database), log=self.logs / "bare.log"), database)

    def stock_faust(self) -> float:
        command = ("benchmarks.stock_faust", "--bootstrap", self.bootstrap, "--frames", str(self.frames))
        done = subprocess.run((sys.executable, "-m", *command), capture_output=True, text=True, timeout=_WITHIN_S, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        return float(found["frames"] / found["seconds"])

    def _new_database(self, number: int) -> str:
        name = f"bench_{number}"
        migrate(self.client, name)
        return name

    def _environment(self, database: str, **more: object) -> Mapping[str, str]:
        settings = {
            "kafka_bootstrap": self.bootstrap,
            "kafka_idempotence": str(IDEMPOTENCE).lower(),
            "clickhouse_url": self.store.url,
            "clickhouse_database": database,
            **more,
        }
        return environment(settings)

    def _rate(self, process: Process, database: str) -> float:
        with running(process):
            began, ended, first = self._written(database)
        return float(2 * (self.frames // 2 - first) / (ended - began))

    def _written(self, database: str) -> tuple[float, float, int]:
        """When the first and the last row were stored, and how many with the first. Returns once all are. Raises TimeoutError."""
        times = "toUnixTimestamp64Milli(min(stored_at)) / 1000, toUnixTimestamp64Milli(max(stored_at)) / 1000"
        query = f"SELECT count(), {times}, countIf(stored_at = min_at) FROM {database}.ocpp_log"
        query = f"WITH (SELECT min(stored_at) FROM {database}.ocpp_log) AS min_at {query}"
        deadline = time.monotonic() + _WITHIN_S
        while True:
            rows, began, ended, first = self.client.query(query).result_rows[0]
            if rows >= self.frames // 2:
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"{rows} rows in {_WITHIN_S:.0f} s: see the log")
            time.sleep(0.5)
        self.client.command(f"DROP DATABASE {database}")
        if rows != self.frames // 2:
            raise AssertionError(f"{rows} rows of {self.frames // 2} exchanges")
        return began, ended, first


def _first_read(health: int) -> tuple[float, float]:
    """How many frames the enricher says it has read, and when, once there are some. Raises TimeoutError."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{health}/metrics", timeout=5) as response:
            found = re.search(r"^ocpplog_enricher_frames_total ([0-9.e+]+)$", response.read().decode(), re.MULTILINE)
            if found and float(found[1]):
                return float(found[1]), time.time()
        time.sleep(0.02)
    raise TimeoutError("nothing read in a minute: see the log")


@contextlib.contextmanager
def backlog(logs: Path, frames: int) -> Iterator[Backlog]:
    with kafka() as bootstrap, tempfile.TemporaryDirectory(prefix="ocpplog-bench-") as data:
        asyncio.run(_fill(bootstrap, frames))
        with local_clickhouse(Path(data)) as store:
            client = clickhouse_connect.get_client(host="127.0.0.1", port=store.port)
            yield Backlog(bootstrap, store, client, frames, logs)


def _answer(call: str) -> str:
    """What follows the message id of the answer, as the schemas want it."""
    return messages.ANSWER if "Heartbeat" in call else ",{}]"


async def _fill(bootstrap: str, frames: int) -> None:
    settings = KafkaSettings(kafka_bootstrap=bootstrap, kafka_idempotence=IDEMPOTENCE)
    await admin.create_topics(settings, _PARTITIONS, REPLICATION)
    await put_records(settings, [Site(site_id="bench", level=LevelName.DEBUG)])
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=IDEMPOTENCE, linger_ms=20, max_batch_size=1 << 18)
    await producer.start()
    began_us = time.time_ns() // 1000 - frames * 1000
    chargers = [
        Connection(f"BENCH-{number:05}", "bench", "ocpp1.6", new_connection_id(began_us), "bench") for number in range(_CHARGERS)
    ]
    for number in range(frames // 2):
        charger, turn = chargers[number % _CHARGERS], number // _CHARGERS
        at_us = began_us + number * 2000
        rest = messages.CALLS[(number + turn) % len(messages.CALLS)]
        for source, frame, sequence in (
            (Source.CHARGER, f'[2,"{number}"{rest}', 2 * turn + 1),
            (Source.CSMS, f'[3,"{number}"{_answer(rest)}', 2 * turn + 2),
        ):
            headers = charger.headers(source, Opcode.TEXT, sequence, at_us + sequence % 2)
            await producer.send(topics.FRAMES, frame.encode(), key=charger.key, headers=headers)
    await producer.stop()
