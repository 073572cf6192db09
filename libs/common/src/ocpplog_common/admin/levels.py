"""What the admin commands do with sites and their levels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from ocpplog_common import record_changes
from ocpplog_common.admin import kafka
from ocpplog_common.level_changes import change_level, put_over
from ocpplog_common.records import LevelName, Site
from ocpplog_common.settings import KafkaSettings

DEFAULT: Final = "default"
"""In the place of a level: the default of the site's connectivity."""
_DURATION: Final = re.compile(r"(?:(\d{1,5})d)?(?:(\d{1,7})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """`90m`, `2h`, `1d12h`. Raises ValueError."""
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError(f"{text!r} is no duration, such as 90m, 2h or 1d12h")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def parse_moment(text: str) -> datetime:
    """A time with its zone (ISO 8601), in UTC. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"{text!r} is no time with its zone, such as 2026-11-24T18:00Z")
    return moment.astimezone(UTC)


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


async def put(settings: KafkaSettings, lines: Sequence[Site], who: str) -> int:
    """Write sites over those that are there: see `put_over`. Returns how many. Raises as `change`."""
    async with kafka.open_records(settings) as records:

        def decide() -> tuple[list[Site], int]:
            now = datetime.now(UTC)
            return [put_over(records.sites.get(line.site_id), line, who=who, now=now) for line in lines], len(lines)

        return await records.writer.change(decide)


def in_words(site: Site) -> str:
    """The newest change of a site."""
    change = site.history[0]
    until = f" until {change.until.isoformat()}" if change.until else ""
    return f"{site.site_id}: {change.before} -> {change.after}{until}"
