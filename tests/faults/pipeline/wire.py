"""Compares `ocpp.frames` with what both ends of every connection sent and got: frames, sequences, gaps, and what a kill may take.

The promise (docs/architecture.md, ADR 4 and 6), as it is checked here:

- What a gateway passed on is on Kafka, byte for byte, in the order in which it came from both sides; or a gap says how many
  frames of which sender are missing, from when to when, how long together, on how many connections, and names the first.
- What is missing of a gateway that ended well, or was told by SIGTERM and exits with 0, is declared, all of it.
- A gateway that SIGTERM ends while Kafka is silent exits with 1 and says how many records that costs: no more is missing.
- A gateway that SIGKILL ends takes undeclared with it only what it had passed on without Kafka: none in mode strict; in mode
  hold only while Kafka was silent (`Silence`, or `kafka_up` was 0), and only what it passed on later than the hold time before
  `kafka_up` was last 1.
- Once all is well again, nothing is missing at all, where the buffer has room for what all chargers say at once.
- Each connection has an event for its beginning and one for its end, unless its gateway was killed, or said that events did
  not fit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from faults.pipeline import fits
from faults.pipeline.fits import Cursor, Missing, Stretch
from faults.pipeline.gateways import Run
from faults.pipeline.rig import FLUSH_S, HOLD_S
from faults.pipeline.story import Silence
from faults.pipeline.topic import Recorded, Topic
from faults.pipeline.ways import Way
from ocpplog_common.envelope import Source
from ocpplog_common.records import ConnectionEventKind

_LOOK_S: Final = 0.4
"""How late a gateway notices that a record is late, on a busy machine."""
_CLOCK_US: Final = 20_000
"""By how much two processes may tell another time of the same moment."""


@dataclass(slots=True)
class WireVerdict:
    """`excused`: missing and not declared, as the promise allows; `lost`: as it does not."""

    problems: list[str] = field(default_factory=list)
    missing: int = 0
    declared: int = 0
    excused: int = 0
    lost: list[str] = field(default_factory=list)


def compare(
    ways: Sequence[Way],
    topic: Topic,
    runs: Mapping[str, Run],
    silences: Sequence[Silence],
    strict: bool,
    wrong_clocks_s: float = 0.0,
    *,
    roomy: bool = True,
) -> WireVerdict:
    """`wrong_clocks_s`: by how much, at most, the clock of a gateway was wrong. `roomy`: no buffer is full while all is well."""
    verdict = WireVerdict()
    _sequences(ways, topic, verdict)
    absent = _events(ways, topic, runs, silences, verdict, roomy)
    groups: dict[tuple[str, str, Source], list[Way]] = defaultdict(list)
    for way in ways:
        groups[way.run.gateway_id if way.run else "", way.visit.charger, way.source].append(way)
    gaps: dict[tuple[str, str, Source], list[Recorded]] = defaultdict(list)
    for record in topic.gaps:
        envelope = record.envelope
        gaps[envelope.gateway_id, envelope.charger_id, envelope.source].append(record)
    undeclared: dict[str, list[Missing]] = defaultdict(list)
    for key in sorted(groups.keys() | gaps.keys()):
        mine = sorted(groups[key], key=lambda way: way.visit.number)
        undeclared[key[0]] += _declared(mine, gaps[key], verdict, _CLOCK_US + int(wrong_clocks_s * 1e6))
    for gateway_id, frames in undeclared.items():
        _Excuses(runs.get(gateway_id), silences, strict, roomy, absent[gateway_id]).look(frames, verdict)
    if strict:
        verdict.problems += [f"{way}: passed on, not recorded" for way in ways if _passed_on_only(way)]
    verdict.problems += [f"{way}: missing, when all was well" for way in ways if roomy and way.visit.last and way.missing()]
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
        recorded = sorted((record for way in both for record in way.recorded), key=lambda record: record.offset)
        order = [record.envelope.sequence for record in recorded]
        if order != sorted(order) or len({record.partition for record in recorded}) > 1:
            verdict.problems.append(f"{both[0].visit.tag} {connection_id}: out of order over both sides")
        numbers = set(order)
        if all(way.read is not None for way in both):
            wanted = sum(way.read or 0 for way in both)
            holes = set(range(1, wanted + 1)) - numbers
            missing = sum(len(way.missing()) for way in both)
            if len(holes) != missing or max(numbers, default=0) > wanted:
                verdict.problems.append(f"{both[0].visit.tag} {connection_id}: {len(holes)} numbers missing, {missing} frames")
    known = {record.name for record in topic.frames}
    verdict.problems += [f"gap {gap.name} names a frame that is there" for gap in topic.gaps if gap.name in known]


def _events(
    ways: Sequence[Way], topic: Topic, runs: Mapping[str, Run], silences: Sequence[Silence], verdict: WireVerdict, roomy: bool
) -> dict[str, int]:
    """How many are missing, by gateway's run."""
    told = {(event.connection_id, event.kind) for event in topic.events}
    absent: dict[str, list[str]] = defaultdict(list)
    for way in ways:
        if way.source is Source.CHARGER and way.connection_id and way.run and way.run.ended != "killed":
            for kind in (ConnectionEventKind.CONNECT, ConnectionEventKind.DISCONNECT):
                if (way.connection_id, kind) not in told:
                    absent[way.run.gateway_id].append(f"{way.visit.tag} {way.connection_id}: no event, {kind}")
    for gateway_id, problems in absent.items():
        run = runs[gateway_id]
        # What is dropped in the last moment, nobody has looked for.
        excused = not roomy and silent_at_the_end(run, silences)
        if len(problems) > (0 if roomy else run.events_lost) + run.left and not excused:
            verdict.problems += problems
    return defaultdict(int, {gateway_id: len(problems) for gateway_id, problems in absent.items()})


