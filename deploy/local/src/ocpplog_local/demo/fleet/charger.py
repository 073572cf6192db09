"""A charger of the fleet: connects, boots, lives, and connects again, for ever."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

import structlog
from websockets.exceptions import WebSocketException

from ocpplog_local.demo.data import DemoCharger
from ocpplog_local.demo.errors import DemoError
from ocpplog_local.demo.fleet.conduct import FleetConduct
from ocpplog_local.demo.fleet.oddities import misbehave
from ocpplog_local.demo.fleet.state import ChargerState
from ocpplog_local.demo.fleet.tempo import DEMO_TEMPO, Backoff, Tempo, draw
from ocpplog_local.demo.scripted import ScriptedChargePoint

_LEAST_HEARTBEAT_S = 5
_GOING_AWAY = 1001
# Short for a real fleet; a visitor who restarts the gateway shall see the chargers return.
_LONGEST_PAUSE_S = 15.0

log = structlog.get_logger()


class FleetCharger:
    """`run` goes on until it is cancelled, whatever the network does. Two runs with one seed do alike."""

    def __init__(self, demo: DemoCharger, gateway: str, seed: int, tempo: Tempo = DEMO_TEMPO) -> None:
        self._demo = demo
        self._gateway = gateway
        self._tempo = tempo
        self._rng = random.Random(f"{seed}/{demo.charger_id}")
        self._state = ChargerState(demo, tempo, self._rng)
        self._backoff = Backoff(self._rng, most_s=_LONGEST_PAUSE_S)

    async def run(self) -> None:
        await asyncio.sleep(draw(self._rng, self._tempo.power_on))
        while True:
            await self._one_connection()

    async def _one_connection(self) -> None:
        """Live through a connection, and through the pause before the next."""
        try:
            await self._connect_and_live()
            pause = draw(self._rng, self._tempo.reboot)
        except (OSError, TimeoutError, WebSocketException, DemoError) as error:
            pause = self._backoff.failed()
            log.info("charger offline", charger=self._demo.charger_id, error=str(error), again_in_s=round(pause, 1))
        await asyncio.sleep(pause)

    async def _connect_and_live(self) -> None:
        demo, conduct = self._demo, FleetConduct(self._state)
        self._state.reboot.clear()
        async with ScriptedChargePoint.connect(
            self._gateway, demo.charger_id, password=demo.password, profile=demo.profile, conduct=conduct, keep=0
        ) as point:
            conduct.point = point
            try:
                await self._live(point)
            except asyncio.CancelledError:
                await point.close(_GOING_AWAY, "demo fleet stops")
                raise

    async def _live(self, point: ScriptedChargePoint) -> None:
        """Returns when a command asks for a reboot; raises when the connection ends."""
        boot = await point.boot(self._state.firmware)
        self._backoff.succeeded()
        log.info("charger booted", charger=point.charger_id, firmware=self._state.firmware)
        await point.status(0, "Available")
        lives = [connector.run(point) for connector in self._state.connectors]
        if self._demo.odd:
            lives.append(misbehave(point, self._tempo.oddity, self._rng))
        await _first_to_end(self._reboot_asked(), _heartbeats(point, int(boot.interval)), _end(point), *lives)

    async def _reboot_asked(self) -> None:
        await self._state.reboot.wait()


async def _heartbeats(point: ScriptedChargePoint, interval_s: int) -> None:
    while True:
        await asyncio.sleep(max(interval_s, _LEAST_HEARTBEAT_S))
        await point.heartbeat()


async def _end(point: ScriptedChargePoint) -> None:
    raise ConnectionError(f"closed with {await point.closed()}")


async def _first_to_end(*lives: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends or raises, cancel the others, and raise what it raised."""
    tasks = [asyncio.create_task(life) for life in lives]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
