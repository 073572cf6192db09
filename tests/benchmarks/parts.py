"""The measurements: reference and gateway in turn, so that what else the machine does meets both."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.chargers import Fleet
from benchmarks.figures import median, percentile
from benchmarks.load import ClosedLoop, OpenLoop
from benchmarks.processes import own_bytes
from benchmarks.rig import Relay, Rig
from benchmarks.targets import ACCEPTS, LATENCY, LATENCY_LOAD, MEMORY, THROUGHPUT, Plan, Target

_AT_ONCE = 100
"""Handshakes at a time, where it is not their number that is measured."""
_SETTLE_S = 2.0
REFERENCE, GATEWAY = "reference", "gateway"


@dataclass(frozen=True, slots=True)
class Sample:
    """One repetition with one relay. `value` in the target's unit; `cpu`: CPU seconds a second, by process."""

    relay: str
    value: float
    cpu: dict[str, float] = field(default_factory=dict)
    details: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`value` is what the target bounds."""

    target: Target
    value: float
    reference: float
    gateway: float
    samples: Sequence[Sample]
    conditions: dict[str, Any]

    @property
    def met(self) -> bool:
        return self.target.met(self.value)


def outcome_of(target: Target, samples: Sequence[Sample], **conditions: Any) -> Outcome:
    """The medians of both relays, compared as the target says."""
    reference, gateway = values_of(samples, REFERENCE), values_of(samples, GATEWAY)
    value = gateway - reference if target.compared == "added" else gateway / reference
    return Outcome(target, value, reference, gateway, samples, conditions)


def values_of(samples: Sequence[Sample], relay: str) -> float:
    """The median of a relay's repetitions."""
    return median([sample.value for sample in samples if sample.relay == relay])


@contextlib.asynccontextmanager
async def connected(rig: Rig, plan: Plan) -> AsyncIterator[list[tuple[Relay, Fleet]]]:
    """Both relays, each with its chargers."""
    with rig.reference() as reference, rig.gateway() as gateway:
        async with _fleet(rig, reference) as one, _fleet(rig, gateway) as other:
            for fleet in (one, other):
                await fleet.connect(rig.credentials[: plan.connections], _AT_ONCE)
            yield [(reference, one), (gateway, other)]


@contextlib.asynccontextmanager
async def _fleet(rig: Rig, relay: Relay) -> AsyncIterator[Fleet]:
    """Chargers to be connected. In the end they leave, and what they said is counted: each CALL and its answer."""
    fleet = Fleet(relay.port)
    try:
        yield fleet
    finally:
        await fleet.close()
        rig.relayed += 2 * fleet.answers if relay.name == GATEWAY else 0


async def throughput(rig: Rig, plan: Plan, pairs: Sequence[tuple[Relay, Fleet]]) -> Outcome:
    samples = [await _frames_per_s(rig, plan, relay, fleet) for _ in range(plan.repetitions) for relay, fleet in pairs]
    return outcome_of(THROUGHPUT, samples, connections=plan.connections, open_calls_per_connection=1)


def per_relay_cpu_s(samples: Sequence[Sample], relay: str) -> float:
    """Frames per CPU second of the relay (median): what neighbours of a busy machine disturb least."""
    return median([sample.details["per_relay_cpu_s"] for sample in samples if sample.relay == relay])


async def _frames_per_s(rig: Rig, plan: Plan, relay: Relay, fleet: Fleet) -> Sample:
    cpu = rig.cpu(relay)
    rate = 2 * await ClosedLoop(fleet).run(plan.warm_up_s, plan.seconds, cpu)
    return Sample(relay.name, rate, cpu.per_second, {"per_relay_cpu_s": rate / max(cpu.per_second["relay"], 0.01)})


async def reference_frames_per_s(rig: Rig, plan: Plan, pairs: Sequence[tuple[Relay, Fleet]]) -> float:
    """For a run without the throughput part: what the load of the latency part follows from."""
    relay, fleet = pairs[0]
    return median([(await _frames_per_s(rig, plan, relay, fleet)).value for _ in range(plan.repetitions)])


