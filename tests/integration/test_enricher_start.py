"""The enricher where what it needs is not there yet: it waits, says for what, and ends when it is told to."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from integration.local_clickhouse_support import eventually
from ocpplog_common.admin import kafka as admin
from ocpplog_common.settings import KafkaSettings
from support.broker import IDEMPOTENCE, REPLICATION, broker
from support.processes import Process, environment, free_port, local_clickhouse, running, wait_for_http

pytestmark = pytest.mark.integration


class Enricher:
    def __init__(self, bootstrap: str, clickhouse: str, log: Path, port: int = 0) -> None:
        port = port or free_port()
        self.health, self.log = f"http://127.0.0.1:{port}", log
        known = {
            "kafka_bootstrap": bootstrap,
            "kafka_idempotence": str(IDEMPOTENCE).lower(),
            "clickhouse_url": clickhouse,
            "enricher_health_port": port,
        }
        self.process = Process(sys.executable, "-m", "ocpplog_enricher", env=environment(known), log=log)

    def said(self) -> list[str]:
        """Its log, which is JSON whatever happens."""
        return [json.loads(line)["event"] for line in self.log.read_text().splitlines()]

    def waits_for(self) -> str:
        wait_for_http(f"{self.health}/livez", self.process)
        answer = httpx.get(f"{self.health}/readyz")
        assert answer.status_code == 503
        return answer.text.strip()


@contextmanager
def started(bootstrap: str, clickhouse: str, log: Path) -> Iterator[Enricher]:
    found = Enricher(bootstrap, clickhouse, log)
    with running(found.process):
        yield found


async def test_before_kafka(tmp_path: Path) -> None:
    with local_clickhouse(tmp_path / "clickhouse") as store, broker() as kafka:
        settings = KafkaSettings(kafka_bootstrap=kafka.bootstrap, kafka_idempotence=IDEMPOTENCE)
        await admin.create_topics(settings, 4, REPLICATION)
        # One that is frozen takes connections and answers none.
        kafka.freeze()
        with started(kafka.bootstrap, store.url, tmp_path / "log") as enricher:
            assert enricher.waits_for() == "waiting for Kafka or ClickHouse"
            kafka.thaw()
            wait_for_http(f"{enricher.health}/readyz", enricher.process, 60)
            assert enricher.process.stop(timeout=40) == 0
    assert "ready" in enricher.said()


class TestEndsWhileItWaits:
    @pytest.mark.parametrize("listens", [True, False])
    def test_for_kafka(self, tmp_path: Path, listens: bool) -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            port = mute.getsockname()[1]
            if not listens:
                mute.close()
            with started(f"127.0.0.1:{port}", "http://127.0.0.1:1/", tmp_path / "log") as enricher:
                assert enricher.waits_for() == "waiting for Kafka or ClickHouse"
                if not listens:
                    assert eventually(lambda: "Kafka does not answer yet" in enricher.said(), 20)
                assert enricher.process.stop() == 0
        assert not {"cannot go on; the frames in hand will be read again"} & set(enricher.said())


def test_a_port_that_is_taken_is_said_in_a_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        enricher = Enricher("127.0.0.1:1", "http://127.0.0.1:1/", tmp_path / "log", taken.getsockname()[1])
        with running(enricher.process):
            assert enricher.process.child.wait(30) == 1
    [critical] = [line for line in map(json.loads, enricher.log.read_text().splitlines()) if line["level"] == "critical"]
    assert "address already in use" in critical["error"]
