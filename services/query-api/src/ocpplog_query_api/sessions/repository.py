"""Reads sessions and what was measured in them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ocpplog_query_api.database import Database, Row
from ocpplog_query_api.logs import times
from ocpplog_query_api.rows import ask, aware, iso, milliseconds
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.sessions import curve_query, query
from ocpplog_query_api.sessions.curve import curve, step_s
from ocpplog_query_api.sessions.curve_query import Span
from ocpplog_query_api.sessions.identity import SessionId
from ocpplog_query_api.sessions.query import Key, Place, Wanted
from ocpplog_query_api.sessions.schemas import Curve, Session, SessionDetail

_MILLISECOND: Final = timedelta(milliseconds=1)
_AHEAD: Final = timedelta(days=1)
"""How far a gateway's clock may be ahead of ours."""
_WINDOWS: Final = (timedelta(days=1), timedelta(days=7), timedelta(days=31))
"""How much time is looked at, one after the other, until there are enough; then all that is left."""
_MORE: Final = 20
"""Candidates beyond the page: some turn out to be part of older sessions."""
_LONGEST: Final = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class _Step:
    """Chargers that may have sessions that began from `since` on, before `until`."""

    chargers: Sequence[Key]
    since: datetime
    until: datetime
    is_cut: bool
    """There are more candidates before `since` than one step takes."""


class SessionRepository:
    """Everything it returns lies within `scope`."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._database = database
        self._scope = scope

    async def page(self, wanted: Wanted, limit: int, after: Place | None, now: datetime) -> tuple[list[Session], Place | None]:
        """Newest first, and the place after which there are more (None: there are none)."""
        floor, top = wanted.since or times.EARLIEST, wanted.until or now + _AHEAD
        if after:
            top = min(top, _parsed(after.first_seen) + _MILLISECOND)
        windows = list(_WINDOWS[2 * bool(wanted.chargers) :])
        rows: list[Row] = []
        size = limit + 1 + _MORE
        while top > floor and len(rows) <= limit:
            bottom = max(floor, min(top, now) - windows[0]) if windows else floor
            step = await self._step(wanted, bottom, top, size)
            rows += await self._sessions(step, wanted, after, now)
            # Where none of the candidates was a session to show, more are taken at once.
            size *= 2
            windows = windows if step.is_cut else windows[1:]
            top = step.since
        found = rows[:limit]
        return [_session(row) for row in found], _place(found[-1]) if len(rows) > limit else None

    async def session(self, wanted: SessionId, now: datetime) -> SessionDetail | None:
        row = await self._row(wanted)
        if row is None:
            return None
        until = now + _AHEAD if row["is_open"] else aware(row["last_seen_at"])
        connector, transaction = row["connector_id"], row["transaction_id"]
        span = Span(wanted.site_id, wanted.charger_id, connector, transaction, aware(row["first_seen_at"]), until + _MILLISECOND)
        found, [count] = await asyncio.gather(
            self._curve(span),
            ask(self._database, "session entries", curve_query.entries(self._database.name, self._scope, span)),
        )
        return SessionDetail(**_session(row).model_dump(), curve=found, entries=count["total"])

    async def around(self, charger: Key, transactions: Sequence[str], since: datetime, until: datetime) -> list[Session]:
        """The sessions of a charger with these transaction ids."""
        statement = query.around(self._database.name, self._scope, charger, transactions, since, until)
        return [_session(row) for row in await ask(self._database, "sessions", statement)]

    async def _row(self, wanted: SessionId) -> Row | None:
        """Found by a moment that lies within it: how much was read may decide when a session was first seen."""
        at = datetime.fromtimestamp(wanted.first_seen_ms / 1000, UTC)
        charger = (wanted.site_id, wanted.charger_id)
        place = (self._database.name, self._scope, charger, [wanted.transaction_id])
        rows = await ask(self._database, "session", query.around(*place, at - query.AROUND, at + _LONGEST))
        return next((row for row in rows if aware(row["first_seen_at"]) <= at <= aware(row["last_seen_at"])), None)

    async def _step(self, wanted: Wanted, since: datetime, until: datetime, size: int) -> _Step:
        statement = query.candidates(self._database.name, self._scope, wanted, since, until, size)
        rows = await ask(self._database, "session candidates", statement)
        is_cut = len(rows) == size
        # More may have the time of the last one: they are for the next step.
        if is_cut and (edge := aware(rows[-1]["first"]) + _MILLISECOND) < until:
            since = edge
        elif is_cut:
            return await self._step(wanted, since, until, size * 4)
        chargers = {(row["site_id"], row["charger_id"]) for row in rows if aware(row["first"]) >= since}
        return _Step(sorted(chargers), since, until, is_cut)

    async def _sessions(self, step: _Step, wanted: Wanted, after: Place | None, now: datetime) -> list[Row]:
        if not step.chargers:
            return []
        rows = await self._view(step.chargers, step, after, query.NEAR)
        may_stop_later = step.until + query.NEAR < now
        loose = sorted({_key(row) for row in rows if row["started_at"] is None or (may_stop_later and row["stopped_at"] is None)})
        if loose:
            kept = [row for row in rows if _key(row) not in loose]
            more = await self._view(loose, step, after, query.AROUND)
            rows = sorted([*kept, *(row for row in more if _key(row) in loose)], key=_order, reverse=True)
        return [row for row in rows if _matches(row, wanted)]

    async def _view(self, chargers: Sequence[Key], step: _Step, after: Place | None, around: timedelta) -> list[Row]:
        statement = query.sessions(self._database.name, self._scope, chargers, step.since, step.until, after, around)
        return await ask(self._database, "sessions", statement)

    async def _curve(self, span: Span) -> Curve:
        [found] = await ask(self._database, "curve moments", curve_query.moments(self._database.name, self._scope, span))
        if not found["moments"]:
            return Curve(points=[], every_s=None)
        every = step_s(found["moments"], found["first"], found["last"])
        statement = curve_query.points(self._database.name, self._scope, span, 1000 * every if every else 1)
        return Curve(points=curve(await ask(self._database, "curve", statement)), every_s=every)


def _key(row: Row) -> Key:
    return row["site_id"], row["charger_id"]


def _order(row: Row) -> tuple[datetime, str, str, str]:
    return row["first_seen_at"], row["charger_id"], row["transaction_id"], row["site_id"]


def _matches(row: Row, wanted: Wanted) -> bool:
    """What can be told only of a whole session."""
    return (
        (not wanted.transactions or row["transaction_id"] in wanted.transactions)
        and (not wanted.id_tags or row["id_tag"] in wanted.id_tags)
        and (wanted.is_open is None or bool(row["is_open"]) is wanted.is_open)
    )


def _session(row: Row) -> Session:
    names = (row["site_id"], row["charger_id"], row["transaction_id"])
    values = {name: iso(value) if isinstance(value, datetime) else None if value == "" else value for name, value in row.items()}
    return Session(id=str(SessionId(*names, milliseconds(row["first_seen_at"]))), **values)


def _place(row: Row) -> Place:
    moment = times.for_clickhouse(aware(row["first_seen_at"]))
    return Place(moment, row["charger_id"], row["transaction_id"], row["site_id"])


def _parsed(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)
