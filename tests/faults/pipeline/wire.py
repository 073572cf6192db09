"""Compares `ocpp.frames` with what both ends of every connection sent and got: frames, sequences, gaps, and what a kill may take.

The promise (docs/architecture.md, ADR 4 and 6), as it is checked here:

- What a gateway passed on is on Kafka, byte for byte, in the order of its sender; or a gap says how many frames of which sender
  are missing, how long together, on how many connections, and names the first.
- What is missing of a gateway that ended well, or was told by SIGTERM and exits with 0, is declared, all of it.
- A gateway that SIGTERM ends while Kafka is silent exits with 1 and says how many records that costs: no more is missing.
- A gateway that SIGKILL ends takes undeclared with it only what it had passed on without Kafka: none in mode strict; in mode
  hold only where Kafka was silent (`Silence`, or `kafka_up` was 0), and only what it passed on later than the hold time before
  `kafka_up` was last 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from faults.pipeline.gateways import Run
from faults.pipeline.rig import HOLD_S
from faults.pipeline.story import Silence
from faults.pipeline.topic import Recorded, Topic
from faults.pipeline.ways import Way
from ocpplog_common.envelope import Source

_LOOK_S: Final = 0.4
"""How late a gateway notices that a record is late, on a busy machine."""
Missing = tuple[Way, int]
"""A frame that is not on the topic, by its place among what was sent."""


@dataclass(slots=True)
class WireVerdict:
    """`excused`: missing and not declared, as the promise allows; `lost`: as it does not."""

    problems: list[str] = field(default_factory=list)
    missing: int = 0
    declared: int = 0
    excused: int = 0
    lost: list[str] = field(default_factory=list)


def compare(ways: Sequence[Way], topic: Topic, runs: Mapping[str, Run], silences: Sequence[Silence], strict: bool) -> WireVerdict:
    verdict = WireVerdict()
    _sequences(ways, topic, verdict)
    groups: dict[tuple[str, str, Source], list[Way]] = defaultdict(list)
    for way in ways:
        groups[way.run.gateway_id if way.run else "", way.visit.charger, way.source].append(way)
    gaps: dict[tuple[str, str, Source], list[Recorded]] = defaultdict(list)
    for record in topic.gaps:
        envelope = record.envelope
        gaps[envelope.gateway_id, envelope.charger_id, envelope.source].append(record)
    undeclared: dict[str, list[Missing]] = defaultdict(list)
    for key in sorted(groups.keys() | gaps.keys()):
        undeclared[key[0]] += _declared(sorted(groups[key], key=lambda way: way.visit.number), gaps[key], verdict)
    for gateway_id, frames in undeclared.items():
        _excuse(runs.get(gateway_id), frames, silences, strict, verdict)
    if strict:
        verdict.problems += [f"{way}: passed on, not recorded" for way in ways if _passed_on_only(way)]
    return verdict


def _passed_on_only(way: Way) -> bool:
    return any(place < len(way.received) for place in way.missing())


def _sequences(ways: Sequence[Way], topic: Topic, verdict: WireVerdict) -> None:
    """The frames of both directions are numbered without holes, but for what is missing."""
    connections: dict[str, list[Way]] = defaultdict(list)
    for way in ways:
        if way.connection_id:
            connections[way.connection_id].append(way)
    for connection_id, both in connections.items():
        numbers = {record.envelope.sequence for way in both for record in way.recorded}
        if all(way.read is not None for way in both):
            wanted = sum(way.read or 0 for way in both)
            holes = set(range(1, wanted + 1)) - numbers
            missing = sum(len(way.missing()) for way in both)
            if len(holes) != missing or max(numbers, default=0) > wanted:
                verdict.problems.append(f"{both[0].visit.tag} {connection_id}: {len(holes)} numbers missing, {missing} frames")
    known = {record.name for record in topic.frames}
    verdict.problems += [f"gap {gap.name} names a frame that is there" for gap in topic.gaps if gap.name in known]


def _declared(ways: Sequence[Way], gaps: Sequence[Recorded], verdict: WireVerdict) -> list[Missing]:
    """Compares the gaps of a charger's sender with what is missing of it; returns what no gap declares."""
    missing = [(way, place) for way in ways for place in way.missing()]
    verdict.missing += len(missing)
    count = sum(record.gap.count for record in gaps)
    verdict.declared += count
    if all(way.certain for way in ways):
        left = list(missing)
        for record in gaps:
            mine, left = left[: record.gap.count], left[record.gap.count :]
            verdict.problems += _differences(record, mine)
        return left
    # How much the gateway got is not known of all: at least what is missing for certain.
    most = len(missing) + sum(len(way.sent) for way in ways if not way.certain)
    inner = [place for way in ways for place in way.missing() if place < max(way.on_topic, default=-1)]
    if not len(inner) <= count <= most:
        verdict.problems.append(
            f"{ways[0] if ways else gaps[0].name}: gaps of {count} frames, missing are {len(inner)} to {most}"
        )
    return missing[count:]


def _differences(record: Recorded, frames: Sequence[Missing]) -> list[str]:
    gap = record.gap
    told = (gap.count, gap.bytes, gap.connections)
    found = (len(frames), sum(len(way.sent[place]) for way, place in frames), len({way.visit.number for way, _ in frames}))
    problems = [] if told == found else [f"gap {record.name}: count, bytes, connections are {told}, missing are {found}"]
    if (gap.charger_id, gap.site_id, gap.source) != (record.envelope.charger_id, record.envelope.site_id, record.envelope.source):
        problems.append(f"gap {record.name}: of another charger than its record says")
    if gap.first_at > gap.last_at:
        problems.append(f"gap {record.name}: ends before it begins")
    return problems


def _excuse(run: Run | None, frames: Sequence[Missing], silences: Sequence[Silence], strict: bool, verdict: WireVerdict) -> None:
    if run and run.ended == "exit 1":
        allowed = list(frames[: run.left])
    elif run and run.ended == "killed" and not strict:
        mine = [silence for silence in silences if silence.gateway == run.replica]
        allowed = [(way, place) for way, place in frames if _may_be_lost(run, way, place, mine)]
    else:
        allowed = []
    verdict.excused += len(allowed)
    for way, place in frames[len(allowed) :] if run and run.ended == "exit 1" else [one for one in frames if one not in allowed]:
        how = f"{run.gateway_id}, {run.ended or 'running'}" if run else "no gateway"
        verdict.lost.append(f"{way} frame {place} of {len(way.sent)} ({how}): {way.sent[place][:60]!r}")


def _may_be_lost(run: Run, way: Way, place: int, silences: Sequence[Silence]) -> bool:
    """Whether this frame can have been passed on without Kafka, and still have waited for it when the gateway was killed."""
    if place >= len(way.received):
        # No other end has it. It is not the last that the topic has of this way, so it should have been declared.
        return False
    at_us = way.received[place][0]
    hold_us, late_us = int(HOLD_S * 1e6), int(_LOOK_S * 1e6)
    since = [look for look in run.looks if at_us + hold_us + late_us < look.at_us < run.ended_us]
    # Of a busy machine, Kafka may be silent without a fault of ours: then the gateway said so.
    told = next((not look.up for look in run.looks if look.at_us >= at_us), False)
    silent = told or any(silence.begin_us <= at_us - hold_us + late_us for silence in silences)
    return silent and not any(look.up for look in since)
