"""The records of `ocpp.sites` and `ocpp.chargers`, as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocpplog_common import records, topics
from ocpplog_common.compacted import CompactedTable
from ocpplog_common.records import Charger, Site


class RecordTables:
    """Both tables, by id. Whoever has them starts and stops them."""

    def __init__(self, kafka: dict[str, Any]) -> None:
        self._sites: CompactedTable[Site] = CompactedTable(topics.SITES, records.decode_site, kafka)
        self._chargers: CompactedTable[Charger] = CompactedTable(topics.CHARGERS, records.decode_charger, kafka)

    @property
    def sites(self) -> Mapping[str, Site]:
        return self._sites

    @property
    def chargers(self) -> Mapping[str, Charger]:
        return self._chargers

    @property
    def tables(self) -> tuple[CompactedTable[Site], CompactedTable[Charger]]:
        return self._sites, self._chargers
