"""Loads, samples, and counts in the end."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import clickhouse_connect
from clickhouse_connect.driver import AsyncClient, Client

from benchmarks.chargers import Fleet
from benchmarks.figures import percentile
from benchmarks.freshness import Watch
from benchmarks.load import OpenLoop
from benchmarks.pipeline import DATABASE, Pipeline
from benchmarks.processes import CpuMeter
from benchmarks.report import say
from benchmarks.soak.readers import Follower, Visitor
from benchmarks.soak.sampling import Sampler
from ocpplog_common.clickhouse import tables

WATCHED: Final = 10
"""Chargers whose every exchange is looked for until it is found."""
_LOOK_S: Final = 0.2
"""Between two looks for them, of which each takes some 5 ms of a core."""
_VIEWS_EVERY_S: Final = 30.0
"""At least so often somebody opens the dashboard, who pauses for 5 s in between."""
_AT_ONCE: Final = 100
_SETTLE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """`every_s`: between two samples; `warm_up_s`: how much of the run is not judged. `maximum`: frames a second that the whole
    machine was found to take; 0 where nobody knows."""

    frames_per_s: int
    seconds: float
    every_s: float
    warm_up_s: float
    maximum: int = 0


@dataclass(frozen=True, slots=True)
class Count:
    """What has to be a certain number."""

    name: str
    found: float
    wanted: float

    @property
    def met(self) -> bool:
        return self.found == self.wanted


@dataclass(slots=True)
class Found:
    """`samples`: one a look, by quantity, with `at_s` since the load began. `ages_s`: of the watched
    exchanges, after the warm-up."""

    samples: list[dict[str, float]] = field(default_factory=list)
    ages_s: list[float] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


async def run(pipeline: Pipeline, plan: Plan, data: Path) -> Found:
    client = await clickhouse_connect.get_async_client(host="127.0.0.1", port=pipeline.store.port, autogenerate_session_id=False)
    with clickhouse_connect.get_client(host="127.0.0.1", port=pipeline.store.port) as direct:
        try:
            return await Soak(pipeline, plan, Sampler(pipeline, direct, data), direct).run(client)
        finally:
            await client.close()


class Soak:
    def __init__(self, pipeline: Pipeline, plan: Plan, sampler: Sampler, client: Client) -> None:
        self._pipeline, self._plan, self._sampler, self._client = pipeline, plan, sampler, client
        self._ids = [charger_id for charger_id, _ in pipeline.rig.credentials]
        self._found = Found()

    async def run(self, client: AsyncClient) -> Found:
        fleet, watch = Fleet(self._pipeline.gateway.port), Watch(client, self._ids[:WATCHED], _LOOK_S)
        following = asyncio.create_task(watch.follow())
        with Follower(self._pipeline, self._ids[0]) as follower, Visitor(self._pipeline) as visitor:
            try:
                await asyncio.to_thread(follower.live.wait, _SETTLE_S)
                await fleet.connect(self._pipeline.rig.credentials, _AT_ONCE)
                await self._load(fleet, watch, visitor)
                await self._count(fleet, follower)
            finally:
                following.cancel()
                [ended] = await asyncio.gather(following, return_exceptions=True)
                await fleet.close()
        if isinstance(ended, Exception):
            self._found.failures.append(f"nobody looked any more for what can be found: {type(ended).__name__}: {ended}")
        if visitor.views < (least := int(self._plan.seconds / _VIEWS_EVERY_S)):
            self._found.failures.append(f"the start view was opened {visitor.views} times, instead of at least {least}")
        self._found.failures += [*follower.failures, *visitor.failures]
        return self._found

    async def _load(self, fleet: Fleet, watch: Watch, visitor: Visitor) -> None:
        """In slices, each with one look at everything; in the first one, nobody has anything to say yet."""
        plan, cpu, began = self._plan, CpuMeter({"client": os.getpid()}), time.monotonic()
        await OpenLoop(fleet).run(plan.frames_per_s / 2, 0.0, plan.every_s, cpu)
        while (at_s := time.monotonic() - began) < plan.seconds:
            looking = asyncio.create_task(asyncio.to_thread(self._sampler.look))
            latencies = await OpenLoop(fleet).run(plan.frames_per_s / 2, 0.0, plan.every_s, cpu)
            sample = {"at_s": round(at_s, 1), **await looking, **_latencies(latencies), "start view": visitor.last_ms}
            if ages := watch.taken():
                sample |= {f"freshness p{percent}": percentile(ages, percent) for percent in (50, 99)}
            self._found.ages_s += ages if at_s >= plan.warm_up_s else []
            self._found.samples.append(sample)
            say(_told(sample))

    async def _count(self, fleet: Fleet, follower: Follower) -> None:
        """Each CALL that was answered is two frames, and one row."""
        exchanges, rig = fleet.answers, self._pipeline.rig
        rows, names = await self._rows(exchanges)
        [(followed,)] = self._client.query(
            f"SELECT count() FROM {DATABASE}.{tables.LOG} WHERE charger_id = {{charger:String}}", {"charger": self._ids[0]}
        ).result_rows
        await asyncio.to_thread(follower.wait_for, followed, _SETTLE_S)
        self._found.counts = [
            Count("exchanges lost", exchanges - names, 0),
            Count("rows doubled", rows - names, 0),
            Count("frames on Kafka", await rig.on_kafka(), 2 * exchanges),
            Count("frames changed on the way", (await rig.counts()).wrong, 0),
            Count("entries the tail brought", len(follower.ids), followed),
            Count("entries the tail missed", follower.missed, 0),
        ]

    async def _rows(self, exchanges: int) -> tuple[int, int]:
        """Rows, and exchanges that they name, once there are enough or none have come for a minute."""
        query = f"SELECT count(), uniqExact(connection_id, sequence) FROM {DATABASE}.{tables.LOG}"
        deadline = time.monotonic() + _SETTLE_S
        while True:
            [(rows, names)] = self._client.query(query).result_rows
            if names >= exchanges or time.monotonic() > deadline:
                return int(rows), int(names)
            await asyncio.sleep(0.5)


def _latencies(seconds: Sequence[float]) -> dict[str, float]:
    return {f"relay p{percent}": 1000 * percentile(seconds, percent) for percent in (50, 99)}


def _told(sample: dict[str, float]) -> str:
    names = ("gateway RSS", "enricher RSS", "API RSS", "ClickHouse RSS", "broker RSS", "relay p99", "freshness p99", "lag")
    return f"{sample['at_s']:.0f} s: " + ", ".join(f"{name} {sample.get(name, 0):.4g}" for name in names)
