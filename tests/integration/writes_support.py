"""The query API on a broker of its own, for tests of what it writes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from integration.query_api_support import Bench, query_api
from ocpplog_common.admin import kafka as admin
from ocpplog_common.records import Charger, Site
from ocpplog_common.settings import KafkaSettings
from ocpplog_common.tokens import Role
from support.broker import IDEMPOTENCE, REPLICATION, Broker, broker

WRITE_SECONDS = 5


@dataclass
class Writes:
    bench: Bench
    broker: Broker
    kafka: KafkaSettings

    def ask(
        self, method: str, path: str, body: Any = None, token: str | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        with self.bench.api(token) as api:
            return api.request(method, path, json=body, headers=headers)

    def do(self, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> httpx.Response:
        answer = self.ask(method, path, body, **more)
        assert answer.status_code == status, answer.text
        return answer

    def support(self, *sites: str) -> str:
        return self.bench.token(Role.SUPPORT, sites)

    def stored(self) -> tuple[dict[str, Site], dict[str, Charger]]:
        """What stands on Kafka, read by somebody else."""

        async def read() -> tuple[dict[str, Site], dict[str, Charger]]:
            async with admin.open_records(self.kafka) as found:
                return dict(found.sites), dict(found.chargers)

        return asyncio.run(read())


@contextlib.contextmanager
def writes(directory: Path, **settings: object) -> Iterator[Writes]:
    with broker() as node:
        kafka = KafkaSettings(kafka_bootstrap=node.bootstrap, kafka_idempotence=IDEMPOTENCE)
        asyncio.run(admin.create_topics(kafka, 1, REPLICATION))
        ours = {
            "kafka_bootstrap": node.bootstrap,
            "kafka_idempotence": str(IDEMPOTENCE).lower(),
            "api_write_seconds": WRITE_SECONDS,
        }
        with query_api(directory, **ours | settings) as bench:
            found = Writes(bench, node, kafka)
            _wait_for_records(found)
            yield found


def _wait_for_records(api: Writes) -> None:
    deadline = time.monotonic() + 30
    while api.ask("GET", "/v1/sites/mine/log-level").status_code == 503:
        assert time.monotonic() < deadline, "the records are never read"
        time.sleep(0.1)


def requests_of(site: str, charger: str) -> list[tuple[str, str, Any]]:
    """All that is for the role support: method, path, body."""
    return [
        ("PUT", f"/v1/sites/{site}", {"name": "x"}),
        ("DELETE", f"/v1/sites/{site}", None),
        ("PUT", f"/v1/sites/{site}/log-level", {"level": "debug", "reason": "x"}),
        ("PUT", f"/v1/chargers/{charger}", {"site_id": site}),
        ("DELETE", f"/v1/chargers/{charger}", None),
        ("POST", f"/v1/chargers/{charger}/key", None),
        ("GET", f"/v1/chargers/{charger}/record", None),
    ]
