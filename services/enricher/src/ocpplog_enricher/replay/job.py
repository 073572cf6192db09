"""Wires the replay and runs it over the partitions, one after the other, in slices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ocpplog_common import id_tags, levels, records, topics
from ocpplog_common.clickhouse import client as clickhouse
from ocpplog_common.clickhouse import tables
from ocpplog_common.compacted import CompactedTable
from ocpplog_common.envelope import EnvelopeError
from ocpplog_common.levels import Level
from ocpplog_common.records import RecordError, Site
from ocpplog_enricher.domain import fields, schemas
from ocpplog_enricher.domain.pairing import Admits, Pairing
from ocpplog_enricher.domain.policy import Policy
from ocpplog_enricher.domain.rows import LogRow, SampleRow
from ocpplog_enricher.observed import observed
from ocpplog_enricher.replay.decisions import Decider, Decision
from ocpplog_enricher.replay.mend import Mender, TableMender
from ocpplog_enricher.replay.report import Counts, Progress
from ocpplog_enricher.replay.source import FrameSource, Stretch, TopicIsNew
from ocpplog_enricher.replay.span import Horizon, Span, show
from ocpplog_enricher.replay.store import ReplayTable
from ocpplog_enricher.settings import EnricherSettings
from ocpplog_enricher.site_policies import SitePolicies

_SLICE_NAMES = 5000
_SLICE_BYTES = 16 * 1024 * 1024
"""A slice is what is held and compared at once; what differs in it is replaced in one step."""


@dataclass(frozen=True, slots=True)
class Options:
    """`level`: as if all sites had had it; None: the level in force when a request came. `late_us`: how long a gateway may have
    held a frame back."""

    span: Span
    dry_run: bool = False
    prune: bool = False
    level: Level | None = None
    late_us: int = 3_600_000_000


async def run(settings: EnricherSettings, options: Options, progress: Progress) -> Counts:
    """Raises EnricherError, ValueError, OSError, and what Kafka and ClickHouse raise when they do not answer at the start."""
    schemas.load()
    key_file = settings.enricher_id_tag_key_file
    key = id_tags.read_key(Path(key_file)) if key_file else b""
    kafka = settings.kafka_client()
    before_us = Pairing.looks_back_us(int(settings.enricher_answer_timeout_s * 1_000_000))
    sites: CompactedTable[Site] = CompactedTable(topics.SITES, records.decode_site, kafka)
    source = FrameSource(kafka, settings.enricher_group, before_us)
    store = await clickhouse.connect_async(settings, database="default", send_receive_timeout=300)
    try:
        clickhouse.check_version(store.server_version or "")
        database, retry_for_s = settings.clickhouse_database, settings.enricher_retry_for_s
        log = ReplayTable(store, database, tables.LOG, LogRow, retry_for_s)
        samples = ReplayTable(store, database, tables.METER_SAMPLE, SampleRow, retry_for_s)
        for table in (samples, log):
            await table.open()
            await _deletes_done(table, progress)
        await sites.start()
        await source.start()
        policies = SitePolicies(sites, key)
        mender = Mender(
            TableMender(samples, tables.METER_SAMPLE), TableMender(log, tables.LOG), dry_run=options.dry_run, prune=options.prune
        )
        replay = _Replay(settings, options, source, mender, _admits(policies, options), policies.policy, progress)
        return await replay.run()
    finally:
        await source.stop()
        await sites.stop()
        await store.close()


def _admits(policies: SitePolicies, options: Options) -> Admits:
    level = options.level
    return policies.admits if level is None else lambda site_id, action, at_us: levels.admits(level, action)


async def _deletes_done(table: ReplayTable, progress: Progress) -> None:
    """A delete of a run that was cut off could otherwise take rows that this run finds right and leaves."""
    while count := await table.deletes_under_way():
        progress.say(f"waiting for {count} mutations of ClickHouse to be done")
        await asyncio.sleep(1.0)


@dataclass(slots=True)
class _Slice:
    decisions: list[Decision] = field(default_factory=list)
    size: int = 0

    def add(self, decisions: list[Decision]) -> bool:
        """Whether there are enough now."""
        self.decisions += decisions
        self.size += sum(decision.size for decision in decisions)
        return len(self.decisions) >= _SLICE_NAMES or self.size >= _SLICE_BYTES

    def take(self) -> list[Decision]:
        taken, self.decisions, self.size = self.decisions, [], 0
        return taken


class _Replay:
    def __init__(
        self,
        settings: EnricherSettings,
        options: Options,
        source: FrameSource,
        mender: Mender,
        admits: Admits,
        policy: Callable[[str], Policy],
        progress: Progress,
    ) -> None:
        self._timeout_us = int(settings.enricher_answer_timeout_s * 1_000_000)
        self._max_open = settings.enricher_max_open
        self._options = options
        self._source = source
        self._mender = mender
        self._admits = admits
        self._policy = policy
        self._progress = progress
        self._counts = Counts()

    async def run(self) -> Counts:
        for stretch in await self._source.stretches(self._options.span):
            try:
                await self._partition(stretch)
            except TopicIsNew as error:
                self._progress.say(f"{error}: left to the live enricher")
        return self._counts

    async def _partition(self, stretch: Stretch) -> None:
        span = self._options.span
        before_us = Pairing.looks_back_us(self._timeout_us)
        horizon = Horizon(span.to_us, max(self._options.late_us, before_us))
        decider = Decider(Pairing(self._admits, self._timeout_us, self._max_open), span)
        slice_ = _Slice()
        last = stretch.first
        async for record in self._source.records(stretch):
            if horizon.passed(record.timestamp):
                break
            try:
                seen = observed(record)
            except (EnvelopeError, RecordError):
                self._counts.unreadable += record.offset < stretch.end
                continue
            horizon.saw(seen.envelope, record.timestamp)
            if record.offset >= stretch.end:
                self._counts.left += span.covers(seen.envelope)
                continue
            if record.offset == stretch.begin > 0:
                decider.span = self._without_what_is_gone(span, stretch, record.timestamp * 1000, before_us)
            last = record.offset
            self._counts.frames += 1
            if slice_.add(decider.observe(seen)):
                await self._mend(slice_.take(), stretch.partition)
        slice_.add(decider.finish(last))
        await self._mend(slice_.take(), stretch.partition)

    def _without_what_is_gone(self, span: Span, stretch: Stretch, oldest_us: int, before_us: int) -> Span:
        """The first frames that are left may answer requests that are gone."""
        from_us = oldest_us + before_us
        if from_us <= span.from_us:
            return span
        self._progress.say(f"partition {stretch.partition}: frames before {show(oldest_us)} are gone; begins at {show(from_us)}")
        return replace(span, from_us=from_us)

    async def _mend(self, decisions: list[Decision], partition: int) -> None:
        if decisions:
            enriched = {
                decision.name: fields.enrich(decision.exchange, partition, self._policy(decision.envelope.site_id))
                for decision in decisions
                if decision.exchange is not None
            }
            await self._mender.mend(decisions, enriched, self._counts)
            self._progress.at(partition, decisions[-1].envelope.received_at_us, self._counts)
