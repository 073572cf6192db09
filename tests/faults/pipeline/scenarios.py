"""A fleet in situations that real fleets are in; which one, and what comes of it, is drawn by the seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from faults.pipeline.chargers import Charger, Situation
from faults.pipeline.visits import Line
from ocpplog_common.records import Connectivity, LevelName, Site

SITES: Final = (
    Site(site_id="depot", level=LevelName.DEBUG),
    Site(site_id="yard", level=LevelName.DEBUG),
    Site(site_id="garage"),
    Site(site_id="roadside", connectivity=Connectivity.WIRELESS),
)
DEFAULT_SITE: Final = "yard"
"""Of chargers that are not registered."""
Life = Callable[[Charger, Line], Awaitable[None]]


async def morning(charger: Charger, line: Line) -> None:
    """Cars are plugged in, one after the other, and all want to charge."""
    await charger.pause(0, 2)
    await charger.ask(line, charger.say.boot())
    while True:
        await charger.charge(line, 12)


async def night(charger: Charger, line: Line) -> None:
    """A depot: long sessions, a reading now and then."""
    await charger.ask(line, charger.say.boot())
    while True:
        await charger.charge(line, 60)


async def flapping(charger: Charger, line: Line) -> None:
    """Mobile links that last for seconds, and end without a word, with requests on their way."""
    await charger.busy(line, charger_steps(charger))
    line.abort()


async def campaign(charger: Charger, line: Line) -> None:
    """New firmware for everybody: fetched, installed, and back with a boot."""
    await charger.ask(line, charger.say.boot())
    while not line.updating:
        await charger.busy(line, 2)
    for status in ("Downloading", "Downloaded", "Installing"):
        await charger.ask(line, charger.say.firmware(status))
        await charger.pause(0.1, 0.5)


async def reboots(charger: Charger, line: Line) -> None:
    """After a power cut all come back at once, and tell everything."""
    await charger.ask(line, charger.say.boot(), 2)
    for connector in (0, 1, 2):
        await charger.ask(line, charger.say.status(connector, "Available"), 0)
    while True:
        await charger.charge(line, 20)


def charger_steps(charger: Charger) -> int:
    return 3 + len(charger.visits) % 9


@dataclass(frozen=True)
class Scenario:
    """`life` of each charger; `power_cuts` in the round; `commands`: share of answers after which the central system asks."""

    name: str
    life: Life
    power_cuts: int = 0
    commands: float = 0.05


SCENARIOS: Final = (
    Scenario("morning plug-in", morning),
    Scenario("depot at night", night, commands=0.02),
    Scenario("flapping mobile links", flapping),
    Scenario("reboots after a power cut", reboots, power_cuts=2),
    Scenario("firmware campaign", campaign, commands=0.3),
)


class Fleet:
    """`chargers` and all that they know of their connections."""

    def __init__(self, seed: int, scenario: Scenario, ports: Sequence[int], count: int) -> None:
        self._chance = random.Random(f"{seed} fleet")
        self.scenario = scenario
        self.situation = Situation(ports, self._chance.choice([0.6, 1.0, 1.6]))
        self.chargers = [self._charger(seed, number) for number in range(count)]
        self._tasks: list[asyncio.Task[None]] = []

    def _charger(self, seed: int, number: int) -> Charger:
        chance = random.Random(f"{seed} {number}")
        site = SITES[number % len(SITES)].site_id if self.registered(number) else DEFAULT_SITE
        return Charger(f"S{seed}-{number}", site, self.situation, chance)

    @staticmethod
    def registered(number: int) -> bool:
        return number % 7 != 5

    def start(self) -> None:
        self._tasks = [asyncio.create_task(charger.live(self.scenario.life)) for charger in self.chargers]
        if self.scenario.power_cuts:
            self._tasks.append(asyncio.create_task(self._power_cuts()))

    async def _power_cuts(self) -> None:
        for _ in range(self.scenario.power_cuts):
            await asyncio.sleep(self._chance.uniform(2, 5))
            self.situation.cut_power()
            await asyncio.sleep(self._chance.uniform(0.2, 2))
            self.situation.restore_power()

    async def stop(self) -> None:
        """All end what they are at. Raises what went wrong in a charger."""
        self.situation.over.set()
        self.situation.restore_power()
        await asyncio.wait_for(asyncio.gather(*self._tasks), 60)

    async def last_visits(self) -> None:
        await asyncio.gather(*(charger.last_visit() for charger in self.chargers))
