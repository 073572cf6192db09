"""The whole pipeline as processes: what a frame passes from a charger to a reader."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import clickhouse_connect

from benchmarks.rig import Relay, Rig, rig, started
from ocpplog_common import tokens
from ocpplog_common.clickhouse.migrate import migrate
from ocpplog_common.records import LevelName, Site
from ocpplog_common.settings import KafkaSettings
from ocpplog_common.tokens import Role
from support.broker import IDEMPOTENCE
from support.processes import LocalClickHouse, environment, free_port, local_clickhouse, wait_for_http
from support.records import put_records

DATABASE: Final = "ocpplog"
_TOKEN_S: Final = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Service:
    """A process and the port of its /metrics; 0 where it has none."""

    pid: int
    port: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Everything but the chargers and the readers. `api` is None where nobody asked for it."""

    rig: Rig
    store: LocalClickHouse
    gateway: Relay
    enricher: Service
    api: Service | None
    token: str


@contextlib.contextmanager
def pipeline(
    logs: Path, scratch: Path, chargers: int, api: bool = False, enricher: Mapping[str, object] | None = None
) -> Iterator[Pipeline]:
    """All at level debug: each exchange becomes a row. `enricher`: settings of it, besides."""
    with contextlib.ExitStack() as stack:
        found = stack.enter_context(rig(logs, chargers))
        store = stack.enter_context(local_clickhouse(scratch / "clickhouse"))
        with clickhouse_connect.get_client(host="127.0.0.1", port=store.port) as client:
            migrate(client, DATABASE)
        settings = KafkaSettings(kafka_bootstrap=found.bootstrap, kafka_idempotence=IDEMPOTENCE)
        asyncio.run(put_records(settings, [Site(site_id="bench", level=LevelName.DEBUG)]))
        running = stack.enter_context(_enricher(found, store, logs, enricher or {}))
        gateway = stack.enter_context(found.gateway())
        key_file = scratch / "key"
        token = tokens.mint(tokens.create_key(key_file), "bench", Role.SUPPORT, ("*",), _TOKEN_S)
        served = stack.enter_context(_api(found, store, logs, key_file)) if api else None
        yield Pipeline(found, store, gateway, running, served, token)


@contextlib.contextmanager
def _enricher(rig: Rig, store: LocalClickHouse, logs: Path, more: Mapping[str, object]) -> Iterator[Service]:
    settings = {**_shared(rig, store), "enricher_rebalance_timeout_s": 3, **more}
    with _service("ocpplog_enricher", "enricher_health_port", settings, logs / "enricher.log") as service:
        yield service


@contextlib.contextmanager
def _api(rig: Rig, store: LocalClickHouse, logs: Path, key_file: Path) -> Iterator[Service]:
    settings = {**_shared(rig, store), "api_jwt_key_file": key_file}
    with _service("ocpplog_query_api", "api_port", settings, logs / "api.log") as service:
        yield service


def _shared(rig: Rig, store: LocalClickHouse) -> dict[str, object]:
    return {
        "kafka_bootstrap": rig.bootstrap,
        "kafka_idempotence": str(IDEMPOTENCE).lower(),
        "clickhouse_url": store.url,
        "clickhouse_database": DATABASE,
    }


@contextlib.contextmanager
def _service(module: str, port_setting: str, settings: dict[str, object], log: Path) -> Iterator[Service]:
    port = free_port()
    env = environment({**settings, port_setting: port})
    ready = f"http://127.0.0.1:{port}/readyz"
    with started((sys.executable, "-m", module), log, lambda process: wait_for_http(ready, process, 60), env) as process:
        yield Service(process.child.pid, port)