def _declared(ways: Sequence[Way], gaps: Sequence[Recorded], verdict: WireVerdict, clock_us: int) -> list[Missing]:
    """Compares the gaps of a charger's sender with what is missing of it; returns what no gap declares."""
    stretches = [stretch for stretch in map(Stretch.of, ways) if stretch.places]
    verdict.missing += sum(stretch.known for stretch in stretches)
    undeclared: list[Missing] = []
    cursor: Cursor = (0, 0)
    for record in gaps:
        gap = record.gap
        verdict.declared += gap.count
        if found := fits.fit(stretches, cursor, record, clock_us):
            frames, skipped, cursor = found
            undeclared += skipped
            verdict.problems += _differences(record, frames, clock_us)
        else:
            told = f"{gap.count} frames, {gap.bytes} bytes, {gap.connections} connections"
            verdict.problems.append(f"gap {record.name} of {gap.charger_id} {gap.source}: not what is missing: {told}")
    return undeclared + fits.between(stretches, cursor, (len(stretches), 0))


def _differences(record: Recorded, frames: Sequence[Missing], clock_us: int) -> list[str]:
    gap, problems = record.gap, []
    if (gap.charger_id, gap.site_id, gap.source) != (record.envelope.charger_id, record.envelope.site_id, record.envelope.source):
        problems.append(f"gap {record.name}: of another charger than its record says")
    if gap.first_at > gap.last_at:
        problems.append(f"gap {record.name}: ends before it begins")
    for what, when, frame in (("begins", gap.first_at, frames[0]), ("ends", gap.last_at, frames[-1])):
        if not fits.on_its_way(frame, when, clock_us):
            sent, got = fits.way_times(frame)
            at_us = int(when.timestamp() * 1e6)
            problems.append(f"gap {record.name}: {what} at {at_us}, its frame was on its way from {sent} to {got or 'now'}")
    return problems


@dataclass(frozen=True, slots=True)
class _Excuses:
    """What may be missing of a gateway's run. `absent`: events of it that are."""

    run: Run | None
    silences: Sequence[Silence]
    strict: bool
    roomy: bool
    absent: int

    def look(self, frames: Sequence[Missing], verdict: WireVerdict) -> None:
        allowed: Sequence[Missing] = []
        run = self.run
        # What stands before recorded frames of its sender is declared before them.
        last = [(way, place) for way, place in frames if place > max(way.on_topic, default=-1)]
        if run and run.ended == "exit 1" and silent_at_the_end(run, self.silences):
            # Where the buffer was full, events were dropped before its end: they are not among what it counts.
            allowed = last[: max(0, run.left - self.absent if self.roomy else run.left)]
        elif run and run.ended == "killed" and not self.strict:
            allowed = [(way, place) for way, place in last if self._may_be_lost(run, way, place)]
        verdict.excused += len(allowed)
        excused = {(id(way), place) for way, place in allowed}
        for way, place in frames:
            if (id(way), place) not in excused:
                how = f"{run.gateway_id}, {run.ended or 'running'}" if run else "no gateway"
                verdict.lost.append(f"{way} frame {place} of {len(way.sent)} ({how}): {way.sent[place][:60]!r}")

    def _may_be_lost(self, run: Run, way: Way, place: int) -> bool:
        """Whether this frame can have been passed on without Kafka, and still have waited for it when the gateway was killed."""
        if place >= len(way.received):
            # No other end has it. It is not the last that the topic has of this way, so it should have been declared.
            return False
        # The other end may have read it long after it was passed on, but not before it was sent.
        earliest_us, latest_us = way.sent_at[place], min(way.received[place][0], run.ended_us)
        hold_us, late_us = int(HOLD_S * 1e6), int(_LOOK_S * 1e6)
        since = [look for look in run.looks if latest_us + hold_us + late_us < look.at_us < run.ended_us]
        # Of a busy machine, Kafka may be silent without a fault of ours: then the gateway said so.
        told = next((not look.up for look in run.looks if look.at_us >= latest_us), False)
        # With a full buffer, frames are passed on before the hold time is over.
        begun_us = latest_us + late_us - (hold_us if self.roomy else 0)
        mine = [silence for silence in self.silences if silence.gateway == run.replica]
        done = any(silence.begin_us <= begun_us and earliest_us <= silence.end_us + hold_us + late_us for silence in mine)
        return (told or done) and not any(look.up for look in since)


def silent_at_the_end(run: Run, silences: Sequence[Silence]) -> bool:
    """Whether Kafka was not as it should be while the gateway ended, by what was done to it or as the gateway said."""
    began_us = run.ended_us - int((FLUSH_S + 3) * 1e6)
    mine = [silence for silence in silences if silence.gateway == run.replica]
    done = any(silence.begin_us <= run.ended_us and silence.end_us >= began_us for silence in mine)
    # Before it has said for the first time that Kafka answers, it has only begun.
    up_us = next((look.at_us for look in run.looks if look.up), run.ended_us)
    return done or any(not look.up for look in run.looks if look.at_us >= max(began_us, up_us))
