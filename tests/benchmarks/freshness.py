"""How soon an exchange that passes the gateway is found in ClickHouse."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import clickhouse_connect
import uvloop
from clickhouse_connect.driver import AsyncClient

from benchmarks.chargers import Fleet
from benchmarks.figures import percentile
from benchmarks.load import OpenLoop
from benchmarks.processes import CpuMeter
from benchmarks.rig import Rig, rig
from ocpplog_common.admin import kafka as admin
from ocpplog_common.clickhouse.migrate import migrate
from ocpplog_common.records import LevelName, Site
from ocpplog_common.settings import KafkaSettings
from support.broker import IDEMPOTENCE
from support.processes import LocalClickHouse, Process, environment, free_port, local_clickhouse, running, wait_for_http

_CHARGERS = 200
_CALLS_PER_S = 500.0
"""Each is a frame, and so is its answer."""
_WARM_UP_S = 5.0
_POLL_S = 0.1
_WITHIN_S = 60.0


class Watch:
    """Looks again and again for rows that are new, and notes how old they are when they are found."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._seen: set[tuple[str, int]] = set()
        self._since = "2000-01-01 00:00:00"
        self.ages_s: list[float] = []
        """From the answer passing the gateway to the row being found."""

    async def found(self, rows: int) -> None:
        """Raises AssertionError where so many have not been found after a minute."""
        for _ in range(int(_WITHIN_S / _POLL_S)):
            if len(self._seen) >= rows:
                return
            await asyncio.sleep(_POLL_S)
        raise AssertionError(f"{len(self._seen)} rows of {rows} exchanges")

    async def look(self) -> None:
        result = await self._client.query(
            "SELECT lower(hex(connection_id)), sequence, toUnixTimestamp64Milli(datetime) + latency_ms, stored_at"
            " FROM ocpplog.ocpp_log WHERE stored_at >= {since:DateTime64(3, 'UTC')}",
            {"since": self._since},
        )
        now_ms = time.time() * 1000
        for connection, sequence, answered_ms, stored_at in result.result_rows:
            if (connection, sequence) not in self._seen:
                self._seen.add((connection, sequence))
                self.ages_s.append((now_ms - answered_ms) / 1000)
                # A write names its moment when it begins: what began earlier may show later.
                self._since = max(self._since, (stored_at - timedelta(seconds=3)).strftime("%Y-%m-%d %H:%M:%S"))

    async def follow(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(_POLL_S)


def freshness(logs: Path, scratch: Path, seconds: float) -> dict[str, float]:
    """p50, p99 and p100, in seconds. Raises AssertionError where an exchange is missing in the end."""
    with rig(logs, _CHARGERS) as found, local_clickhouse(scratch / "clickhouse") as store:
        migrate(clickhouse_connect.get_client(host="127.0.0.1", port=store.port), "ocpplog")
        settings = KafkaSettings(kafka_bootstrap=found.bootstrap, kafka_idempotence=IDEMPOTENCE)
        asyncio.run(admin.put_records(settings, [Site(site_id="bench", level=LevelName.DEBUG)]))
        with _enricher(found, store, logs), found.gateway() as relay:
            ages = uvloop.run(_ages(relay.port, found.credentials, store.port, seconds))
    return {f"p{percent:g}": percentile(ages, percent) for percent in (50, 99, 100)}


async def _ages(port: int, credentials: list[tuple[str, str]], store_port: int, seconds: float) -> list[float]:
    client = await clickhouse_connect.get_async_client(host="127.0.0.1", port=store_port, autogenerate_session_id=False)
    watch, fleet, cpu = Watch(client), Fleet(port), CpuMeter({"client": os.getpid()})
    following = asyncio.create_task(watch.follow())
    try:
        await fleet.connect(credentials, 100)
        await OpenLoop(fleet).run(_CALLS_PER_S, 0.0, _WARM_UP_S, cpu)
        await watch.found(fleet.answers)
        watch.ages_s.clear()
        await OpenLoop(fleet).run(_CALLS_PER_S, 0.0, seconds, cpu)
        await watch.found(fleet.answers)
        await fleet.close()
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await client.close()
    return watch.ages_s


@contextlib.contextmanager
def _enricher(rig: Rig, store: LocalClickHouse, logs: Path) -> Iterator[None]:
    health = free_port()
    settings = {
        "kafka_bootstrap": rig.bootstrap,
        "kafka_idempotence": str(IDEMPOTENCE).lower(),
        "clickhouse_url": store.url,
        "enricher_health_port": health,
        "enricher_rebalance_timeout_s": 3,
    }
    with running(
        Process(sys.executable, "-m", "ocpplog_enricher", env=environment(settings), log=logs / "enricher.log")
    ) as process:
        wait_for_http(f"http://127.0.0.1:{health}/readyz", process, 60)
        yield
