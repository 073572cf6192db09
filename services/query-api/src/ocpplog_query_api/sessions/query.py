"""Sessions, as SQL. The view `sessions_between` makes them out of messages, which is dear for a whole fleet.

So a list is found in steps: which chargers may have sessions that began in a range of time, by the times of messages alone; what
the view says of these chargers within a day around; and where that lacks a start or a stop, within a week. The first step may
name too many, the last one decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ocpplog_common.clickhouse import tables
from ocpplog_query_api.logs import times
from ocpplog_query_api.logs.query import Conditions, Statement
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.scoped import within

Key = tuple[str, str]
"""Site id, charger id."""
COLUMNS: Final = (
    *("site_id", "charger_id", "connector_id", "transaction_id", "id_tag", "id_tag_info_status", "subprotocol"),
    *("started_at", "stopped_at", "is_open", "duration_s", "energy_wh", "energy_from", "max_power_w", "reason"),
    *("first_seen_at", "last_seen_at"),
)
NEAR: Final = timedelta(days=1)
AROUND: Final = timedelta(days=7)
"""Read before and behind a range of time. Of a longer silence within a session, its ends show as two."""
_AT: Final = "DateTime64(3, 'UTC')"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: at which session. `first_seen` as ClickHouse reads it, UTC."""

    first_seen: str
    charger_id: str
    transaction_id: str
    site_id: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What sessions have to match; `since` and `until` are about their first message."""

    sites: Sequence[str] = ()
    chargers: Sequence[str] = ()
    transactions: Sequence[str] = ()
    id_tags: Sequence[str] = ()
    is_open: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


def candidates(database: str, scope: Scope, wanted: Wanted, since: datetime, until: datetime, limit: int) -> Statement:
    """site_id, charger_id, first: when a session of that charger may have begun, from `since` until `until`; newest first."""
    conditions = within(scope, wanted.sites, wanted.chargers, since, until + NEAR)
    if wanted.transactions:
        conditions.add("transaction_id IN {transactions:Array(String)}", transactions=list(wanted.transactions))
    groups = _groups(wanted)
    sql = (
        "SELECT site_id, charger_id, first FROM (SELECT site_id, charger_id, arrayJoin(arrayDistinct(arrayPushFront("
        "groupArrayIf(datetime, action = 'StartTransaction' OR event = 'Started'), min(datetime)))) AS first"
        f" FROM ({_messages(database, conditions, wanted)})"
        f" GROUP BY site_id, charger_id, transaction_id HAVING {groups.sql()})"
        f" WHERE first < {{before:{_AT}}} ORDER BY first DESC LIMIT {{limit:UInt32}}"
    )
    bounds = {"before": times.for_clickhouse(until), "limit": limit}
    return Statement(sql, conditions.parameters | groups.parameters | bounds)


def sessions(
    database: str,
    scope: Scope,
    chargers: Sequence[Key],
    since: datetime,
    until: datetime,
    after: Place | None,
    around: timedelta,
) -> Statement:
    """Of these chargers, the sessions that began from `since` on, before `until`, newest first: what messages `around` tell."""
    conditions = _of(scope, chargers)
    conditions.add(
        f"first_seen_at >= {{first:{_AT}}} AND first_seen_at < {{before:{_AT}}}",
        first=times.for_clickhouse(since),
        before=times.for_clickhouse(until),
    )
    if after:
        conditions.add(
            "(first_seen_at, charger_id, transaction_id, site_id) <"
            f" ({{after:{_AT}}}, {{after_charger:String}}, {{after_transaction:String}}, {{after_site:String}})",
            after=after.first_seen,
            after_charger=after.charger_id,
            after_transaction=after.transaction_id,
            after_site=after.site_id,
        )
    return _view(database, conditions, since - around, until + around)


def around(database: str, scope: Scope, charger: Key, transactions: Sequence[str], since: datetime, until: datetime) -> Statement:
    """The sessions of a charger with these transaction ids, as far as the messages from `since` until `until` tell of them."""
    conditions = _of(scope, [charger])
    conditions.add("transaction_id IN {transactions:Array(String)}", transactions=list(transactions))
    return _view(database, conditions, since, until)


def _messages(database: str, conditions: Conditions, wanted: Wanted) -> str:
    """What sessions are made of. Payloads, which are most of what a day holds, are read only of TransactionEvents, and only where
    the type of event decides."""
    columns = "site_id, charger_id, transaction_id, datetime, action, id_tag"
    table = f"{database}.{tables.LOG} WHERE {conditions.sql()}"
    event = "JSONExtractString(request, 'eventType')" if wanted.is_open else "''"
    return (
        f"SELECT {columns}, '' AS event FROM {table}"
        " AND (action = 'StartTransaction' OR (transaction_id != '' AND action IN ('StopTransaction', 'MeterValues')))"
        f" UNION ALL SELECT {columns}, {event} AS event FROM {table} AND action = 'TransactionEvent'"
    )


def _groups(wanted: Wanted) -> Conditions:
    """What a session needs so that it can match, of all messages with its transaction id."""
    conditions = Conditions()
    if wanted.id_tags:
        conditions.add("countIf(id_tag IN {id_tags:Array(String)}) > 0", id_tags=list(wanted.id_tags))
    if wanted.is_open:
        # Starts that were never answered have no transaction id, and no stop of theirs can be told.
        # An id may be used again: what began, or came a day after the last stop, is another session.
        stopped = "maxIf(datetime, action = 'StopTransaction' OR event = 'Ended')"
        conditions.add(
            f"(transaction_id = '' OR max(datetime) > {stopped} + INTERVAL 1 DAY"
            f" OR maxIf(datetime, action = 'StartTransaction' OR event = 'Started') >= {stopped})"
        )
    return conditions


def _of(scope: Scope, chargers: Sequence[Key]) -> Conditions:
    return within(scope, sorted({site for site, _ in chargers}), sorted({charger for _, charger in chargers}))


def _view(database: str, conditions: Conditions, since: datetime, until: datetime) -> Statement:
    sql = (
        f"SELECT {', '.join(COLUMNS)} FROM {database}.sessions_between(since = {{lower:{_AT}}}, until = {{upper:{_AT}}})"
        f" WHERE {conditions.sql()} ORDER BY first_seen_at DESC, charger_id DESC, transaction_id DESC, site_id DESC"
    )
    return Statement(sql, conditions.parameters | {"lower": times.for_clickhouse(since), "upper": times.for_clickhouse(until)})
