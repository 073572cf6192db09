"""What the admin commands do with sites and their levels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from ocpplog_common import record_changes
from ocpplog_common.admin import kafka
from ocpplog_common.level_changes import change_level
from ocpplog_common.records import LevelName, Site
from ocpplog_common.settings import KafkaSettings

DEFAULT: Final = "default"
"""In the place of a level: the default of the site's connectivity."""


async def change(
    settings: KafkaSettings, site_id: str, level: str, who: str, why: str, until: datetime | timedelta | None
) -> Site:
    """Change the level of a site, until then or for so long; returns its new record, once Kafka has it. Raises ValueError, as
    `kafka.open_records`, and `record_writer.WriteFailed`."""
    name = None if level == DEFAULT else LevelName(level)
    async with kafka.open_records(settings) as records:

        def decide() -> tuple[list[Site], Site]:
            site, now = record_changes.site(records, site_id), datetime.now(UTC)
            end = now + until if isinstance(until, timedelta) else until
            changed = change_level(site, name, who=who, why=why, now=now, until=end)
            return [changed], changed

        return await records.writer.change(decide)


def in_words(site: Site) -> str:
    """The newest change of a site."""
    change = site.history[0]
    until = f" until {change.until.isoformat()}" if change.until else ""
    return f"{site.site_id}: {change.before} -> {change.after}{until}"
