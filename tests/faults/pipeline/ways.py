"""One direction of one connection as its two ends saw it, and what stands of it on Kafka."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from faults.pipeline import journal
from faults.pipeline.gateways import Run
from faults.pipeline.journal import Line
from faults.pipeline.topic import Recorded, Topic
from faults.pipeline.visits import Visit
from ocpplog_common.envelope import Opcode, Source
from ocpplog_common.records import ConnectionEventKind

Place = tuple[str, int]
"""A charger, and the number of its connection."""


@dataclass(slots=True)
class Way:
    """`sent` by one end; `received` by the other, each with the time of each; `recorded`: what the topic has, in its order.

    `read`: how many of them the gateway says it got, where it says so. `run`: the gateway's process.
    """

    visit: Visit
    source: Source
    sent: list[bytes]
    sent_at: list[int]
    received: list[tuple[int, bytes]]
    run: Run | None = None
    recorded: list[Recorded] = field(default_factory=list)
    read: int | None = None
    connection_id: str = ""
    on_topic: dict[int, Recorded] = field(default_factory=dict)
    """By their place in `sent`."""

    def missing(self) -> list[int]:
        """Places in `sent` of what the gateway got for certain and the topic has not."""
        known = max(len(self.received), max(self.on_topic, default=-1) + 1)
        return [place for place in range(self.read if self.read is not None else known) if place not in self.on_topic]

    def perhaps_missing(self) -> list[int]:
        """Places after those, of what the gateway may have got: all that was sent, where nobody says how much that was."""
        known = max(len(self.received), max(self.on_topic, default=-1) + 1)
        return [] if self.read is not None else list(range(known, len(self.sent)))

    def __str__(self) -> str:
        return f"{self.visit.tag} {self.source}"


def ways(visits: Iterable[Visit], lines: Sequence[Line], runs: Mapping[str, Run], topic: Topic) -> tuple[list[Way], list[str]]:
    """Both directions of each connection; and what is on the topic that nobody sent, or is not where it belongs."""
    found = _of_both_ends(visits, lines)
    problems = _place_records(found, topic)
    for way in found.values():
        way.run = _run(way, runs)
    _name_connections(found, topic)
    _place_events(found, topic)
    for way in found.values():
        problems += _match(way)
    return list(found.values()), problems


def _of_both_ends(visits: Iterable[Visit], lines: Sequence[Line]) -> dict[tuple[Place, Source], Way]:
    central: dict[tuple[Place, bool], list[Line]] = defaultdict(list)
    for line in lines:
        central[(line.charger, line.visit), line.sent].append(line)
    found = {}
    for visit in visits:
        place = visit.charger, visit.number
        got, told = central[place, False], central[place, True]
        received = [(line.at_us, line.frame) for line in got]
        found[place, Source.CHARGER] = Way(visit, Source.CHARGER, visit.sent, visit.sent_at, received)
        sent, sent_at = [line.frame for line in told], [line.at_us for line in told]
        found[place, Source.CSMS] = Way(visit, Source.CSMS, sent, sent_at, visit.received)
    return found


def _place_records(found: Mapping[tuple[Place, Source], Way], topic: Topic) -> list[str]:
    problems = []
    for record in topic.frames:
        envelope = record.envelope
        place = journal.place(envelope.frame)
        way = found.get((place, envelope.source)) if place else None
        if way is None or place is None or place[0] != envelope.charger_id:
            problems.append(f"nobody sent {record.name}: {envelope.source} {envelope.frame[:80]!r}")
            continue
        way.recorded.append(record)
        for source in Source:
            both = found[place, source]
            if both.connection_id not in ("", envelope.connection_id):
                problems.append(f"{both}: on two connections, {both.connection_id} and {envelope.connection_id}")
            both.connection_id = envelope.connection_id
    return problems


def _name_connections(found: Mapping[tuple[Place, Source], Way], topic: Topic) -> None:
    """Of those that have no frame on the topic: in their order, where a gateway tells of as many as a charger knows."""
    known = {way.connection_id for way in found.values()}
    told: dict[tuple[str, str], list[str]] = defaultdict(list)
    for event in topic.events:
        got = event.frames_from_charger + event.frames_from_csms
        if event.kind is ConnectionEventKind.DISCONNECT and got and event.connection_id not in known:
            told[event.charger_id, event.gateway_id].append(event.connection_id)
    nameless: dict[tuple[str, str], list[Visit]] = defaultdict(list)
    for (_, source), way in found.items():
        if source is Source.CHARGER and way.sent and way.run and not way.connection_id:
            nameless[way.visit.charger, way.run.gateway_id].append(way.visit)
    for key, visits in nameless.items():
        names = list(dict.fromkeys(told[key]))
        if len(names) == len(visits):
            for visit, name in zip(visits, names, strict=True):
                for source in Source:
                    found[(visit.charger, visit.number), source].connection_id = name


def _place_events(found: Mapping[tuple[Place, Source], Way], topic: Topic) -> None:
    """What the gateway says it got, of both directions."""
    ended = {event.connection_id: event for event in topic.events if event.kind is ConnectionEventKind.DISCONNECT}
    for way in found.values():
        if event := ended.get(way.connection_id):
            way.read = event.frames_from_charger if way.source is Source.CHARGER else event.frames_from_csms


def _run(way: Way, runs: Mapping[str, Run]) -> Run | None:
    if way.recorded:
        return runs.get(way.recorded[0].envelope.gateway_id)
    mine = [run for run in runs.values() if run.replica == way.visit.replica and run.started_us <= way.visit.opened_us]
    return max(mine, key=lambda run: run.started_us, default=None)


def _match(way: Way) -> list[str]:
    """Where each recorded frame stands among what was sent; and what is not as it was sent and received."""
    problems = []
    if [frame for _, frame in way.received] != way.sent[: len(way.received)]:
        problems.append(f"{way}: the other end did not get what was sent, in its order")
    places = {frame: place for place, frame in enumerate(way.sent)}
    last_place, last_sequence = -1, 0
    for record in way.recorded:
        place = places.get(record.envelope.frame, -1)
        if place < 0:
            problems.append(f"{way}: recorded, never sent so: {record.envelope.frame[:80]!r}")
        elif place <= last_place or record.envelope.sequence <= last_sequence:
            problems.append(f"{way}: out of order, {record.name} at offset {record.offset}")
        else:
            way.on_topic[place] = record
            last_place, last_sequence = place, record.envelope.sequence
        binary = way.source is Source.CHARGER and record.envelope.frame in way.visit.binary
        if record.envelope.opcode is not (Opcode.BINARY if binary else Opcode.TEXT):
            problems.append(f"{way}: {record.name} is recorded as {record.envelope.opcode}")
    if way.read is not None and way.read > len(way.sent):
        problems.append(f"{way}: the gateway got {way.read} frames, of {len(way.sent)}")
    return problems
