"""The enricher's work without Kafka and ClickHouse: frames in, rows counted, and what is held meanwhile."""

from __future__ import annotations

import zlib
from types import SimpleNamespace
from typing import Any

from faust.types.tuples import ConsumerMessage

from ocpplog_common import ocppj
from ocpplog_common.envelope import Envelope
from ocpplog_common.records import IdTags, LevelName, Site
from ocpplog_enricher.agents import FaustRecord
from ocpplog_enricher.domain import fields
from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.pairing import Pairing
from ocpplog_enricher.partition import Partition
from ocpplog_enricher.site_policies import SitePolicies

_TIMEOUT_US = 60_000_000
Sizes = dict[str, int]


class Enriching:
    """So many partitions, all sites at level debug but one, and one that is unknown. Keeps no row."""

    def __init__(self, partitions: int = 12) -> None:
        names = [f"site-{number}" for number in range(9)]
        tags = [IdTags.MASKED, *[IdTags.PLAIN] * 8]
        sites = {name: Site(site_id=name, level=LevelName.DEBUG, id_tags=kind) for name, kind in zip(names, tags, strict=True)}
        sites["site-1"] = Site(site_id="site-1", level=LevelName.MINIMAL)
        self._policies = SitePolicies(sites, b"")
        self._partitions = [self._partition(number) for number in range(partitions)]
        self._app = SimpleNamespace(consumer=SimpleNamespace(ack=self._acknowledged))
        self.frames = self.rows = self.acknowledged = 0

    def take(self, envelope: Envelope) -> None:
        partition = self._partitions[zlib.crc32(envelope.key()) % len(self._partitions)]
        record = self._record(partition, envelope)
        seen = Envelope.from_record(record.key, record.value, record.headers)
        ended = partition.accept(Observed(seen, ocppj.parse(seen.frame), record.offset), record)
        record.forget_frame()
        for exchange in ended:
            if exchange.admitted:
                fields.enrich(exchange, partition.number, self._policies.policy(exchange.first.envelope))
                self.rows += 1
        partition.complete(ended)
        for done in partition.acknowledge():
            done.ack()
        self.frames += 1

    def sizes(self) -> Sizes:
        """Entries of what grows with the traffic, over all partitions; `open_bytes` in bytes."""
        found = [self._sizes(partition) for partition in self._partitions]
        return {name: sum(sizes[name] for sizes in found) for name in found[0]}

    def _sizes(self, partition: Partition[FaustRecord]) -> Sizes:
        pairing = partition.pairing
        return {
            "open": len(pairing.open),
            "open_bytes": pairing.open.bytes,
            "chargers": len(pairing.open._chargers),
            "senders": len(pairing.repeats),
            "remembered": sum(map(len, pairing.repeats._frames.values())),
            "held": len(partition),
            "done": len(partition._done),
            "late": len(partition._late),
        }

    def _partition(self, number: int) -> Partition[FaustRecord]:
        pairing = Pairing(self._policies.admits, _TIMEOUT_US)
        return Partition(number, 1, pairing, 0, 2000, 0)

    def _record(self, partition: Partition[FaustRecord], envelope: Envelope) -> FaustRecord:
        # Copies of what a fetch would bring: what shares its memory with the fleet costs nothing.
        headers = [(name, bytes(bytearray(value))) for name, value in envelope.headers()]
        key, value = envelope.key(), bytes(bytearray(envelope.frame))
        place = partition.number, partition.next_offset, envelope.received_at_us / 1e6
        message: Any = ConsumerMessage("ocpp.frames", *place, 0, headers, key, value, None, generation_id=1)
        return FaustRecord(SimpleNamespace(message=message, app=self._app))

    def _acknowledged(self, _message: object) -> bool:
        self.acknowledged += 1
        return True
