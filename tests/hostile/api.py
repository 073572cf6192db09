"""Whatever clients do to the query API, all at once, while others search, download and follow the log."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from integration.api_attacks import Attack
from integration.hostile_support import Served, beside, caller, descriptors, resident
from integration.query_api_support import Bench, insert, query_api
from ocpplog_common import tokens
from ocpplog_common.tokens import Role

MIB: Final = 1024 * 1024
ALL: Final = {
    "silent": 100,
    "head that trickles": 50,
    "body that trickles": 50,
    "export read slowly": 48,
    "tail read slowly": 24,
    "page not read": 24,
    "hangs up": 8,
    "wrong request": 8,
    "huge request": 8,
}
"""Clients of each kind."""
_LEFT: Final = {"export read slowly": 24, "page not read": 24}
"""Those that stay when the others have gone: the API has to end them."""
_CALLERS: Final = 4
_GROWTH: Final = 256 * MIB
_POOL: Final = 8
"""Connections to ClickHouse that wait to be used again."""
_LEFT_AT_MOST_S: Final = 150.0
_BULK: Final = """
INSERT INTO ocpplog.ocpp_log (datetime, site_id, charger_id, action, outcome, request, response, connection_id, sequence)
SELECT now64(3) - number / 100, 'bulk', 'BULK', 'DataTransfer', 'result', randomPrintableASCII(2000), '{}', generateUUIDv4(),
  number
FROM numbers({rows:UInt32})
"""


@dataclass(slots=True)
class Usage:
    """Of the API's process. `peak` and `most`: of memory and descriptors, of what was seen."""

    pid: int
    peak: int = 0
    most: int = 0

    async def watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(0.25)

    def look(self) -> None:
        self.peak, self.most = max(self.peak, resident(self.pid)), max(self.most, descriptors(self.pid))


def run(folder: Path, seconds: float) -> dict[str, Any]:
    """What the report says. Limits are as they are by default."""
    limits = {"api_max_export": 10_000, "api_rate_per_s": 50, "api_max_requests_per_caller": 32}
    with query_api(folder, **limits) as bench:
        return asyncio.run(attacked(bench, seconds, ALL, rows=2_000, left=_LEFT))


