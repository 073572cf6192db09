"""Faults of what the processes stand on: Kafka, ClickHouse, the network between any two, clocks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Final

from faults import refusals
from faults.pipeline.processes import again, frozen
from faults.pipeline.story import Story
from faults.refusals import TABLES, Refusal
from support.faulty_proxy import Asked, Fault, Kind
from support.links import Link

_STORE_CODES: Final = ((500, 252), (500, 243), (500, 242), (500, 164), (500, 241), (500, 209), (503, 0))
"""Too many parts, no space, read-only replica and user, memory, timeout; and what stands between."""

# Kafka


async def kafka_terminated(story: Story) -> None:
    """In order: each node hands on what it leads, as far as another one is there to take it."""
    seconds = story.chance.uniform(0, 3)
    silences = story.silent(story.pipeline.gateways)
    story.say("Kafka: SIGTERM to all nodes")
    await asyncio.to_thread(story.pipeline.broker.stop)
    story.say(f"Kafka: all nodes have ended, for {seconds:.1f} s")
    await asyncio.sleep(seconds)
    await _kafka_starts(story)
    story.spoken(silences)


async def _kafka_starts(story: Story) -> None:
    await asyncio.to_thread(story.pipeline.broker.start)
    await story.pipeline.kafka_answers()
    story.say("Kafka: takes records again")


async def kafka_frozen(story: Story) -> None:
    seconds = story.chance.uniform(0.5, 7)
    story.say(f"Kafka: SIGSTOP for {seconds:.1f} s")
    silences = story.silent(story.pipeline.gateways)
    story.pipeline.broker.freeze()
    await asyncio.sleep(seconds)
    story.pipeline.broker.thaw()
    story.spoken(silences)


async def kafka_restarted(story: Story) -> None:
    seconds = story.chance.uniform(0.5, 4)
    story.say(f"Kafka: all nodes killed for {seconds:.1f} s")
    silences = story.silent(story.pipeline.gateways)
    await asyncio.to_thread(story.pipeline.broker.kill)
    await asyncio.sleep(seconds)
    await _kafka_starts(story)
    story.spoken(silences)


async def kafka_leader(story: Story) -> None:
    """One node, which leads a third of the partitions."""
    port, seconds = story.chance.choice(list(story.pipeline.broker.nodes)), story.chance.uniform(1, 6)
    killed = story.chance.random() < 0.6
    story.say(f"Kafka: one node {'killed' if killed else 'frozen'} for {seconds:.1f} s")
    silences = story.silent(story.pipeline.gateways)
    broker = story.pipeline.broker
    await asyncio.to_thread(broker.kill_one if killed else broker.freeze, port)
    await asyncio.sleep(seconds)
    if killed:
        await asyncio.to_thread(broker.start_one, port)
    else:
        broker.thaw()
    story.spoken(silences)


# ClickHouse


async def store_killed(story: Story) -> str | None:
    """In the middle of an insert."""
    inserting, loop, proxy = asyncio.Event(), asyncio.get_running_loop(), story.pipeline.proxy

    def begun() -> None:
        loop.call_soon_threadsafe(inserting.set)

    def kill() -> int:
        found = proxy.inserts
        story.pipeline.store.process.kill()
        return found

    proxy.begun = begun
    await asyncio.wait({waiting := asyncio.create_task(inserting.wait())}, timeout=8)
    waiting.cancel()
    await asyncio.sleep(story.chance.choice([0, 0, story.chance.uniform(0, 0.01)]))
    under_way = await asyncio.to_thread(kill)
    proxy.begun = lambda: None
    story.say(f"ClickHouse: killed, with {under_way} inserts under way")
    await asyncio.sleep(story.chance.uniform(0, 2))
    await asyncio.to_thread(story.pipeline.store.start)
    return None if under_way else "nothing was under way"


async def store_terminated(story: Story) -> None:
    code = await asyncio.to_thread(story.pipeline.store.process.stop)
    story.say(f"ClickHouse: SIGTERM, {code}")
    await asyncio.sleep(story.chance.uniform(0, 2))
    await asyncio.to_thread(story.pipeline.store.start)


async def store_frozen(story: Story) -> None:
    await frozen(story, "ClickHouse", story.pipeline.store.process, 6)


async def store_out_of_disk(story: Story) -> str | None:
    return await _store_refuses(story, refusals.OUT_OF_DISK)


async def store_read_only(story: Story) -> str | None:
    return await _store_refuses(story, refusals.READ_ONLY)


async def store_too_many_parts(story: Story) -> str | None:
    return await _store_refuses(story, refusals.TOO_MANY_PARTS)


async def _store_refuses(story: Story, refusal: Refusal) -> str | None:
    """The engine itself, for one table or for all, until it has done so at least once; it answers queries as before."""
    seconds, client = story.chance.uniform(1, 6), story.pipeline.client
    names = story.chance.choice([TABLES, TABLES, *((name,) for name in TABLES)])
    story.say(f"ClickHouse: {refusal.name}, {', '.join(names)}, for {seconds:.1f} s")
    before = await asyncio.to_thread(refusal.count, client)
    await asyncio.to_thread(refusal.begin, client, names)
    await asyncio.sleep(seconds)
    for _ in range(10):
        if await asyncio.to_thread(refusal.count, client) > before:
            break
        await asyncio.sleep(1)
    await asyncio.to_thread(refusal.end, client)
    raised = await asyncio.to_thread(refusal.count, client) - before
    story.say(f"ClickHouse: takes all again, raised error {refusal.code} {raised} times")
    return None if raised else "nobody inserted"


async def store_network(story: Story) -> None:
    """What stands between answers that it is overloaded, or the like; or the network to it loses, halves, cuts, delays."""
    seconds, what = story.chance.uniform(1, 4), story.chance.choice(["codes", "lose", "half", "cut", "slow", "down", "mixed"])
    story.say(f"ClickHouse: {what} for {seconds:.1f} s")
    if what == "down":
        story.pipeline.proxy.down()
    story.pipeline.proxy.choose = _store_choice(what, random.Random(story.chance.random()))
    await asyncio.sleep(seconds)
    story.pipeline.proxy.up()
    story.pipeline.proxy.heal()


def _store_choice(what: str, chance: random.Random) -> Callable[[Asked], Fault]:
    status, code = chance.choice(_STORE_CODES)
    faults = {
        "codes": lambda: Fault(Kind.ANSWER, status=status, code=code),
        "lose": lambda: Fault(Kind.LOSE),
        "half": lambda: Fault(Kind.HALF),
        "cut": lambda: Fault(Kind.CUT),
        "slow": lambda: Fault(before_s=chance.uniform(0.1, 1), after_s=chance.uniform(0, 0.5)),
        "down": lambda: Fault(Kind.DROP),
    }
    names = list(faults)
    return lambda _: faults[chance.choice(names) if what == "mixed" else what]()


# Networks


async def charger_network(story: Story) -> None:
    await _bad(story, "chargers and a gateway", [story.gateway().door])


async def upstream_network(story: Story) -> None:
    await _bad(story, "a gateway and the central system", [story.gateway().upstream])


async def kafka_network(story: Story) -> None:
    gateway = story.gateway()
    silences = story.silent([gateway])
    await _bad(story, f"gateway {gateway.number} and Kafka", gateway.kafka.all(), longest=7)
    story.spoken(silences)


async def enricher_network(story: Story) -> None:
    await _bad(story, "enrichers and Kafka", story.pipeline.to_enrichers.all())


async def _bad(story: Story, between: str, links: Sequence[Link], longest: float = 5) -> None:
    seconds = story.chance.uniform(0.5, longest)
    what = story.chance.choice(["slow", "stuck", "deaf", "deaf, then cut", "cut", "down"])
    story.say(f"network between {between}: {what} for {seconds:.1f} s")
    for link in links:
        await _spoil(link, what, story.chance.uniform(0.02, 0.3))
    await asyncio.sleep(seconds)
    for link in links:
        if "cut" in what:
            link.cut()
        await link.up()
        link.clear()


async def _spoil(link: Link, what: str, delay_s: float) -> None:
    match what:
        case "slow":
            link.delay_s = delay_s
        case "stuck":
            link.stick()
        case "deaf" | "deaf, then cut":
            link.deafen()
        case "cut":
            link.cut()
        case _:
            await link.down()


# Clocks


async def clock_jumps(story: Story) -> None:
    """The clock of a gateway, there and, some seconds later, back."""
    gateway = story.gateway()
    ahead = story.chance.choice([-600.0, -90.0, -5.0, 5.0, 90.0, 600.0])
    seconds = story.chance.uniform(1, 5)
    story.say(f"gateway {gateway.number}: its clock jumps by {ahead:+.0f} s, for {seconds:.1f} s")
    story.wrong_clocks = max(story.wrong_clocks, abs(ahead))
    gateway.set_clock(ahead)
    await asyncio.sleep(seconds)
    gateway.set_clock(0)


async def gateway_ends_in_silence(story: Story) -> str | None:
    """It is killed, or told to stop, while it holds what Kafka has not: the one moment in which a frame can be lost."""
    gateway, seconds = story.gateway(), story.chance.uniform(0.3, 5)
    how = story.chance.choice(["SIGKILL", "SIGKILL", "SIGTERM"])
    what = story.chance.choice(["stuck", "deaf", "down"])
    if not gateway.alive:
        return "it does not run"
    silences = story.silent([gateway])
    for link in gateway.kafka.all():
        await _spoil(link, what, 0)
    await asyncio.sleep(seconds)
    code = ""
    if gateway.alive:
        code = f"{await asyncio.to_thread(gateway.kill if how == 'SIGKILL' else gateway.terminate)}".replace("None", "-9")
    story.say(f"gateway {gateway.number}: {how}, {code}, after {seconds:.1f} s without Kafka ({what})")
    for link in gateway.kafka.all():
        link.cut()
        await link.up()
        link.clear()
    story.spoken(silences)
    await again(story, gateway)
    return None
