"""The enricher's work without Kafka and ClickHouse: frames in, rows counted, and what is held meanwhile."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from ocpplog_common import ocppj
from ocpplog_common.envelope import Envelope
from ocpplog_common.records import IdTags, LevelName, Site
from ocpplog_enricher.domain import fields
from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.pairing import Pairing
from ocpplog_enricher.domain.rows import Enriched
from ocpplog_enricher.partition import Partition
from ocpplog_enricher.site_policies import SitePolicies

_TIMEOUT_US = 60_000_000
Sizes = dict[str, int]


class Enriching:
    """So many partitions, all sites at level debug but one, and one that is unknown. `keep` gets the rows."""

    def __init__(self, partitions: int = 12, keep: Callable[[Enriched], None] = lambda _: None) -> None:
        self._keep = keep
        names = [f"site-{number}" for number in range(9)]
        tags = [IdTags.MASKED, *[IdTags.PLAIN] * 8]
        sites = {name: Site(site_id=name, level=LevelName.DEBUG, id_tags=kind) for name, kind in zip(names, tags, strict=True)}
        sites["site-1"] = Site(site_id="site-1", level=LevelName.MINIMAL)
        self._policies = SitePolicies(sites, b"")
        self._partitions = [self._partition(number) for number in range(partitions)]
        self.frames = self.rows = 0

    def take(self, envelope: Envelope) -> None:
        partition = self._partitions[zlib.crc32(envelope.key()) % len(self._partitions)]
        key, value, headers = _fetched(envelope)
        seen = Envelope.from_record(key, value, headers)
        ended = partition.accept(Observed(seen, ocppj.parse(seen.frame), partition.next_offset))
        for exchange in ended:
            if exchange.admitted:
                self._keep(fields.enrich(exchange, partition.number, self._policies.policy(exchange.first.envelope)))
                self.rows += 1
        partition.complete(ended)
        self.frames += 1

    @property
    def acknowledged(self) -> int:
        return sum(partition.finished for partition in self._partitions)

    def sizes(self) -> Sizes:
        """Entries of what grows with the traffic, over all partitions; `open_bytes` in bytes."""
        found = [self._sizes(partition) for partition in self._partitions]
        return {name: sum(sizes[name] for sizes in found) for name in found[0]}

    def _sizes(self, partition: Partition) -> Sizes:
        pairing = partition.pairing
        return {
            "open": len(pairing.open),
            "open_bytes": pairing.open.bytes,
            "chargers": len(pairing.open._chargers),
            "senders": len(pairing.repeats),
            "remembered": sum(map(len, pairing.repeats._frames.values())),
            "held": partition.behind,
            "needed": len(partition._held),
            "late": len(partition._late),
        }

    def _partition(self, number: int) -> Partition:
        pairing = Pairing(self._policies.admits, _TIMEOUT_US)
        return Partition(number, 1, pairing, 0, 2000, 0)


def _fetched(envelope: Envelope) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Copies of what a fetch would bring: what shares its memory with the fleet costs nothing."""
    headers = [(name, bytes(bytearray(value))) for name, value in envelope.headers()]
    return envelope.key(), bytes(bytearray(envelope.frame)), headers
