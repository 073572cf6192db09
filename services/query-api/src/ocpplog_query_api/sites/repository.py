"""Reads sites: out of the tables, and out of the records of `ocpp.sites` and `ocpp.chargers`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from ocpplog_common.records import Charger, Site
from ocpplog_common.tokens import Role
from ocpplog_query_api.chargers import query as chargers
from ocpplog_query_api.chargers.repository import ChargerRepository
from ocpplog_query_api.database import Database, Row
from ocpplog_query_api.moving import moving
from ocpplog_query_api.rows import ask, iso
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.sites import levels, query
from ocpplog_query_api.sites.schemas import SiteDetail, SiteWritten

_log = structlog.get_logger(__name__)
_DAY: Final = timedelta(days=1)
_TOLD_WITHIN_S: Final = 2.0
"""Of a site that was just written: its answer waits no longer for what the tables tell."""
_UNTOLD: Final = dict.fromkeys(("chargers", "chargers_online", "entries_24h", "errors_24h", "last_entry"))


class Records(Protocol):
    """What of the registry is needed here."""

    ready: bool

    @property
    def sites(self) -> Mapping[str, Site]: ...

    @property
    def chargers(self) -> Mapping[str, Charger]: ...


@dataclass(slots=True)
class _Told:
    """Of a site, by the tables."""

    chargers: set[str] = field(default_factory=set)
    online: int = 0
    entries: Row = field(default_factory=dict)


class SiteRepository:
    """Everything it returns lies within `scope`; `role` decides whether upstreams are shown."""

    def __init__(self, database: Database, scope: Scope, role: Role, records: Records) -> None:
        self._database = database
        self._scope = scope
        self._role = role
        self._records = records

    async def sites(self, now: datetime, wanted: Sequence[str] = ()) -> list[SiteDetail]:
        """By their ids; of those wanted (none: all), those that there are."""
        told = await self._told(now, wanted)
        names = sorted({*told, *self._registered(wanted)})
        return [self._detail(name, self._record(name), told.get(name, _Told()), now) for name in names]

    async def written(self, record: Site, now: datetime) -> SiteWritten:
        """`record`, just written, whether or not the records here have it yet. Its numbers are null where the tables do not tell
        them soon."""
        told, unknown = None, {}
        try:
            async with asyncio.timeout(_TOLD_WITHIN_S):
                told = (await self._told(now, [record.site_id])).get(record.site_id)
        except Exception as error:
            # Of whatever kind: an error would be the answer to a change that is made.
            _log.warning("site written, its numbers are unknown", site=record.site_id, error=f"{type(error).__name__}: {error}")
            unknown = _UNTOLD
        detail = self._detail(record.site_id, record, told or _Told(), now)
        return SiteWritten(**detail.model_dump() | unknown)

    async def _told(self, now: datetime, wanted: Sequence[str]) -> Mapping[str, _Told]:
        place = (self._database.name, self._scope, wanted)
        entries, came = await asyncio.gather(
            self._entries(moving(now.replace(microsecond=0)) - _DAY, wanted),
            ask(self._database, "online", chargers.online(*place)),
        )
        found: dict[str, _Told] = {}
        for row in entries:
            found[row["site_id"]] = _Told(entries=row)
        for row in came:
            site = found.setdefault(row["site_id"], _Told())
            site.chargers.add(row["charger_id"])
            site.online += bool(row["is_online"])
        for site_id, charger_id in ChargerRepository(self._database, self._scope, self._records).registered(wanted):
            found.setdefault(site_id, _Told()).chargers.add(charger_id)
        return found

    async def _entries(self, since: datetime, wanted: Sequence[str]) -> list[Row]:
        """What is logged since then, and of the other sites when the last entry was: the whole log is read for those alone."""
        place = (self._database.name, self._scope, wanted)
        recent = await ask(self._database, "sites", query.recent(*place, since))
        seen = [row["site_id"] for row in recent]
        if wanted and set(wanted) <= set(seen):
            return recent
        return recent + await ask(self._database, "quiet sites", query.last(*place, seen))

    def _registered(self, wanted: Sequence[str]) -> list[str]:
        visible = self._scope.among(list(wanted))
        known = list(self._records.sites) if self._records.ready else []
        return [name for name in known if visible is None or name in visible]

    def _record(self, site_id: str) -> Site | None:
        return self._records.sites.get(site_id) if self._records.ready else None

    def _detail(self, site_id: str, record: Site | None, told: _Told, now: datetime) -> SiteDetail:
        is_ready = self._records.ready
        # What is logged of a site without a record is what is logged of one that has but its id.
        level_of = record or (Site(site_id) if is_ready else None)
        shown = record if self._role is Role.SUPPORT else None
        return SiteDetail(
            site_id=site_id,
            name=record.name if record else "",
            connectivity=record.connectivity if record else None,
            level=levels.level_now(level_of, now) if level_of else None,
            level_until=iso(level_of.level_ends_at(now)) if level_of else None,
            level_after=levels.after(level_of, now) if level_of else None,
            registered=record is not None if is_ready else None,
            chargers=len(told.chargers),
            chargers_online=told.online,
            entries_24h=told.entries.get("entries", 0),
            errors_24h=told.entries.get("errors", 0),
            last_entry=iso(told.entries.get("last_entry")),
            id_tags=record.id_tags if record else None,
            retention_days=record.retention_days if record else None,
            upstream=shown.upstream if shown else None,
            upstream_credentials=shown.upstream_credentials if shown else None,
        )
