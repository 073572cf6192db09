"""How soon an exchange that passes the gateway is found in ClickHouse."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import clickhouse_connect
import uvloop
from clickhouse_connect.driver import AsyncClient

from benchmarks.backlog import QUICK_TO_JOIN
from benchmarks.chargers import Fleet
from benchmarks.figures import percentile
from benchmarks.load import OpenLoop
from benchmarks.pipeline import Pipeline, pipeline
from benchmarks.processes import CpuMeter

CHARGERS = 200
_CALLS_PER_S = 500.0
"""Each is a frame, and so is its answer."""
WARM_UP_S = 5.0
_POLL_S = 0.1
_WITHIN_S = 60.0
_LIGHT = " SETTINGS use_skip_indexes = 0, max_threads = 1"
"""Of dozens of small parts, reading the indexes is half of a look: cores that the inserts need."""
_LATE = timedelta(seconds=3)
"""A write names its moment when it begins: what began earlier may show later."""


class Watch:
    """Looks again and again for rows that are new, and notes how old they are when they are found.

    `chargers`: whose rows alone are looked at; of all where it is empty. `every_s`: by so much an age may be too high.
    """

    def __init__(self, client: AsyncClient, chargers: Sequence[str] = (), every_s: float = _POLL_S) -> None:
        self._client, self._every_s = client, every_s
        self._chargers = list(chargers)
        self._seen: dict[tuple[str, int], datetime] = {}
        self._since = datetime(2001, 1, 1)
        self.rows = 0
        self.ages_s: list[float] = []
        """From the answer passing the gateway to the row being found."""

    async def found(self, rows: int) -> None:
        """Raises AssertionError where so many have not been found after a minute."""
        for _ in range(int(_WITHIN_S / _POLL_S)):
            if self.rows >= rows:
                return
            await asyncio.sleep(_POLL_S)
        raise AssertionError(f"{self.rows} rows of {rows} exchanges")

    async def look(self) -> None:
        result = await self._client.query(
            "SELECT lower(hex(connection_id)), sequence, toUnixTimestamp64Milli(datetime) + latency_ms, stored_at"
            " FROM ocpplog.ocpp_log WHERE stored_at >= {since:DateTime64(3, 'UTC')}"
            " AND datetime >= {since:DateTime64(3, 'UTC')} - INTERVAL 2 MINUTE"
            " AND (empty({chargers:Array(String)}) OR charger_id IN {chargers:Array(String)})" + _LIGHT,
            {"since": f"{self._since:%Y-%m-%d %H:%M:%S}", "chargers": self._chargers},
        )
        now_ms, newest = time.time() * 1000, self._since
        for connection, sequence, answered_ms, stored_at in result.result_rows:
            if (connection, sequence) not in self._seen:
                self._seen[connection, sequence] = stored_at = stored_at.replace(tzinfo=None)
                self.rows += 1
                self.ages_s.append((now_ms - answered_ms) / 1000)
                newest = max(newest, stored_at - _LATE)
        if newest > self._since:
            self._since = newest.replace(microsecond=0)
            self._seen = {name: at for name, at in self._seen.items() if at >= self._since}

    def taken(self) -> list[float]:
        """The ages since it was asked last."""
        found, self.ages_s = self.ages_s, []
        return found

    async def follow(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._every_s)


def freshness(logs: Path, scratch: Path, seconds: float) -> dict[str, float]:
    """p50, p99 and p100, in seconds. Raises AssertionError where an exchange is missing in the end."""
    with pipeline(logs, scratch, CHARGERS, enricher=QUICK_TO_JOIN) as found:
        ages = uvloop.run(_whole(found, seconds))
    return {f"p{percent:g}": percentile(ages, percent) for percent in (50, 99, 100)}


async def _whole(found: Pipeline, seconds: float) -> list[float]:
    client = await clickhouse_connect.get_async_client(host="127.0.0.1", port=found.store.port, autogenerate_session_id=False)
    fleet = Fleet(found.gateway.port)
    try:
        await fleet.connect(found.rig.credentials, 100)
        ages = await ages_at(fleet, OpenLoop(fleet), Watch(client), _CALLS_PER_S, seconds)
        await fleet.close()
    finally:
        await client.close()
    return ages


async def ages_at(fleet: Fleet, load: OpenLoop, watch: Watch, calls_per_s: float, seconds: float) -> list[float]:
    """Of all exchanges at that rate, in seconds, after a warm-up that is no longer. Raises AssertionError where one is missing in
    the end."""
    cpu, before = CpuMeter({"client": os.getpid()}), fleet.answers - watch.rows
    following = asyncio.create_task(watch.follow())
    try:
        await load.run(calls_per_s, 0.0, min(WARM_UP_S, seconds), cpu)
        await watch.found(fleet.answers - before)
        watch.taken()
        await load.run(calls_per_s, 0.0, seconds, cpu)
        await watch.found(fleet.answers - before)
        return watch.taken()
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
