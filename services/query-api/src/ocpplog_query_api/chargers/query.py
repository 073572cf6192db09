"""What the tables tell of chargers, as SQL. Pure: values in, text and bound parameters out.

A charger is named by its site and its id: one that moved is two, and each site sees its own. GLOBAL: on a cluster the tables are
spread over shards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ocpplog_common.clickhouse import tables
from ocpplog_query_api.logs import times
from ocpplog_query_api.logs.query import Conditions, Statement
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.scoped import within

Key = tuple[str, str]
"""Site id, charger id: the order of a list."""
HEARD: Final = "(source = 'charger' OR outcome IN ('result', 'error'))"
"""Of rows that show that the charger is there: what the central system asked in vain does not."""
STATES: Final = "action IN ('StatusNotification', 'NotifyEvent') AND status != ''"
"""Of rows that tell a connector's state. 2.1 knows NotifyEvent for it too."""
ERRORS: Final = (
    "action IN ('StatusNotification', 'NotifyEvent') AND (error_code NOT IN ('', 'NoError') OR status = 'Faulted'"
    " OR (vendor_error_code != '' AND action = 'StatusNotification'))"
)
"""As in the view errors_by_day: some makers send a code of theirs with NoError. NotifyEvent may name its code when the fault is
over, too, which is none."""
PLACE: Final = "(datetime, kafka_offset)"
"""Puts a charger's rows in order; all of them are in one partition."""
_CAME: Final = "kind IN ('connect', 'disconnect')"
"""Of events that show that the charger was there. A refusal may be anybody's."""
_BEGAN: Final = (
    "if(kind = 'connect', datetime,"
    " ifNull(subtractMilliseconds(datetime, toInt64(e.duration_s * 1000)), toDateTime64(0, 3, 'UTC')))"
)
"""When the connection of an event began, as the view `connections` reckons it."""
_IS_OPEN: Final = f"NOT has(groupArrayIf(e.connection_id, kind = 'disconnect'), argMax(e.connection_id, {_BEGAN}))"
"""Whether the newest connection is open. What the view says with `ended_at IS NULL`, without putting all connections in order."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What chargers have to match. `part`: of the id, in any case; `statuses`: of one of the connectors."""

    sites: Sequence[str] = ()
    part: str = ""
    online: bool | None = None
    statuses: Sequence[str] = ()


def keys(database: str, scope: Scope, filters: Filters, after: Key | None, limit: int) -> Statement:
    """The next `limit` chargers that ever came, after a place, in the order of Key."""
    conditions = within(scope, filters.sites)
    is_open = (
        f"(site_id, charger_id) GLOBAL IN (SELECT site_id, charger_id FROM ({_online(database, conditions)}) WHERE is_online)"
    )
    if filters.part:
        conditions.add("positionCaseInsensitiveUTF8(charger_id, {part:String}) > 0", part=filters.part)
    if after:
        conditions.add(
            "site_id >= {after_site:String} AND (site_id, charger_id) > ({after_site:String}, {after_charger:String})",
            after_site=after[0],
            after_charger=after[1],
        )
    if filters.online is not None:
        conditions.add(is_open if filters.online else f"NOT ({is_open})")
    ends = "GROUP BY site_id, charger_id ORDER BY site_id, charger_id LIMIT {limit:UInt32}"
    # In the order of the tables' keys, reading stops at the limit.
    source = _source(database, filters, conditions, ends)
    sql = f"SELECT site_id, charger_id FROM ({source}) {ends} SETTINGS optimize_aggregation_in_order = 1"
    return Statement(sql, conditions.parameters | {"limit": limit, "statuses": list(filters.statuses)})


def sites_of(database: str, scope: Scope, charger: str, sites: Sequence[str] = ()) -> Statement:
    """Where a charger ever came."""
    conditions = within(scope, sites, [charger])
    came = f"SELECT DISTINCT site_id, charger_id FROM {database}.{tables.CONNECTION_EVENT} WHERE {_CAME} AND {conditions.sql()}"
    logged = f"SELECT DISTINCT site_id, charger_id FROM {database}.{tables.LOG} WHERE {conditions.sql()}"
    return Statement(f"SELECT DISTINCT site_id, charger_id FROM ({came} UNION ALL {logged})", conditions.parameters)


def online(database: str, scope: Scope, sites: Sequence[str] = ()) -> Statement:
    """site_id, charger_id, is_online, began (its newest connection) of all that ever came."""
    conditions = within(scope, sites)
    return Statement(_online(database, conditions), conditions.parameters)


