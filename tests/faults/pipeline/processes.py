"""Faults of the processes: killed, stopped, ended in order, each started again."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import signal
import time

from faults.pipeline.gateways import Gateway
from faults.pipeline.story import Story
from faults.rig import SESSION_TIMEOUT_S, Enricher
from support.processes import Process


async def gateway_killed(story: Story) -> str | None:
    gateway = story.gateway()
    if not gateway.alive:
        return "it does not run"
    story.say(f"gateway {gateway.number}: SIGKILL")
    await asyncio.to_thread(gateway.kill)
    await again(story, gateway)
    return None


async def gateway_terminated(story: Story) -> str | None:
    gateway = story.gateway()
    if not gateway.alive:
        return "it does not run"
    story.say(f"gateway {gateway.number}: SIGTERM")
    with contextlib.suppress(OSError, KeyError):
        await gateway.look()
    code = await asyncio.to_thread(gateway.terminate)
    story.say(f"gateway {gateway.number}: ended with {code}")
    await again(story, gateway)
    return None


async def again(story: Story, gateway: Gateway) -> None:
    await asyncio.sleep(story.chance.uniform(0, 1))
    if not gateway.alive:
        gateway.start()


async def gateway_frozen(story: Story) -> str | None:
    gateway, seconds = story.gateway(), story.chance.uniform(0.5, 6)
    if not gateway.alive:
        return "it does not run"
    story.say(f"gateway {gateway.number}: SIGSTOP for {seconds:.1f} s")
    # When it wakes, what it sent to Kafka before is late by its own clock.
    silences = story.silent([gateway])
    gateway.freeze()
    await asyncio.sleep(seconds)
    gateway.thaw()
    story.spoken(silences)
    return None


async def enricher_killed(story: Story) -> None:
    victim = story.chance.choice(story.crew)
    story.say("enricher: SIGKILL")
    await asyncio.to_thread(victim.close)
    await asyncio.sleep(story.chance.uniform(0, 1))
    _start(victim)


async def enricher_terminated(story: Story) -> str | None:
    victim = story.chance.choice(story.crew)
    if not victim.runs:
        return "it does not run"
    story.say(f"enricher: SIGTERM, {await asyncio.to_thread(victim.terminate)}")
    _start(victim)
    return None


def _start(victim: Enricher) -> None:
    if not victim.runs:
        victim.start()


async def enricher_zombie(story: Story) -> str | None:
    """Stopped for longer than its session, with writes under way; another one has its partitions when it wakes."""
    victim, seconds = story.chance.choice(story.crew), SESSION_TIMEOUT_S + story.chance.uniform(1, 3)
    if not victim.runs:
        return "it does not run"
    story.say(f"enricher: a zombie for {seconds:.1f} s")
    victim.freeze()
    if len(story.crew) == 1:
        story.crew.append(story.pipeline.enricher().start())
    await asyncio.sleep(seconds)
    victim.thaw()
    return None


async def rebalances(story: Story) -> str | None:
    """Another enricher comes, has its partitions, and goes, again and again."""
    guest, moved = story.pipeline.enricher(), 0
    times = story.chance.randint(1, 4)
    for _ in range(times):
        guest.start()
        moved += await _takes_part(guest, 15)
        await asyncio.sleep(story.chance.uniform(0, 1))
        await asyncio.to_thread(guest.close if story.chance.random() < 0.5 else guest.terminate)
    story.say(f"another enricher came {times} times, and had partitions {moved} times")
    return None if moved else "it never had a partition"


async def _takes_part(guest: Enricher, within_s: float) -> bool:
    """Wait until it has partitions: it then says how far behind it is in each."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline and guest.runs:
        await asyncio.sleep(0.1)
        with contextlib.suppress(OSError, http.client.HTTPException):
            if await asyncio.to_thread(guest.partitions):
                return True
    return False


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
    await frozen(story, "central system", story.pipeline.central.process, 4)


async def api_ends(story: Story) -> None:
    number = story.chance.choice([signal.SIGKILL, signal.SIGTERM])
    story.say(f"API: {number.name}")
    await asyncio.to_thread(story.pipeline.api.process.stop, number)
    await asyncio.sleep(story.chance.uniform(0, 1))
    story.pipeline.api.start()


async def api_frozen(story: Story) -> None:
    await frozen(story, "API", story.pipeline.api.process, 3)


async def frozen(story: Story, name: str, process: Process, longest_s: float) -> None:
    seconds = story.chance.uniform(0.5, longest_s)
    story.say(f"{name}: SIGSTOP for {seconds:.1f} s")
    process.child.send_signal(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    process.child.send_signal(signal.SIGCONT)
