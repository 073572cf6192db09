"""Frames that the gateway relays, by how many chargers are connected; beside the bare relay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import uvloop

from benchmarks import parts
from benchmarks.curves.curve import Curve, Point, point
from benchmarks.parts import GATEWAY, REFERENCE
from benchmarks.report import say
from benchmarks.rig import Rig, rig
from benchmarks.targets import FULL, QUICK
from benchmarks.targets import Plan as Load


def measure(scratch: Path, connections: Sequence[int], quick: bool) -> Curve:
    with rig(scratch, max(connections)) as found:
        lines = uvloop.run(_lines(found, connections, QUICK if quick else FULL))
    note = "Each charger sends its next CALL when the last one is answered. Gateway and reference in turn, in one run."
    return Curve("connections", "connections", "frames/s", lines, note)


async def _lines(rig: Rig, connections: Sequence[int], load: Load) -> dict[str, list[Point]]:
    lines: dict[str, list[Point]] = {REFERENCE: [], GATEWAY: []}
    for number in connections:
        plan = replace(load, connections=number)
        async with parts.connected(rig, plan) as pairs:
            found = await parts.throughput(rig, plan, pairs)
        for relay, points in lines.items():
            points.append(point(number, [sample.value for sample in found.samples if sample.relay == relay]))
        say(f"{number:,} connections: {found.reference:,.0f} frames/s by the reference, {found.gateway:,.0f} by the gateway")
    return lines
