"""Rounds of combined faults, each a function of its seed: what happens when, to whom."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from faults.fleet import Fleet
from faults.oracle import Verdict, letter_differences
from faults.rig import SESSION_TIMEOUT_S, Enricher, Rig
from support.broker import DURABLE
from support.faulty_proxy import PASS, Asked, Fault, Kind

_CODES = ((500, 252), (500, 243), (500, 242), (500, 164), (500, 241), (500, 209), (503, 0), (502, 0), (500, 0))
"""Too many parts, no space, read-only table and user, memory, timeout; and what stands between."""
_Action = Callable[[], Awaitable[None]]


class Round:
    """One round: a fleet, one to three enrichers, a few faults one after the other or at once, then everything heals."""

    def __init__(self, rig: Rig, seed: int, fleet: Fleet) -> None:
        self.rig, self.seed, self.fleet = rig, seed, fleet
        self.chance = random.Random(seed)
        self.story: list[str] = []
        self._background: list[asyncio.Task[None]] = []

    async def run(self) -> Verdict:
        crew = [self.rig.enricher().start() for _ in range(self.chance.randint(1, 3))]
        self._say(f"{len(crew)} enrichers")
        await asyncio.gather(*(asyncio.to_thread(one.wait) for one in crew))
        self.fleet.start(self.chance.choice([20, 60, 120]))
        await asyncio.sleep(self.chance.uniform(0.5, 2))
        for _ in range(self.chance.randint(2, 5)):
            await self._fault(crew)
            await asyncio.sleep(self.chance.uniform(0, 1.5))
        await self._heal(crew)
        await self.fleet.stop()
        if DURABLE:
            await self.fleet.close_all()
        verdict = await self.rig.settled(self.fleet)
        if not verdict.right:
            self._say(await self.rig.state())
        await self._end(verdict)
        return verdict

    async def _fault(self, crew: list[Enricher]) -> None:
        victim = self.chance.choice(crew)
        kinds: list[Callable[[Enricher, list[Enricher]], Awaitable[None]]] = [
            self._killed,
            self._zombie,
            self._zombie,
            self._terminated,
            self._joined,
            self._network,
            self._network,
            self._network,
            self._store_dies,
            self._broker,
            self._rewound,
            self._poison,
        ]
        await self.chance.choice(kinds)(victim, crew)

    async def _killed(self, victim: Enricher, crew: list[Enricher]) -> None:
        self._say("SIGKILL")
        await asyncio.to_thread(victim.close)
        await asyncio.sleep(self.chance.uniform(0, 1))
        victim.start()

    async def _zombie(self, victim: Enricher, crew: list[Enricher]) -> None:
        """It sleeps for longer than its session, with writes under way, and wakes while another has its partitions."""
        seconds = SESSION_TIMEOUT_S + self.chance.uniform(1, 3)
        self._say(f"zombie for {seconds:.1f} s")
        self.rig.proxy.choose = self._slowly()
        await asyncio.sleep(self.chance.uniform(0.1, 0.6))
        victim.freeze()
        if self.chance.random() < 0.7:
            self.rig.proxy.heal()
        if len(crew) == 1:
            crew.append(self.rig.enricher().start())
        await asyncio.sleep(seconds)
        victim.thaw()
        self.rig.proxy.heal()

    async def _terminated(self, victim: Enricher, crew: list[Enricher]) -> None:
        if victim.runs:
            self._say(f"SIGTERM, {await asyncio.to_thread(victim.terminate)}")
        victim.start()

    async def _joined(self, victim: Enricher, crew: list[Enricher]) -> None:
        """Another one comes, and goes again a little later."""
        self._say("a guest")
        guest = self.rig.enricher().start()

        async def leave(after: float, kill: bool) -> None:
            await asyncio.sleep(after)
            await asyncio.to_thread(guest.close if kill else guest.terminate)

        self._later(leave(self.chance.uniform(2, 6), self.chance.random() < 0.5))

    async def _network(self, victim: Enricher, crew: list[Enricher]) -> None:
        seconds = self.chance.uniform(1, 5)
        what = self.chance.choice(["down", "mixed", "mixed", "lose", "half", "cut", "slow", "late", "codes"])
        self._say(f"network {what} for {seconds:.1f} s")
        if what == "down":
            self.rig.proxy.down()
        self.rig.proxy.choose = self._network_choice(what)

        async def heal() -> None:
            await asyncio.sleep(seconds)
            self.rig.proxy.up()
            self.rig.proxy.heal()

        self._later(heal())

    def _network_choice(self, what: str) -> Callable[[Asked], Fault]:
        chance = random.Random(self.chance.random())
        status, code = chance.choice(_CODES)
        kinds = {
            "down": lambda: Fault(Kind.DROP),
            "lose": lambda: Fault(Kind.LOSE),
            "half": lambda: Fault(Kind.HALF),
            "cut": lambda: Fault(Kind.CUT),
            "slow": lambda: Fault(before_s=chance.uniform(0.2, 1), after_s=chance.uniform(0, 1)),
            # After the client's timeout: it has gone away, and the insert is stored all the same.
            "late": lambda: Fault(before_s=chance.uniform(3, 6)) if chance.random() < 0.3 else Fault(after_s=5),
            "codes": lambda: Fault(Kind.ANSWER, status=status, code=code),
        }
        names = ["lose", "half", "cut", "slow", "codes", "down"]

        def choose(asked: Asked) -> Fault:
            if what != "mixed":
                return kinds[what]()
            return PASS if chance.random() < 0.4 else kinds[chance.choice(names)]()

        return choose

    def _slowly(self) -> Callable[[Asked], Fault]:
        chance = random.Random(self.chance.random())
        return lambda asked: Fault(before_s=chance.uniform(0, 1.2)) if asked.table else PASS

    async def _store_dies(self, victim: Enricher, crew: list[Enricher]) -> None:
        self._say("ClickHouse killed")
        await asyncio.to_thread(self.rig.store.process.kill)
        await asyncio.sleep(self.chance.uniform(0, 3))
        await asyncio.to_thread(self.rig.store.start)

    async def _broker(self, victim: Enricher, crew: list[Enricher]) -> None:
        seconds = self.chance.uniform(0.5, 6)
        if len(self.rig.broker.nodes) > 1 and self.chance.random() < 0.7:
            await self._one_broker(seconds)
            return
        if DURABLE and self.chance.random() < 0.5:
            self._say(f"Kafka killed for {seconds:.1f} s")
            await asyncio.to_thread(self.rig.broker.kill)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(self.rig.broker.start)
            return
        self._say(f"Kafka frozen for {seconds:.1f} s")
        self.rig.broker.freeze()
        await asyncio.sleep(seconds)
        self.rig.broker.thaw()

    async def _one_broker(self, seconds: float) -> None:
        """One node of a cluster, which leads a third of the partitions; the others go on."""
        port = self.chance.choice(list(self.rig.broker.nodes))
        killed = self.chance.random() < 0.6
        self._say(f"one node of Kafka {'killed' if killed else 'frozen'} for {seconds:.1f} s")
        if killed:
            await asyncio.to_thread(self.rig.broker.kill_one, port)
        else:
            self.rig.broker.freeze(port)
        await asyncio.sleep(seconds)
        if killed:
            await asyncio.to_thread(self.rig.broker.start_one, port)
        else:
            self.rig.broker.thaw()

    async def _rewound(self, victim: Enricher, crew: list[Enricher]) -> None:
        """All stop, somebody sets the offsets back, all start."""
        self._say("offsets reset")
        await asyncio.gather(*self._background)
        for one in crew:
            if one.runs:
                await asyncio.to_thread(one.terminate)
        self._background.clear()
        committed = await self.rig.committed()
        share = self.chance.choice([0.0, self.chance.random()])
        await self.rig.rewind({number: int(offset * share) for number, offset in committed.items()})
        for one in crew:
            one.start()

    async def _poison(self, victim: Enricher, crew: list[Enricher]) -> None:
        self._say("poison")
        for _ in range(self.chance.randint(1, 5)):
            await self.fleet.poison(self.chance.choice(self.fleet.chargers).name.encode())

    async def _heal(self, crew: list[Enricher]) -> None:
        await asyncio.gather(*self._background)
        self.rig.broker.thaw()
        self.rig.proxy.up()
        self.rig.proxy.heal()
        for one in crew:
            one.thaw()
            if not one.runs:
                # As whatever supervises it would.
                self._say(f"ended by itself: {one.process.child.returncode}, {one.last_words()}")
                one.start()

    async def _end(self, verdict: Verdict) -> None:
        verdict.ends = await self.rig.ended()
        if self.fleet.expected.poison:
            verdict.letters = letter_differences(
                self.fleet.expected.poison, [value for value, _ in await self.rig.dead_letters()]
            )

    def _later(self, work: Awaitable[None]) -> None:
        self._background.append(asyncio.ensure_future(work))

    def _say(self, what: str) -> None:
        self.story.append(what)
