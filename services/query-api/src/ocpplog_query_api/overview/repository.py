"""Reads the state of the fleet."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from ocpplog_common.levels import Level
from ocpplog_common.records import Charger, Site
from ocpplog_query_api.chargers import query as chargers
from ocpplog_query_api.chargers.query import Key
from ocpplog_query_api.chargers.repository import ChargerRepository
from ocpplog_query_api.database import Database, Row
from ocpplog_query_api.logs import times
from ocpplog_query_api.logs.entries import listed
from ocpplog_query_api.logs.query import Statement
from ocpplog_query_api.logs.schemas import LIST_COLUMNS
from ocpplog_query_api.overview import query
from ocpplog_query_api.overview.query import SiteLevels
from ocpplog_query_api.overview.schemas import ChargerCounts, Hour, Overview, SilentCharger, TopError
from ocpplog_query_api.overview.silence import Pulse, is_silent
from ocpplog_query_api.rows import ask, aware, iso
from ocpplog_query_api.scope import Scope

_DAY: Final = timedelta(days=1)
_HOURS: Final = 24
_SILENT_AT_MOST: Final = 20


class Records(Protocol):
    """What of the registry is needed here."""

    ready: bool

    @property
    def sites(self) -> Mapping[str, Site]: ...

    @property
    def chargers(self) -> Mapping[str, Charger]: ...


class OverviewRepository:
    """Everything it returns lies within `scope`."""

    def __init__(self, database: Database, scope: Scope, records: Records) -> None:
        self._database = database
        self._scope = scope
        self._records = records

    async def overview(self, sites: Sequence[str], now: datetime) -> Overview:
        place, since = (self._database.name, self._scope, sites), now.replace(microsecond=0) - _DAY
        first_hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=_HOURS - 1)
        levels = self._levels(now)
        online, pulses, [faulted], hours, errors, slowest = await asyncio.gather(
            self._ask("online", chargers.online(*place)),
            self._ask("pulse", query.pulse(*place, _narrowing(levels), since)),
            self._ask("faulted", query.faulted(*place)),
            self._ask("hours", query.hours(*place, first_hour)),
            self._ask("top errors", query.top_errors(*place, since)),
            self._ask("slowest", query.slowest(*place, LIST_COLUMNS, since)),
        )
        open_since = {_key(row): aware(row["began"]) for row in online if row["is_online"]}
        pulse = {_key(row): Pulse(aware(row["last_heard"]), row["slots"], row["usual_gap_s"]) for row in pulses}
        silent = [
            key for key, began in open_since.items() if is_silent(pulse.get(key), began, levels.get(key[0]) is Level.DEBUG, now)
        ]
        known = {*map(_key, online), *pulse, *ChargerRepository(self._database, self._scope, self._records).registered(sites)}
        counts = ChargerCounts(
            total=len(known),
            online=len(open_since),
            offline=len(known) - len(open_since),
            faulted=faulted["faulted"],
            silent=len(silent),
        )
        return Overview(
            sites=len({site for site, _ in known} | self._registered_sites(sites)),
            chargers=counts,
            entries_per_hour=_hours(hours, first_hour),
            top_errors=[_error(row) for row in errors],
            slowest=[listed(row) for row in slowest],
            silent=await self._silent(silent, pulse, open_since),
        )

    async def _silent(
        self, silent: Sequence[Key], pulse: Mapping[Key, Pulse], began: Mapping[Key, datetime]
    ) -> list[SilentCharger]:
        """Silent for the longest time first."""
        if not silent:
            return []
        heard = {key: pulse[key].last_heard for key in silent if key in pulse}
        shown = sorted(silent, key=lambda key: (heard.get(key, times.EARLIEST), key))[:_SILENT_AT_MOST]
        rows = await self._ask("last entries", chargers.last_entries(self._database.name, self._scope, shown))
        last = {_key(row): aware(row["last_entry"]) for row in rows}
        found = [
            SilentCharger(
                charger_id=key[1],
                site_id=key[0],
                last_seen=iso(max(last.get(key, times.EARLIEST), began[key])),
                usual_gap_s=pulse[key].gap_s if key in pulse else None,
            )
            for key in shown
        ]
        return sorted(found, key=lambda charger: (charger.last_seen or "", charger.site_id, charger.charger_id))

    def _levels(self, now: datetime) -> Mapping[str, Level]:
        """Of the sites with a record; those that have none are logged at info."""
        return {name: site.level_at(now) for name, site in list(self._records.sites.items())} if self._records.ready else {}

    def _registered_sites(self, sites: Sequence[str]) -> set[str]:
        visible = self._scope.among(list(sites))
        return {site for site in self._records.sites if visible is None or site in visible} if self._records.ready else set()

    async def _ask(self, label: str, statement: Statement) -> list[Row]:
        return await ask(self._database, f"overview {label}", statement)


def _narrowing(levels: Mapping[str, Level]) -> SiteLevels:
    return SiteLevels(
        info=sorted(site for site, level in levels.items() if level is Level.INFO),
        minimal=sorted(site for site, level in levels.items() if level is Level.MINIMAL),
    )


def _hours(rows: Sequence[Row], first: datetime) -> list[Hour]:
    """All of them, also those without entries."""
    found = {aware(row["hour"]): (row["entries"], row["errors"]) for row in rows}
    hours = [first + timedelta(hours=number) for number in range(_HOURS)]
    return [Hour(at=times.iso(hour), count=count, errors=errors) for hour in hours for count, errors in [found.get(hour, (0, 0))]]


def _error(row: Row) -> TopError:
    return TopError(
        error_code=row["error_code"] or None,
        vendor_error_code=row["vendor_error_code"] or None,
        count=row["notifications"],
        chargers=row["chargers"],
    )


def _key(row: Row) -> Key:
    return row["site_id"], row["charger_id"]