async def latency(rig: Rig, plan: Plan, pairs: Sequence[tuple[Relay, Fleet]], reference_frames_per_s: float) -> Outcome:
    frames_per_s = LATENCY_LOAD * THROUGHPUT.bound * reference_frames_per_s
    for pair in pairs:
        # Not counted: a broker that has just started compiles what it runs, for some seconds.
        await _round_trip(rig, plan, *pair, frames_per_s / 2)
    samples = [await _round_trip(rig, plan, *pair, frames_per_s / 2) for _ in range(plan.repetitions) for pair in pairs]
    return outcome_of(LATENCY, samples, connections=plan.connections, frames_per_s=frames_per_s)


async def _round_trip(rig: Rig, plan: Plan, relay: Relay, fleet: Fleet, calls_per_s: float) -> Sample:
    cpu = rig.cpu(relay)
    load = OpenLoop(fleet)
    found = [1000 * seconds for seconds in await load.run(calls_per_s, plan.warm_up_s, plan.seconds, cpu)]
    details = {f"p{percent:g}_ms": percentile(found, percent) for percent in (50, 90, 99, 99.9, 100)}
    details["sent_late_p99_ms"] = 1000 * percentile(load.sent_late, 99)
    return Sample(relay.name, details["p99_ms"], cpu.per_second, details)


async def memory(rig: Rig, plan: Plan) -> Outcome:
    """Of fresh processes. Each charger exchanges one message before it is idle, as a charger does that boots."""
    starts = (rig.reference, rig.gateway)
    samples = [await _memory(rig, plan, start) for _ in range(plan.crowd_repetitions) for start in starts]
    return outcome_of(MEMORY, samples, connections=plan.crowd, measure="USS")


async def _memory(rig: Rig, plan: Plan, start: Callable[[], AbstractContextManager[Relay]]) -> Sample:
    with start() as relay:
        empty = own_bytes(relay.pid)
        async with _fleet(rig, relay) as fleet:
            await fleet.connect(rig.credentials[: plan.crowd], _AT_ONCE)
            await fleet.call_once()
            await fleet.sleep(_SETTLE_S)
            idle = own_bytes(relay.pid)
    details = {"empty_MiB": empty / 2**20, "idle_MiB": idle / 2**20}
    return Sample(relay.name, (idle - empty) / plan.crowd / 1024, details=details)


async def accepts(rig: Rig, plan: Plan) -> Outcome:
    with rig.reference() as reference, rig.gateway() as gateway:
        relays = (reference, gateway)
        samples = [await _accepts(rig, plan, relay) for _ in range(plan.crowd_repetitions) for relay in relays]
    return outcome_of(ACCEPTS, samples, chargers=plan.crowd)


async def _accepts(rig: Rig, plan: Plan, relay: Relay) -> Sample:
    """Raises WireError unless all are accepted, and each can then exchange a message."""
    cpu = rig.cpu(relay)
    async with _fleet(rig, relay) as fleet:
        cpu.start()
        began = time.monotonic()
        await fleet.connect(rig.credentials[: plan.crowd], at_once=plan.crowd)
        cpu.stop()
        accepted_s = max(charger.opened.result() for charger in fleet.chargers) - began
        await rig.upstream_has(plan.crowd)
        upstream_s = (await rig.counts()).last_opened_at - began
        await fleet.call_once()
    await rig.upstream_has(0)
    # A relay may accept a charger before it has a connection to the central system, or after.
    details = {"accepted_s": accepted_s, "connected_upstream_s": upstream_s}
    return Sample(relay.name, plan.crowd / accepted_s, cpu.per_second, details)


def cpu_of(samples: Sequence[Sample], relay: str) -> dict[str, float]:
    """Medians of what the processes took, CPU seconds a second."""
    found = [sample.cpu for sample in samples if sample.relay == relay and sample.cpu]
    return {name: median([cpu[name] for cpu in found]) for name in (found[0] if found else ())}
