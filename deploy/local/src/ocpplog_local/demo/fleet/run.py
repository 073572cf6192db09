"""All chargers of the fleet at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ocpplog_local.demo.data import CHARGERS, DemoCharger
from ocpplog_local.demo.fleet.charger import FleetCharger
from ocpplog_local.demo.fleet.tempo import DEMO_TEMPO, Tempo


async def run_fleet(
    gateway: str, *, chargers: Sequence[DemoCharger] = CHARGERS, seed: int = 1, tempo: Tempo = DEMO_TEMPO
) -> None:
    """Run until cancelled; the connections are closed with 1001 then. `gateway` is the URL to which charger ids are added."""
    async with asyncio.TaskGroup() as group:
        for charger in chargers:
            group.create_task(FleetCharger(charger, gateway, seed, tempo).run(), name=charger.charger_id)
