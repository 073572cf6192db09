"""Faults of the processes: killed, stopped, ended in order, each started again."""

from __future__ import annotations

import asyncio
import signal

from faults.pipeline.gateways import Gateway
from faults.pipeline.story import Story
from faults.rig import SESSION_TIMEOUT_S, Enricher
from support.processes import Process


async def gateway_killed(story: Story) -> None:
    gateway = story.gateway()
    if not gateway.alive:
        return
    story.say(f"gateway {gateway.number}: SIGKILL")
    await asyncio.to_thread(gateway.kill)
    await again(story, gateway)


async def gateway_terminated(story: Story) -> None:
    gateway = story.gateway()
    if not gateway.alive:
        return
    code = await asyncio.to_thread(gateway.terminate)
    story.say(f"gateway {gateway.number}: SIGTERM, {code}")
    await again(story, gateway)


async def again(story: Story, gateway: Gateway) -> None:
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
    await _frozen(story, "central system", story.pipeline.central.process, 4)


async def api_ends(story: Story) -> None:
    number = story.chance.choice([signal.SIGKILL, signal.SIGTERM])
    story.say(f"API: {number.name}")
    await asyncio.to_thread(story.pipeline.api.process.stop, number)
    await asyncio.sleep(story.chance.uniform(0, 1))
    story.pipeline.api.start()


async def api_frozen(story: Story) -> None:
    await _frozen(story, "API", story.pipeline.api.process, 3)


async def _frozen(story: Story, name: str, process: Process, longest_s: float) -> None:
    seconds = story.chance.uniform(0.5, longest_s)
    story.say(f"{name}: SIGSTOP for {seconds:.1f} s")
    process.child.send_signal(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    process.child.send_signal(signal.SIGCONT)
