"""Sites and chargers of tests, put on Kafka as they are."""

from __future__ import annotations

from collections.abc import Sequence

from ocpplog_common.admin import kafka
from ocpplog_common.records import Charger, Site
from ocpplog_common.settings import KafkaSettings


async def put_records(settings: KafkaSettings, records: Sequence[Site | Charger]) -> None:
    """All or none, whatever is there; returns once Kafka has acknowledged. Raises as `kafka.open_records`, and
    `record_writer.WriteFailed`."""
    async with kafka.open_records(settings) as found:
        await found.writer.change(lambda: (records, None))
