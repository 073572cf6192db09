"""What can go wrong between a charger and the page that shows its messages: each fault alone."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Callable, Sequence
from typing import Final

from faults.pipeline.gateways import Gateway
from faults.pipeline.story import Happening, Story
from faults.rig import SESSION_TIMEOUT_S, Enricher
from support.broker import DURABLE, REPLICATION
from support.faulty_proxy import PASS, Asked, Fault, Kind
from support.links import Link

_STORE_CODES: Final = ((500, 252), (500, 243), (500, 242), (500, 164), (500, 241), (500, 209), (503, 0))
"""Too many parts, no space, read-only table and user, memory, timeout; and what stands between."""

# Processes


async def gateway_killed(story: Story) -> None:
    gateway = story.gateway()
    if not gateway.alive:
        return
    story.say(f"gateway {gateway.number}: SIGKILL")
    await asyncio.to_thread(gateway.kill)
    await _again(story, gateway)


async def gateway_terminated(story: Story) -> None:
    gateway = story.gateway()
    if not gateway.alive:
        return
    code = await asyncio.to_thread(gateway.terminate)
    story.say(f"gateway {gateway.number}: SIGTERM, {code}")
    await _again(story, gateway)


async def _again(story: Story, gateway: Gateway) -> None:
    await asyncio.sleep(story.chance.uniform(0, 1))
    if not gateway.alive:
        gateway.start()


async def gateway_frozen(story: Story) -> None:
    gateway, seconds = story.gateway(), story.chance.uniform(0.5, 6)
    story.say(f"gateway {gateway.number}: SIGSTOP for {seconds:.1f} s")
    if gateway.alive:
        # When it wakes, what it sent to Kafka before is late by its own clock.
        silences = story.silent([gateway])
        gateway.freeze()
        await asyncio.sleep(seconds)
        gateway.thaw()
        story.spoken(silences)


async def enricher_killed(story: Story) -> None:
    victim = story.chance.choice(story.crew)
    story.say("enricher: SIGKILL")
    await asyncio.to_thread(victim.close)
    await asyncio.sleep(story.chance.uniform(0, 1))
    _start(victim)


async def enricher_terminated(story: Story) -> None:
    victim = story.chance.choice(story.crew)
    if victim.runs:
        story.say(f"enricher: SIGTERM, {await asyncio.to_thread(victim.terminate)}")
    _start(victim)


def _start(victim: Enricher) -> None:
    if not victim.runs:
        victim.start()


async def enricher_zombie(story: Story) -> None:
    """Stopped for longer than its session, with writes under way; another one has its partitions when it wakes."""
    victim, seconds = story.chance.choice(story.crew), SESSION_TIMEOUT_S + story.chance.uniform(1, 3)
    story.say(f"enricher: a zombie for {seconds:.1f} s")
    if not victim.runs:
        return
    victim.freeze()
    if len(story.crew) == 1:
        story.crew.append(story.pipeline.enricher().start())
    await asyncio.sleep(seconds)
    victim.thaw()


async def rebalances(story: Story) -> None:
    """Another enricher comes and goes, again and again."""
    story.say("partitions move, again and again")
    guest = story.pipeline.enricher()
    for _ in range(story.chance.randint(2, 4)):
        guest.start()
        await asyncio.sleep(story.chance.uniform(0.8, 2.5))
        await asyncio.to_thread(guest.close if story.chance.random() < 0.5 else guest.terminate)


async def central_killed(story: Story) -> None:
    await _central(story, signal.SIGKILL)


async def central_terminated(story: Story) -> None:
    await _central(story, signal.SIGTERM)


async def _central(story: Story, number: int) -> None:
    story.say(f"central system: {signal.Signals(number).name}")
    await asyncio.to_thread(story.pipeline.central.process.stop, number)
    await asyncio.sleep(story.chance.uniform(0, 1.5))
    await asyncio.to_thread(story.pipeline.central.start)


async def central_frozen(story: Story) -> None:
    seconds = story.chance.uniform(0.5, 4)
    story.say(f"central system: SIGSTOP for {seconds:.1f} s")
    child = story.pipeline.central.process.child
    child.send_signal(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    child.send_signal(signal.SIGCONT)


async def api_ends(story: Story) -> None:
    number = story.chance.choice([signal.SIGKILL, signal.SIGTERM])
    story.say(f"API: {number.name}")
    await asyncio.to_thread(story.pipeline.api.process.stop, number)
    await asyncio.sleep(story.chance.uniform(0, 1))
    story.pipeline.api.start()


async def api_frozen(story: Story) -> None:
    seconds = story.chance.uniform(0.5, 3)
    story.say(f"API: SIGSTOP for {seconds:.1f} s")
    child = story.pipeline.api.process.child
    child.send_signal(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    child.send_signal(signal.SIGCONT)


# Kafka


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
    await asyncio.to_thread(story.pipeline.broker.start)
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


async def store_killed(story: Story) -> None:
    """In the middle of an insert, if one comes soon."""
    story.say("ClickHouse: killed while it inserts")
    inserting = asyncio.Event()
    loop = asyncio.get_running_loop()

    def choose(asked: Asked) -> Fault:
        if asked.table:
            loop.call_soon_threadsafe(inserting.set)
        return PASS

    story.pipeline.proxy.choose = choose
    await asyncio.wait({waiting := asyncio.create_task(inserting.wait())}, timeout=2)
    waiting.cancel()
    await asyncio.sleep(story.chance.uniform(0, 0.01))
    await asyncio.to_thread(story.pipeline.store.process.kill)
    await asyncio.sleep(story.chance.uniform(0, 2))
    await asyncio.to_thread(story.pipeline.store.start)
    story.pipeline.proxy.heal()


async def store_network(story: Story) -> None:
    """Read-only, out of disk, overloaded; or the network to it loses, halves, cuts, delays."""
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


FAULTS: Final = (
    Happening("gateway SIGKILL", "gateway", gateway_killed, 3),
    Happening("gateway SIGTERM", "gateway", gateway_terminated, 2),
    Happening("gateway SIGSTOP", "sleep", gateway_frozen, 2),
    Happening("enricher SIGKILL", "enricher", enricher_killed),
    Happening("enricher SIGTERM", "enricher", enricher_terminated),
    Happening("enricher zombie", "enricher", enricher_zombie, 2),
    Happening("rebalances", "guest", rebalances),
    Happening("central system SIGKILL", "central", central_killed),
    Happening("central system SIGTERM", "central", central_terminated),
    Happening("central system SIGSTOP", "central", central_frozen),
    Happening("API ends", "api", api_ends),
    Happening("API SIGSTOP", "api", api_frozen),
    Happening("Kafka SIGSTOP", "kafka", kafka_frozen, 3),
    Happening("Kafka restarted", "kafka", kafka_restarted, 3, lambda: DURABLE),
    Happening("Kafka leader", "kafka", kafka_leader, 4, lambda: REPLICATION > 1),
    Happening("ClickHouse killed", "store", store_killed),
    Happening("ClickHouse network", "store", store_network, 2),
    Happening("network charger-gateway", "door", charger_network, 2),
    Happening("network gateway-central system", "upstream", upstream_network, 2),
    Happening("network gateway-Kafka", "way to Kafka", kafka_network, 4),
    Happening("network enricher-Kafka", "enrichers to Kafka", enricher_network),
    Happening("clock jump", "clock", clock_jumps),
)
