"""How soon an exchange is found, by how many frames come: until the machine is full."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import clickhouse_connect
import uvloop

from benchmarks.chargers import Fleet
from benchmarks.curves.curve import Curve, Point, point
from benchmarks.figures import percentile
from benchmarks.freshness import CHARGERS, Watch, ages_at
from benchmarks.load import OpenLoop
from benchmarks.pipeline import Pipeline, pipeline
from benchmarks.report import say
from benchmarks.wire import WireError

_PERCENTS: Final = (50, 99)
_LATE: Final = 0.02
"""Of the time of a repetition. Where the client itself sends later than this, the rate is none that was offered."""
_PAUSE_S: Final = 2.0


def measure(scratch: Path, frames_per_s: Sequence[int], seconds: float, repetitions: int) -> Curve:
    with pipeline(scratch, scratch, CHARGERS) as found:
        lines, ended = uvloop.run(_lines(found, frames_per_s, seconds, repetitions))
    note = f"From the gateway to found by a query, everything and the chargers on this machine. {ended}"
    return Curve("rate", "frames/s", "seconds", lines, note)


async def _lines(found: Pipeline, rates: Sequence[int], seconds: float, repetitions: int) -> tuple[dict[str, list[Point]], str]:
    lines: dict[str, list[Point]] = {f"p{percent}": [] for percent in _PERCENTS}
    client = await clickhouse_connect.get_async_client(host="127.0.0.1", port=found.store.port, autogenerate_session_id=False)
    fleet = Fleet(found.gateway.port)
    await fleet.connect(found.rig.credentials, 100)
    ended = "At none of these rates was the machine full."
    try:
        watch = Watch(client)
        for rate in rates:
            ages, late = await _at(fleet, watch, rate, seconds, repetitions)
            if late > _LATE * seconds:
                ended = f"At {rate:,} frames/s the machine is full: the chargers themselves send late, and slower."
                break
            for percent in _PERCENTS:
                lines[f"p{percent}"].append(point(rate, [percentile(one, percent) for one in ages]))
            say(f"{rate:,} frames/s: " + ", ".join(f"{name} {points[-1].median:.2f} s" for name, points in lines.items()))
    except (AssertionError, WireError) as error:
        ended = f"At {rate:,} frames/s: {error}."
    finally:
        await fleet.close()
        await client.close()
    return lines, ended


async def _at(fleet: Fleet, watch: Watch, rate: int, seconds: float, repetitions: int) -> tuple[list[list[float]], float]:
    """The ages of each repetition, and how late the client was (p99 of the worst)."""
    ages, late = [], 0.0
    for _ in range(repetitions):
        load = OpenLoop(fleet)
        ages.append(await ages_at(fleet, load, watch, rate / 2, seconds))
        late = max(late, percentile(load.sent_late, 99))
        await asyncio.sleep(_PAUSE_S)
    return ages, late