def connections(database: str, scope: Scope, chargers: Sequence[Key], now: datetime) -> Statement:
    """Of each charger its newest connection, and how many began in the last 24 hours."""
    conditions = _of(scope, chargers)
    newest = ", ".join(f"argMax(e.{name}, {_BEGAN}) AS {name}" for name in ("peer", "subprotocol", "profile", "gateway_id"))
    sql = (
        f"SELECT site_id, charger_id, {_IS_OPEN} AS is_online, max({_BEGAN}) AS began, max(e.datetime) AS last_event,"
        f" maxOrNullIf(e.datetime, kind = 'disconnect') AS ended, {newest},"
        " uniqExactIf(e.connection_id, kind = 'connect' AND e.datetime > {now:DateTime64(3, 'UTC')} - INTERVAL 1 DAY) AS recent"
        f" FROM {database}.{tables.CONNECTION_EVENT} AS e WHERE {_CAME} AND {conditions.sql()} GROUP BY site_id, charger_id"
    )
    return Statement(sql, conditions.parameters | {"now": times.for_clickhouse(now)})


def last_entries(database: str, scope: Scope, chargers: Sequence[Key]) -> Statement:
    conditions = _of(scope, chargers)
    sql = (
        "SELECT site_id, charger_id, max(datetime) AS last_entry, argMax(l.subprotocol, datetime) AS subprotocol"
        f" FROM {database}.{tables.LOG} AS l WHERE {HEARD} AND {conditions.sql()} GROUP BY site_id, charger_id"
    )
    return Statement(sql, conditions.parameters)


def boots(database: str, scope: Scope, chargers: Sequence[Key]) -> Statement:
    """Of each charger its newest BootNotification."""
    conditions = _of(scope, chargers)
    sql = (
        f"SELECT site_id, charger_id, argMax(request, {PLACE}) AS boot FROM {database}.{tables.LOG}"
        f" WHERE action = 'BootNotification' AND source = 'charger' AND {conditions.sql()} GROUP BY site_id, charger_id"
    )
    return Statement(sql, conditions.parameters)


def connectors(database: str, scope: Scope, chargers: Sequence[Key]) -> Statement:
    """Of each connector its newest state, and since when it says so: chargers repeat themselves. `told`, all that it ever said,
    stays in ClickHouse."""
    conditions = _of(scope, chargers)
    told = (
        f"SELECT site_id, charger_id, connector_id, argMax(error_code, {PLACE}) AS code,"
        " arraySort(groupArray((datetime, kafka_offset, CAST(status, 'String')))) AS told"
        f" FROM {database}.{tables.LOG} WHERE {STATES} AND {conditions.sql()} GROUP BY site_id, charger_id, connector_id"
    )
    sql = (
        "SELECT site_id, charger_id, connector_id, told[-1].3 AS newest, code,"
        f" told[arrayLastIndex(state -> state.3 != newest, told) + 1].1 AS since FROM ({told}) ORDER BY connector_id"
    )
    return Statement(sql, conditions.parameters)


def last_errors(database: str, scope: Scope, chargers: Sequence[Key]) -> Statement:
    conditions = _of(scope, chargers)
    columns = "(datetime, error_code, vendor_error_code, info, connection_id, sequence)"
    sql = (
        f"SELECT site_id, charger_id, argMax({columns}, {PLACE}) AS newest FROM {database}.{tables.LOG}"
        f" WHERE {ERRORS} AND {conditions.sql()} GROUP BY site_id, charger_id"
    )
    return Statement(sql, conditions.parameters)


def in_state(database: str, conditions: Conditions, states: str) -> str:
    """site_id, charger_id of the chargers with a connector whose newest state is among `states`, an array. Of two states told in
    one millisecond either is the newest: to know would take three times as long."""
    return (
        f"SELECT site_id, charger_id FROM {database}.{tables.LOG} WHERE {STATES} AND {conditions.sql()}"
        f" GROUP BY site_id, charger_id, connector_id HAVING maxIf(datetime, status IN {states}) = max(datetime)"
    )


def _source(database: str, filters: Filters, conditions: Conditions, ends: str) -> str:
    """Where chargers that match are looked for: wherever they must have left something."""
    came = f"SELECT site_id, charger_id FROM {database}.{tables.CONNECTION_EVENT} WHERE {_CAME} AND {conditions.sql()} {ends}"
    logged = f"SELECT site_id, charger_id FROM {database}.{tables.LOG} WHERE {conditions.sql()} {ends}"
    if filters.statuses:
        return in_state(database, conditions, "{statuses:Array(String)}")
    return came if filters.online else f"{came} UNION ALL {logged}"


def _online(database: str, conditions: Conditions) -> str:
    return (
        f"SELECT site_id, charger_id, {_IS_OPEN} AS is_online, max({_BEGAN}) AS began"
        f" FROM {database}.{tables.CONNECTION_EVENT} AS e WHERE {_CAME} AND {conditions.sql()} GROUP BY site_id, charger_id"
    )


def _of(scope: Scope, chargers: Sequence[Key]) -> Conditions:
    """Rows of these chargers, and of same ids at another of these sites."""
    return within(scope, sorted({site for site, _ in chargers}), sorted({charger for _, charger in chargers}))