async def attacked(
    bench: Bench, seconds: float, numbers: Mapping[str, int], rows: int, left: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Raises AssertionError where a caller beside gets a wrong answer, or none in time. `rows`: of the log that is asked for."""
    await asyncio.to_thread(bench.client.command, _BULK, {"rows": rows})
    pid, port = bench.process.child.pid, httpx.URL(bench.url).port
    assert port
    mine = {"Authorization": f"Bearer {bench.token(Role.VIEWER, ('mine',), 3600)}"}
    hostile = [tokens.mint(bench.key, f"hostile {n}", Role.VIEWER, ("*",), 3600) for n in range(_CALLERS)]
    async with (
        caller(bench.url, "/v1/logs?q=faulted", mine, 0.1) as searches,
        caller(bench.url, "/v1/logs/export?columns=all", mine, 1) as downloads,
        _followed(bench) as entries,
    ):
        # What the first ones make it allocate and connect to is not what they cost.
        await _attack(Attack(port, hostile), min(5.0, seconds), numbers)
        before, opened = resident(pid), await _settled(pid, 0)
        usage, begun = Usage(pid), [one.count for one in (searches, downloads, entries)]
        watching = asyncio.create_task(usage.watch())
        attack = Attack(port, hostile)
        await _attack(attack, seconds, numbers)
        ended = [one.count for one in (searches, downloads, entries)]
        cut_s = await _cut_off(Attack(port, hostile), pid, opened, left) if left else 0.0
        after = await _settled(pid, opened + _POOL)
        watching.cancel()
    said = {kind: dict(sorted(what.items())) for kind, what in attack.said.items()}
    broken = "Traceback" in bench.log.read_text() or any("500" in what for what in said.values())
    clients, grown = sum(numbers.values()), usage.peak - before
    return {
        "seconds": seconds,
        "clients": dict(numbers),
        "answered": said,
        "resident_mib_before": round(before / MIB, 1),
        "resident_mib_peak": round(usage.peak / MIB, 1),
        "resident_mib_after": round(resident(pid) / MIB, 1),
        "grown_mib": round(grown / MIB, 1),
        "descriptors_before": opened,
        "descriptors_peak": usage.most,
        "descriptors_after": after,
        "left_open": dict(left or {}),
        "left_open_ended_after_s": round(cut_s),
        "beside": dict(
            zip(("searches", "downloads", "live entries"), (b - a for a, b in zip(begun, ended, strict=True)), strict=True)
        ),
        "met": grown < _GROWTH and after <= opened + _POOL and not broken and cut_s < _LEFT_AT_MOST_S,
        "summary": f"{clients} hostile clients of the API for {seconds:.0f} s: {grown / MIB:.0f} MiB more memory, others served",
    }


async def _attack(attack: Attack, seconds: float, numbers: Mapping[str, int]) -> None:
    attack.start(numbers)
    try:
        await asyncio.sleep(seconds)
    finally:
        await attack.stop()


async def _cut_off(attack: Attack, pid: int, opened: int, numbers: Mapping[str, int]) -> float:
    """How long it takes until the API has ended these by itself."""
    attack.start(numbers)
    try:
        await asyncio.sleep(2)
        started = time.monotonic()
        while descriptors(pid) > opened + _POOL and time.monotonic() < started + _LEFT_AT_MOST_S:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
        return time.monotonic() - started
    finally:
        await attack.stop()


async def _settled(pid: int, wanted: int) -> int:
    """Descriptors, once they are as few as wanted, or have not become fewer for a while."""
    fewest, since = descriptors(pid), time.monotonic()
    while fewest > wanted and time.monotonic() < since + 10:
        await asyncio.sleep(0.25)
        if (found := descriptors(pid)) < fewest:
            fewest, since = found, time.monotonic()
    return fewest


@dataclass(slots=True)
class _Live:
    """Entries of a site of its own, a few a second, and what a client that follows it has got."""

    bench: Bench
    served: Served
    got: list[str] = field(default_factory=list)

    async def store(self) -> None:
        for number in range(10**9):
            now = f"{time.time():.3f}"
            rows = [{"site_id": "live", "message_id": f"live-{number}", "datetime": now}]
            # For those who follow everything.
            rows += [{"site_id": "bulk", "charger_id": "MORE", "datetime": now, "request": "y" * 2000}] * 20
            await asyncio.to_thread(insert, self.bench.client, *rows)
            await asyncio.sleep(0.5)

    async def follow(self) -> None:
        headers = {"Authorization": f"Bearer {self.bench.token(Role.VIEWER, ('live',), 3600)}"}
        async with (
            httpx.AsyncClient(base_url=self.bench.url, headers=headers, timeout=30) as client,
            client.stream("GET", "/v1/logs/tail") as answer,
        ):
            assert answer.status_code == 200
            async for line in answer.aiter_lines():
                if line.startswith('data: {"id"'):
                    self._take(json.loads(line.removeprefix("data: "))["message_id"])
        raise AssertionError("the stream has ended")

    def _take(self, message_id: str) -> None:
        number = int(message_id.removeprefix("live-"))
        assert not self.got or number == int(self.got[-1].removeprefix("live-")) + 1, (self.got[-1], message_id)
        self.got.append(message_id)
        self.served.one()


@contextlib.asynccontextmanager
async def _followed(bench: Bench) -> AsyncIterator[Served]:
    """A client that follows the log, which grows meanwhile: it gets each entry, once, in order."""

    async def work(served: Served) -> None:
        live = _Live(bench, served)
        async with asyncio.TaskGroup() as both:
            both.create_task(live.store())
            both.create_task(live.follow())

    async with beside(work) as served:
        yield served
