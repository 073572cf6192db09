"""A charger over all its connections, and what chargers do in the situations of a real fleet."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from faults.pipeline import speech
from faults.pipeline.speech import Speech
from faults.pipeline.visits import NOT_CONNECTED, Line, Visit, connected

_ANSWER_WITHIN_S: Final = 4.0
_GAVE_UP_AFTER_S: Final = 90.0


class Situation:
    """What all chargers of a fleet are in: `ports` are those of the gateways, `pace` stretches what they pause for.

    `power` is set unless there is a power cut, when `dark` is; `over` when the round ends.
    """

    def __init__(self, ports: Sequence[int], pace: float) -> None:
        self.ports = ports
        self.pace = pace
        self.over = asyncio.Event()
        self.power, self.dark = asyncio.Event(), asyncio.Event()
        self.power.set()

    def cut_power(self) -> None:
        self.power.clear()
        self.dark.set()

    def restore_power(self) -> None:
        self.dark.clear()
        self.power.set()


class Charger:
    """Everything it does is a function of `chance`, and of when its answers come."""

    def __init__(self, name: str, site: str, situation: Situation, chance: random.Random) -> None:
        self.name, self.site = name, site
        self.visits: list[Visit] = []
        self._situation = situation
        self._chance = chance
        self.protocol = chance.choice([speech.OCPP16, speech.OCPP16, speech.OCPP201])
        self.say = Speech(self.protocol, chance)
        self._compressed = chance.random() < 0.3
        self._home = chance.randrange(len(situation.ports))

    async def live(self, life: Callable[[Charger, Line], Awaitable[None]]) -> None:
        """Connect, do what `life` says, and again, until the round is over."""
        while not self._situation.over.is_set():
            await self._situation.power.wait()
            with contextlib.suppress(*NOT_CONNECTED):
                async with self._connected() as line:
                    await self._until_over(life(self, line), line)
            await self.pause(0.1, 0.6)

    async def _until_over(self, life: Awaitable[None], line: Line) -> None:
        living = asyncio.ensure_future(life)
        over, dark = (asyncio.create_task(event.wait()) for event in (self._situation.over, self._situation.dark))
        await asyncio.wait({living, over, dark}, return_when=asyncio.FIRST_COMPLETED)
        if dark.done():
            line.abort()
        for task in (living, over, dark):
            task.cancel()
        await asyncio.gather(living, over, dark, return_exceptions=True)

    async def last_visit(self) -> None:
        """Come once more, when nothing is in the way, and have every answer: nothing is open afterwards."""
        async with asyncio.timeout(_GAVE_UP_AFTER_S):
            while True:
                with contextlib.suppress(*NOT_CONNECTED):
                    async with self._connected() as line:
                        line.visit.last = True
                        if await line.call(self.say.boot(), 10) and await line.call(self.say.heartbeat(), 10):
                            return
                await asyncio.sleep(0.3)

    def _connected(self) -> contextlib.AbstractAsyncContextManager[Line]:
        ports = self._situation.ports
        # Mostly to one, as a load balancer with a memory has it.
        replica = self._home if self._chance.random() < 0.7 else self._chance.randrange(len(ports))
        visit = Visit(self.name, len(self.visits), self.protocol, replica)
        self.visits.append(visit)
        return connected(visit, ports[replica], compressed=self._compressed)

    async def pause(self, least: float, most: float) -> None:
        await asyncio.sleep(self._chance.uniform(least, most) * self._situation.pace)

    async def ask(self, line: Line, said: speech.Said, wait_s: float = _ANSWER_WITHIN_S) -> None:
        await line.call(said, wait_s)

    # What they do

    async def charge(self, line: Line, readings: int) -> None:
        """A whole session."""
        for said in (self.say.status(1, "Preparing"), self.say.authorize(), self.say.start(), self.say.status(1, "Charging")):
            await self.ask(line, said)
        for _ in range(readings):
            await self.ask(line, self.say.meter())
            await self.odd(line)
            await self.pause(0.1, 0.5)
        await self.ask(line, self.say.stop())
        await self.ask(line, self.say.status(1, "Available"))

    async def odd(self, line: Line) -> None:
        """Now and then, what no specification has."""
        chance = self._chance.random()
        vendors = ["silent", "refuse", "late", "twice"]
        if chance < 0.10:
            await self.ask(line, self.say.data(self._chance.choice(vendors)), self._chance.choice([0, 1]))
        elif chance < 0.12:
            await line.send(f'[2,"{line.next_id()}","Heart'.encode())
        elif chance < 0.13:
            await line.send(f'[3,"{line.next_id()}",{{"nobody":"asked"}}]'.encode())
        elif chance < 0.15:
            await self._asked_twice(line)
        elif chance < 0.17:
            await self.ask(line, self.say.data("v", "Tür 50 % – ü" * self._chance.choice([1, 40, 4000])))
        elif chance < 0.175:
            await line.send(f'[2,"{line.next_id()}","DataTransfer"'.encode() + b"\xff\xfe]")
        elif chance < 0.18:
            await line.send(f'[2,"{line.next_id()}","binary"]'.encode(), text=False)

    async def _asked_twice(self, line: Line) -> None:
        """A retry with the same message id, before the answer came."""
        message_id = line.next_id()
        for attempt in (1, 2):
            await line.send(f'[2,"{message_id}","DataTransfer",{{"vendorId":"late","data":"{attempt}"}}]'.encode())

    async def busy(self, line: Line, steps: int) -> None:
        for _ in range(steps):
            said = self._chance.choice([self.say.heartbeat, self.say.meter, self.say.meter])()
            await self.ask(line, said, self._chance.choice([0, 2, 4]))
            await self.odd(line)
            await self.pause(0.02, 0.3)
