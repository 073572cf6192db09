"""The oracle: what both ends know, what Kafka has, what ClickHouse, pages and exports show, held against each other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from faults.pipeline import journal, topic, wire
from faults.pipeline.gateways import Run
from faults.pipeline.model import Model, Row
from faults.pipeline.reader import Reader
from faults.pipeline.rig import ANSWER_WITHIN_S, NO_LETTER, ROOMY, Pipeline
from faults.pipeline.rows import RowsVerdict, Store, event_differences, through_the_api
from faults.pipeline.scenarios import SITES
from faults.pipeline.story import Story
from faults.pipeline.topic import Name, Topic
from faults.pipeline.ways import Way, ways
from faults.pipeline.wire import WireVerdict

_SHOWN: Final = 4
_IDLE_S: Final = 60.0
_EVENTS_IDLE_S: Final = 12.0
_LATE_S: Final = 1.5
LEVELS: Final = {site.site_id: str(site.level or ("minimal" if site.connectivity == "wireless" else "info")) for site in SITES}


@dataclass(slots=True)
class Verdict:
    """`counts`: for the report. `wrongs`: what differs, each kind with how often and the first few; none: all is right."""

    counts: dict[str, int] = field(default_factory=dict)
    wrongs: dict[str, list[str]] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        return not self.wrongs

    def wrong(self, kind: str, what: list[str]) -> None:
        self.counts[kind] = len(what)
        if what:
            self.wrongs[kind] = what

    def __str__(self) -> str:
        return (
            "right"
            if self.right
            else "\n".join(
                f"  {len(what)} {kind}:" + "".join(f"\n    {one}" for one in what[:_SHOWN]) for kind, what in self.wrongs.items()
            )
        )


async def judge(pipeline: Pipeline, story: Story, reader: Reader) -> Verdict:
    """Once everything that must come is stored, or nothing more comes."""
    found = await topic.read(pipeline.kafka)
    expected = _expected(found)
    await _settled(Store(pipeline.client), expected)
    verdict = Verdict()
    sides, problems = _ways(pipeline, found)
    _tell_wire(verdict, pipeline, story, sides, found, problems)
    verdict.counts["events"] = len(set(found.events))
    verdict.wrong("wrong events", await _events(Store(pipeline.client), found))
    tolerated = {record.name for record in found.copies} if story.wrong_clocks > ANSWER_WITHIN_S / 2 else set()
    store = Store(pipeline.client)
    rows, stored = await asyncio.to_thread(store.compare, expected, tolerated)
    await through_the_api(reader, stored, await asyncio.to_thread(store.entries), rows)
    _tell_rows(verdict, rows, reader)
    letters = [value for value, _ in await pipeline.dead_letters() if value != NO_LETTER]
    verdict.wrong("put aside", [f"{value[:100]!r}" for value in letters])
    verdict.wrong("not as it must go", story.wrongs)
    return verdict


def _expected(found: Topic) -> Mapping[Name, Row]:
    model = Model(LEVELS, int(ANSWER_WITHIN_S * 1e6))
    single = sorted([*found.frames, *found.gaps], key=lambda record: (record.partition, record.offset))
    for partition in sorted({record.partition for record in single}):
        model.partition(record for record in single if record.partition == partition)
    return model.rows


async def _settled(store: Store, expected: Mapping[Name, Row]) -> None:
    wanted = sum(not row.optional for row in expected.values())
    found, since = 0, time.monotonic()
    while found < wanted and time.monotonic() - since < _IDLE_S:
        await asyncio.sleep(0.3)
        names = await asyncio.to_thread(store.names)
        if names != found:
            found, since = names, time.monotonic()
    # For what comes too late, and should not come at all.
    await asyncio.sleep(_LATE_S)


async def _events(store: Store, found: Topic) -> list[str]:
    """Once none of them came for a while."""
    differences = event_differences(found.events, await asyncio.to_thread(store.events))
    fewest, since = len(differences), time.monotonic()
    while differences and time.monotonic() - since < _EVENTS_IDLE_S:
        await asyncio.sleep(0.3)
        differences = event_differences(found.events, await asyncio.to_thread(store.events))
        if len(differences) < fewest:
            fewest, since = len(differences), time.monotonic()
    return differences


def _ways(pipeline: Pipeline, found: Topic) -> tuple[list[Way], list[str]]:
    visits = [visit for charger in pipeline.fleet.chargers for visit in charger.visits]
    runs = {run.gateway_id: run for gateway in pipeline.gateways for run in gateway.runs}
    return ways(visits, journal.read(pipeline.central.journal), runs, found)


def _tell_wire(verdict: Verdict, pipeline: Pipeline, story: Story, sides: list[Way], found: Topic, problems: list[str]) -> None:
    runs = {run.gateway_id: run for gateway in pipeline.gateways for run in gateway.runs}
    strict = pipeline.settings["gateway_mode"] == "strict"
    told: WireVerdict = wire.compare(
        sides, found, runs, story.silences, strict, story.wrong_clocks, roomy=pipeline.settings["gateway_buffer_bytes"] == ROOMY
    )
    verdict.counts |= {
        "connections": len({way.connection_id for way in sides if way.connection_id}),
        "frames sent": sum(len(way.sent) for way in sides),
        "frames passed on": sum(len(way.received) for way in sides),
        "frames on Kafka": len(found.frames),
        "copies on Kafka": len(found.copies),
        "gaps": len(found.gaps),
        "frames in gaps": told.declared,
        "frames missing": told.missing,
        "undeclared within the promise": told.excused,
    }
    verdict.wrong("lost", told.lost)
    verdict.wrong("wrong on Kafka", problems + told.problems + _misplaced(pipeline, found))
    ended = [run for run in runs.values() if not _well_ended(run, story)]
    verdict.wrong("wrong ends", [f"{run.gateway_id}: {run.ended or 'runs on'}, {run.left} left" for run in ended])


def _well_ended(run: Run, story: Story) -> bool:
    """With 1 only where Kafka was silent, and it said what that costs."""
    if run.ended == "exit 1":
        return bool(run.left) and wire.silent_at_the_end(run, story.silences)
    return run.ended in ("killed", "exit 0")


def _misplaced(pipeline: Pipeline, found: Topic) -> list[str]:
    """Headers that are not those of the charger; copies that are none."""
    sites = {charger.name: (charger.site, charger.protocol) for charger in pipeline.fleet.chargers}
    wrong = [f"{record.name}: a copy that differs" for record in found.false_copies]
    for record in found.everything:
        envelope = record.envelope
        if (envelope.site_id, envelope.subprotocol) != sites[envelope.charger_id]:
            wrong.append(f"{record.name} of {envelope.charger_id}: {envelope.site_id}, {envelope.subprotocol}")
    return wrong


def _tell_rows(verdict: Verdict, rows: RowsVerdict, reader: Reader) -> None:
    verdict.counts |= {"rows": rows.stored, "pages read meanwhile": reader.pages}
    verdict.wrong("missing rows", [str(name) for name in rows.missing])
    verdict.wrong("doubled rows", [str(name) for name in rows.doubled])
    verdict.wrong("foreign rows", [str(name) for name in rows.foreign])
    verdict.wrong("wrong rows", rows.problems)
    verdict.wrong("in another site's scope", rows.out_of_scope)
    verdict.wrong("wrong answers meanwhile", reader.complaints if reader.pages else ["nobody could read a page"])
