"""The reference of an enricher: the same decoding, pairing, unpacking and inserts on a bare aiokafka loop.

No look-ups of what is stored, no backpressure, no place that is held for open requests: a crash would lose or double rows.
`python -m benchmarks.bare_enricher --rows N`, with the enricher's settings in its environment, ends when N rows are stored.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Any

import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from ocpplog_common import ocppj, topics
from ocpplog_common.clickhouse import client as clickhouse
from ocpplog_common.compacted import CompactedTable
from ocpplog_common.envelope import Envelope
from ocpplog_common.records import Site, decode_site
from ocpplog_enricher.domain import fields, schemas
from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.pairing import Pairing
from ocpplog_enricher.settings import EnricherSettings
from ocpplog_enricher.sink import Sink
from ocpplog_enricher.site_policies import SitePolicies


class Loop:
    def __init__(self, settings: EnricherSettings, sites: CompactedTable[Site], client: Any) -> None:
        self._settings = settings
        self._policies = SitePolicies(sites, b"", settings.retention())
        self._sink = Sink(client, settings.clickhouse_database, retry_for_s=10)
        self._pairings: dict[int, Pairing] = {}

    async def run(self, rows: int) -> None:
        consumer = AIOKafkaConsumer(
            topics.FRAMES,
            # Of its own: it begins with the first frame each time.
            group_id=f"bare-loop-{os.getpid()}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=3000,
            rebalance_timeout_ms=3000,
            heartbeat_interval_ms=1000,
            **self._settings.kafka_client(),
        )
        await consumer.start()
        stored = 0
        while stored < rows:
            batches = await consumer.getmany(timeout_ms=300)
            stored += sum(await asyncio.gather(*(self._work(place, found) for place, found in batches.items())))
            await consumer.commit()
        await consumer.stop()

    async def _work(self, place: TopicPartition, records: Sequence[Any]) -> int:
        pairing = self._pairings.get(place.partition)
        if pairing is None:
            timeout_us = int(self._settings.enricher_answer_timeout_s * 1_000_000)
            pairing = self._pairings[place.partition] = Pairing(self._policies.admits, timeout_us, self._settings.limits())
        found = []
        for record in records:
            envelope = Envelope.from_record(record.key, record.value, record.headers)
            for exchange in pairing.observe(Observed(envelope, ocppj.parse(envelope.frame), record.offset)):
                if exchange.admitted:
                    found.append(fields.enrich(exchange, place.partition, self._policies.policy(exchange.first.envelope)))
        largest = self._settings.enricher_batch_rows
        for start in range(0, len(found), largest):
            await self._sink.write(found[start : start + largest], suspect=False)
        return len(found)


async def _main(rows: int) -> None:
    settings = EnricherSettings()
    schemas.load()
    sites: CompactedTable[Site] = CompactedTable(topics.SITES, decode_site, settings.kafka_client())
    await sites.start()
    client = await clickhouse.connect_async(settings, database="default")
    try:
        await Loop(settings, sites, client).run(rows)
    finally:
        await client.close()
        await sites.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, required=True)
    sys.exit(uvloop.run(_main(parser.parse_args().rows)))
