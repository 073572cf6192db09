"""A site's log level, in words for callers. No I/O."""

from __future__ import annotations

from datetime import datetime

from ocpplog_common.moments import parse_duration, parse_moment
from ocpplog_common.records import LevelChange, LevelName, Site, default_level
from ocpplog_query_api.logs import times
from ocpplog_query_api.rows import iso
from ocpplog_query_api.sites.schemas import Change, LogLevel


def level_now(site: Site, now: datetime) -> LevelName:
    return LevelName(str(site.level_at(now)))


def default_of(site: Site) -> LevelName:
    return LevelName(str(default_level(site.connectivity)))


def after(site: Site, now: datetime) -> LevelName | None:
    """What holds when the level of now has ended by itself; None where it does not end."""
    ends = site.level_ends_at(now)
    return LevelName(str(site.level_at(ends))) if ends else None


def described(site: Site, now: datetime) -> LogLevel:
    return LogLevel(
        level=level_now(site, now),
        default_level=default_of(site),
        until=iso(site.level_ends_at(now)),
        after=after(site, now),
        history=[_change(change) for change in site.history],
    )


def parse_until(text: str, now: datetime) -> datetime:
    """`+2h`, or a time with its zone. Raises ValueError."""
    return now + parse_duration(text[1:]) if text.startswith("+") else parse_moment(text)


def _change(change: LevelChange) -> Change:
    return Change(
        who=change.who,
        at=times.iso(change.at),
        before=change.before,
        after=change.after,
        why=change.why,
        until=iso(change.until),
    )
