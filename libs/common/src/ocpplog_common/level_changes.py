"""Changes of a site's log level: each keeps who made it, when, from what to what, until when, and why. No I/O.

Whoever changes a level reads the site's record, makes the new one here, and writes it to `ocpp.sites`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from ocpplog_common.levels import Level
from ocpplog_common.records import Connectivity, LevelChange, LevelName, Site, default_level

MOST_CHANGES: Final = 50
"""Kept of a site. Frames from before the oldest are logged by the level that it found."""


class LevelChangeError(ValueError):
    """A change that cannot be made: says why. `field`: what is to blame, if it is not the moment."""

    def __init__(self, text: str, field: str = "") -> None:
        super().__init__(text)
        self.field = field


def change_level(
    site: Site, level: LevelName | None, *, who: str, why: str, now: datetime, until: datetime | None = None
) -> Site:
    """The record of `site` with the level changed at `now`; level None: to the default of its connectivity.

    With `until`, the site falls back then to the level it had: to one with an expiry of its own while that lasts, else to the
    one before it. Without, what has an expiry ends now. A change to the level in force is a change: it may end, prolong or
    explain another. `now` and `until` are aware. Raises `LevelChangeError`.
    """
    return _change(site, site.level_at(now), level, who, why, now, until)


def standing_level(site: Site) -> LevelName | None:
    """What holds when everything with an expiry is over; None: the default of the connectivity."""
    return site.level if site.level_until is None else site.level_after


def put_over(found: Site | None, line: Site, *, who: str, now: datetime) -> Site:
    """The record to write where an operator puts `line` in the place of `found`.

    Level and history stay those of `found`. A level that the line names, or another default that its connectivity brings, is a
    change for good, like any other. A line with a history of its own is taken as it is: it comes from a copy of the topic.
    Raises `LevelChangeError` for an expiry that is new.
    """
    if found is None or line.history:
        return line
    if line.level_until is not None and line.level_until != found.level_until:
        raise LevelChangeError(
            f"{line.site_id}: level_until: change the level of a site that is there with `ocpplog-admin level`", "level_until"
        )
    kept = replace(line, level=found.level, level_until=found.level_until, level_after=found.level_after, history=found.history)
    standing = standing_level(found)
    wanted = standing if line.level_until else line.level or standing
    if _or_default(wanted, line.connectivity) is _or_default(standing, found.connectivity):
        return kept
    return _change(kept, found.level_at(now), wanted, who, "put", now, None)


def _change(
    site: Site, before: Level, level: LevelName | None, who: str, why: str, now: datetime, until: datetime | None
) -> Site:
    _check(site, who, why, now, until)
    after = _or_default(level, site.connectivity)
    change = LevelChange(who=who, at=now, before=LevelName(str(before)), after=after, why=why, until=until)
    history = (change, *site.history)[:MOST_CHANGES]
    if until is None:
        return replace(site, level=level, level_until=None, level_after=None, history=history, last_change=None)
    falls_to = standing_level(site)
    return replace(site, level=after, level_until=until, level_after=falls_to, history=history, last_change=None)


def _check(site: Site, who: str, why: str, now: datetime, until: datetime | None) -> None:
    if not who.strip() or not why.strip():
        raise LevelChangeError("say who changes the level, and why", "why")
    if until is not None and until <= now:
        raise LevelChangeError(f"an expiry in the past: {until.isoformat()}", "until")
    if site.history and site.history[0].at > now:
        raise LevelChangeError(f"the level was changed at {site.history[0].at.isoformat()}, which is later than this clock says")


def _or_default(level: LevelName | None, connectivity: Connectivity) -> LevelName:
    return level or LevelName(str(default_level(connectivity)))
