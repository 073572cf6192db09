"""Reads chargers: out of the tables, and out of the records of `ocpp.chargers`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import nsmallest
from typing import Any, Final, Protocol

from ocpplog_common.records import Charger
from ocpplog_query_api.chargers import query
from ocpplog_query_api.chargers.boot import make_of
from ocpplog_query_api.chargers.query import Filters, Key
from ocpplog_query_api.chargers.schemas import ChargerDetail, ConnectorState, LastError
from ocpplog_query_api.database import Database, Row
from ocpplog_query_api.logs import times
from ocpplog_query_api.logs.query import Statement
from ocpplog_query_api.rows import ask, entry_id, iso
from ocpplog_query_api.scope import Scope

_WORST_FIRST: Final = (
    *("Faulted", "Unavailable", "SuspendedEVSE", "SuspendedEV", "Finishing"),
    *("Charging", "Occupied", "Preparing", "Reserved", "Available"),
)


class Records(Protocol):
    """What of the registry is needed here."""

    ready: bool

    @property
    def chargers(self) -> Mapping[str, Charger]: ...


@dataclass(frozen=True, slots=True)
class _Told:
    """Rows of the tables, by charger."""

    connections: Mapping[Key, Row]
    entries: Mapping[Key, Row]
    boots: Mapping[Key, Row]
    errors: Mapping[Key, Row]
    connectors: Mapping[Key, list[Row]]


class ChargerRepository:
    """Everything it returns lies within `scope`."""

    def __init__(self, database: Database, scope: Scope, records: Records) -> None:
        self._database = database
        self._scope = scope
        self._records = records

    async def page(
        self, filters: Filters, after: Key | None, limit: int, now: datetime
    ) -> tuple[list[ChargerDetail], Key | None]:
        """Chargers in the order of Key, and the place after which there are more (None: there are none)."""
        found = set(await self._keys(query.keys(self._database.name, self._scope, filters, after, limit + 1)))
        found |= set(nsmallest(limit + 1, await self._only_registered(filters, after)))
        ordered = sorted(found)
        chosen = ordered[:limit]
        return await self.details(chosen, now), chosen[-1] if len(ordered) > limit else None

    async def named(self, charger: str, sites: Sequence[str] = ()) -> list[Key]:
        """The sites at which a charger is, or was: those that may be seen."""
        statement = query.sites_of(self._database.name, self._scope, charger, sites)
        return sorted({*await self._keys(statement), *(key for key in self.registered(sites) if key[1] == charger)})

    async def details(self, chargers: Sequence[Key], now: datetime) -> list[ChargerDetail]:
        if not chargers:
            return []
        told = await self._told(chargers, now)
        return [self._detail(key, told) for key in chargers]

    def registered(self, sites: Sequence[str] = ()) -> Iterable[Key]:
        """Chargers that the records have, as far as they may be seen."""
        visible = self._scope.among(list(sites))
        for charger in list(self._records.chargers.values()) if self._records.ready else []:
            if visible is None or charger.site_id in visible:
                yield charger.site_id, charger.charger_id

    async def _only_registered(self, filters: Filters, after: Key | None) -> list[Key]:
        """Those that match without ever having come; others may be among them that `keys` has, too."""
        if filters.online or filters.statuses:
            return []
        part = filters.part.lower()
        found = [key for key in self.registered(filters.sites) if (after is None or key > after) and part in key[1].lower()]
        if filters.online is None or not found:
            return found
        came = await ask(self._database, "online", query.online(self._database.name, self._scope, filters.sites))
        there = {_key(row) for row in came if row["is_online"]}
        return [key for key in found if key not in there]

    async def _told(self, chargers: Sequence[Key], now: datetime) -> _Told:
        place = (self._database.name, self._scope, chargers)
        connections, entries, boots, errors, connectors = await asyncio.gather(
            ask(self._database, "charger connections", query.connections(*place, now)),
            ask(self._database, "charger entries", query.last_entries(*place)),
            ask(self._database, "charger boots", query.boots(*place)),
            ask(self._database, "charger errors", query.last_errors(*place)),
            ask(self._database, "charger connectors", query.connectors(*place)),
        )
        by_charger: dict[Key, list[Row]] = {}
        for row in connectors:
            by_charger.setdefault(_key(row), []).append(row)
        return _Told(_by_key(connections), _by_key(entries), _by_key(boots), _by_key(errors), by_charger)

    def _detail(self, key: Key, told: _Told) -> ChargerDetail:
        connection, entry = told.connections.get(key, {}), told.entries.get(key, {})
        make = make_of(told.boots.get(key, {}).get("boot", ""))
        connectors = [_connector(row) for row in told.connectors.get(key, [])]
        seen = [moment for moment in (entry.get("last_entry"), connection.get("last_event")) if moment]
        is_online = bool(connection.get("is_online"))
        return ChargerDetail(
            charger_id=key[1],
            site_id=key[0],
            registered=self._is_registered(key),
            online=is_online,
            since=iso(connection.get("began") if is_online else connection.get("ended")),
            last_seen=iso(max(seen, default=None)),
            subprotocol=connection.get("subprotocol") or entry.get("subprotocol") or None,
            peer=connection.get("peer") or None,
            vendor=make.vendor,
            model=make.model,
            firmware=make.firmware,
            serial_number=make.serial_number,
            status=worst([connector.status for connector in connectors]),
            connectors=connectors,
            last_error=_error(told.errors[key]["newest"]) if key in told.errors else None,
            connections_24h=connection.get("recent", 0),
            profile=connection.get("profile"),
            gateway_id=connection.get("gateway_id") or None,
        )

    def _is_registered(self, key: Key) -> bool | None:
        if not self._records.ready:
            return None
        record = self._records.chargers.get(key[1])
        return record is not None and record.site_id == key[0]

    async def _keys(self, statement: Statement) -> list[Key]:
        return [_key(row) for row in await ask(self._database, "charger keys", statement)]


def worst(statuses: Sequence[str]) -> str | None:
    """The state that asks for attention first; what is no state of OCPP comes last."""
    ranks = {status: rank for rank, status in enumerate(_WORST_FIRST)}
    return min(statuses, key=lambda status: ranks.get(status, len(ranks)), default=None)


def _key(row: Row) -> Key:
    return row["site_id"], row["charger_id"]


def _by_key(rows: Sequence[Row]) -> Mapping[Key, Row]:
    return {_key(row): row for row in rows}


def _connector(row: Row) -> ConnectorState:
    return ConnectorState(
        connector_id=row["connector_id"], status=row["newest"], error_code=row["code"] or None, since=times.iso(row["since"])
    )


def _error(newest: Sequence[Any]) -> LastError:
    at, code, vendor_code, info, connection_id, sequence = newest
    return LastError(
        at=times.iso(at),
        error_code=code or None,
        vendor_error_code=vendor_code or None,
        info=info or None,
        entry_id=entry_id(at, connection_id, sequence),
    )
