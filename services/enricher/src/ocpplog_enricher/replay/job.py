"""Wires the replay: the only place that knows its concrete parts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ocpplog_common import id_tags, levels, records, topics
from ocpplog_common.clickhouse import client as clickhouse
from ocpplog_common.clickhouse import tables
from ocpplog_common.compacted import CompactedTable
from ocpplog_common.levels import Level
from ocpplog_common.records import Site
from ocpplog_enricher.domain import schemas
from ocpplog_enricher.domain.pairing import Admits, Pairing
from ocpplog_enricher.domain.rows import LogRow, SampleRow
from ocpplog_enricher.replay.mend import Mender, TableMender
from ocpplog_enricher.replay.report import Counts, Progress
from ocpplog_enricher.replay.run import Replay
from ocpplog_enricher.replay.source import FrameSource
from ocpplog_enricher.replay.span import Span
from ocpplog_enricher.replay.store import ReplayTable
from ocpplog_enricher.settings import EnricherSettings
from ocpplog_enricher.site_policies import SitePolicies


@dataclass(frozen=True, slots=True)
class Options:
    """`level`: as if all sites had had it; None: the level in force when a request came. `late_us`: how long a gateway may have
    held a frame back. `unknown_sites`: those without a record whose rows are wanted all the same, with their RFID tags masked."""

    span: Span
    dry_run: bool = False
    prune: bool = False
    level: Level | None = None
    late_us: int = 3_600_000_000
    unknown_sites: frozenset[str] = frozenset()


async def run(settings: EnricherSettings, options: Options, progress: Progress) -> Counts:
    """Raises EnricherError, ValueError, OSError, and what Kafka and ClickHouse raise when they do not answer at the start."""
    schemas.load()
    key_file = settings.enricher_id_tag_key_file
    key = id_tags.read_key(Path(key_file)) if key_file else b""
    kafka = settings.kafka_client()
    timeout_us = int(settings.enricher_answer_timeout_s * 1_000_000)
    sites: CompactedTable[Site] = CompactedTable(topics.SITES, records.decode_site, kafka)
    source = FrameSource(kafka, settings.enricher_group, Pairing.looks_back_us(timeout_us))
    store = await clickhouse.connect_async(settings, database="default", send_receive_timeout=300)
    try:
        clickhouse.check_version(store.server_version or "")
        database, retry_for_s = settings.clickhouse_database, settings.enricher_retry_for_s
        cluster = settings.clickhouse_cluster
        log = ReplayTable(store, database, tables.LOG, LogRow, retry_for_s, cluster)
        samples = ReplayTable(store, database, tables.METER_SAMPLE, SampleRow, retry_for_s, cluster)
        for table in (samples, log):
            await table.open()
            await _deletes_done(table, progress)
        await sites.start()
        # Of a site whose record is gone nobody knows any more how it wanted its tags.
        policies = SitePolicies(sites, key, settings.retention(), hide_unknown=id_tags.masked)
        _check(policies, options.span.sites or sites.keys())
        await source.start()
        mender = Mender(
            TableMender(samples, tables.METER_SAMPLE), TableMender(log, tables.LOG), dry_run=options.dry_run, prune=options.prune
        )
        replay = Replay(
            source=source,
            mender=mender,
            new_pairing=lambda: Pairing(_admits(policies, options.level), timeout_us, settings.limits()),
            policy=policies.policy,
            wanted=lambda site_id: policies.knows(site_id) or site_id in options.unknown_sites,
            late_us=options.late_us,
            progress=progress,
        )
        return await replay.run(options.span)
    finally:
        await source.stop()
        await sites.stop()
        await store.close()


def _check(policies: SitePolicies, sites: Iterable[str]) -> None:
    """Raises ValueError where rows with hashes would become rows with masked tags, for want of the key."""
    if lacking := policies.lacks_key(sites):
        raise ValueError(
            f"sites that hash their RFID tags: {', '.join(lacking)}; set OCPPLOG_ENRICHER_ID_TAG_KEY_FILE to the enricher's key, "
            "or name other sites with --site"
        )


def _admits(policies: SitePolicies, level: Level | None) -> Admits:
    return policies.admits if level is None else lambda site_id, action, at_us: levels.admits(level, action)


async def _deletes_done(table: ReplayTable, progress: Progress) -> None:
    """A delete of a run that was cut off could otherwise take rows that this run finds right and leaves."""
    said = 0
    while count := await table.deletes_under_way():
        if count != said:
            progress.say(f"waiting for ClickHouse: mutations that are not done (system.mutations): {count}")
        said = count
        await asyncio.sleep(1.0)
