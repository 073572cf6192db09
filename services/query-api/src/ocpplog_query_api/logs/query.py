"""From a search to the statements that answer it. Pure: values in, text and bound parameters out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ocpplog_common.clickhouse import tables
from ocpplog_query_api.logs.conditions import Conditions as Conditions
from ocpplog_query_api.logs.conditions import cases, has
from ocpplog_query_api.logs.conditions import matching as matching
from ocpplog_query_api.logs.identity import EntryId, Place
from ocpplog_query_api.logs.search import Order as Order
from ocpplog_query_api.logs.search import Search as Search
from ocpplog_query_api.scope import Scope

KEY: Final = ("datetime", "connection_id", "sequence")
"""The order of a list; unique, so that pages can continue after it. A charger's connection ids and frame numbers only grow."""
WINDOWS: Final = (timedelta(hours=1), timedelta(days=1))
PAGE_AT_MOST: Final = 1000
"""Up to so many entries ClickHouse finds the newest ones by the index of times."""
_OF_ONE_MOMENT: Final = 10
"""So many entries of the millisecond of a place may have come before it on the page that it ends."""
_BOUNDED: Final = "use_skip_indexes_for_top_k = 0, use_top_k_dynamic_filtering = 0"
"""What finds the newest of many costs more than it saves where the time is bounded to just enough."""
SEARCHING: Final = "text_index_like_max_postings_to_read = 100000, optimize_use_projections = 0"
"""With ClickHouse's 50, part of a number that is in many (1234) would have `words` made anew for every row: ten times slower.
And no projection answers for a term: to look for one takes a count a millisecond."""
PAGED: Final = "query_plan_remove_unused_columns = 0"
"""A page names its columns: to look through the plan for more that nobody wants takes a millisecond, and finds none."""
_CHARGERS: Final = "use_primary_key = 0"
"""A charger is found by its own index. What the primary key, which has it behind site, day and action, rules out before takes
longer than it saves."""


@dataclass(frozen=True, slots=True)
class Statement:
    sql: str
    parameters: dict[str, Any]


def page(
    database: str,
    scope: Scope,
    search: Search,
    columns: Sequence[str],
    order: Order,
    limit: int,
    after: Place | None,
    bounded: bool = False,
) -> Statement:
    """The next `limit` entries after a place, in the order of KEY. `bounded`: `search.since` leaves hardly more than these."""
    conditions = matching(scope, search)
    if after:
        _continue(conditions, order, after)
    by = ", ".join(f"{name} {order.upper()}" for name in KEY)
    selected = ", ".join(dict.fromkeys([*columns, *KEY]))
    sql = f"SELECT {selected} FROM {database}.{tables.LOG} WHERE {conditions.sql()} ORDER BY {by} LIMIT {{limit:UInt32}}"
    settings = [_BOUNDED] if bounded else _for(scope, search)
    return Statement(sql + _settings(PAGED, *settings), conditions.parameters | {"limit": limit})


def message_ids(database: str, scope: Scope, search: Search, terms: Sequence[str]) -> Statement:
    """Rows of `message_id`: which of the terms are one, where the search looks."""
    conditions = matching(scope, Search(sites=search.sites, since=search.since, until=search.until))
    known = [case for term in terms for case in cases(term)]
    conditions.add("message_id IN {ids:Array(String)}", ids=known)
    sql = f"SELECT DISTINCT message_id FROM {database}.{tables.LOG} WHERE {conditions.sql()} LIMIT {{most:UInt32}}"
    return Statement(sql, conditions.parameters | {"most": len(known)})


def is_everything(scope: Scope, search: Search, order: Order) -> bool:
    """Whether the newest entries of all sites are asked for, whatever they are.

    They lie at the end of every site's part of the table: a bound in time keeps the rest from being read. Other searches find few
    rows, and would look in vain.
    """
    return order == "desc" and not search.is_filtered and scope.among(list(search.sites)) is None


def edge(
    database: str, scope: Scope, search: Search, limit: int, after: Place | None, within: timedelta | None = None
) -> Statement:
    """The time of the `limit`th entry, from the newest on or after a place, or of the oldest; and whether there are so many. From
    the times alone: quick. `within`: no further back from the place, or from the end of the search."""
    newest = datetime.fromisoformat(after.datetime).replace(tzinfo=UTC) if after else search.until
    if newest and within:
        search = replace(search, since=max(newest - within, search.since or newest - within))
    conditions = matching(scope, search)
    if after:
        conditions.add("datetime <= {at:DateTime64(3, 'UTC')}", at=after.datetime)
        limit += _OF_ONE_MOMENT
    sql = (
        "SELECT min(datetime) AS edge, count() >= {limit:UInt32} AS enough FROM"
        f" (SELECT datetime FROM {database}.{tables.LOG} WHERE {conditions.sql()} ORDER BY datetime DESC LIMIT {{limit:UInt32}})"
    )
    return Statement(sql, conditions.parameters | {"limit": limit})


def windows(search: Search, now: datetime) -> list[datetime]:
    """From when on to look for many entries, one after the other until there are enough."""
    newest = min(search.until or now, now)
    bounds = [newest - window for window in WINDOWS]
    return [bound for bound in bounds if search.since is None or bound > search.since]


def count(database: str, scope: Scope, search: Search, at_most: int | None = None) -> Statement:
    """How many match; with `at_most`, counting stops there."""
    table = f"{database}.{tables.LOG}"
    if at_most is None:
        conditions = narrowed(database, scope, search)
        sql = f"SELECT count() AS total FROM {table} WHERE {conditions.sql()}"
        return Statement(sql + searching(scope, search), conditions.parameters)
    conditions = matching(scope, search)
    sql = f"SELECT count() AS total FROM (SELECT 1 FROM {table} WHERE {conditions.sql()} LIMIT {{at_most:UInt64}})"
    return Statement(sql + searching(scope, search), conditions.parameters | {"at_most": at_most})


def narrowed(database: str, scope: Scope, search: Search) -> Conditions:
    """The conditions of a search that has to look at everything that matches, and not at the newest only.

    `NOT` reads the text of every row that is left. To find what has the unwanted terms, by the index, and leave it out by name is
    twice to ten times faster, unless fifty rows are enough.
    """
    conditions = matching(scope, replace(search, without=()))
    if search.without:
        unwanted = Conditions()
        for number, term in enumerate(search.without):
            has(unwanted, f"without{number}", term)
        conditions.add(
            f"(connection_id, sequence) GLOBAL NOT IN (SELECT connection_id, sequence FROM {database}.{tables.LOG}"
            f" WHERE {conditions.sql()} AND ({' OR '.join(f'({text})' for text in unwanted.texts)}))",
            **unwanted.parameters,
        )
    return conditions


def searching(scope: Scope, search: Search) -> str:
    """The SETTINGS of a statement with terms, or of chargers at whatever site; of others, nothing."""
    return _settings(*_for(scope, search))


def _for(scope: Scope, search: Search) -> list[str]:
    found = [SEARCHING] if search.terms or search.without else []
    if search.equal.get("charger_id") and scope.among(list(search.sites)) is None:
        found.append(_CHARGERS)
    return found


def _settings(*found: str) -> str:
    return " SETTINGS " + ", ".join(found) if found else ""


def entry(database: str, scope: Scope, found: EntryId, columns: Sequence[str]) -> Statement:
    conditions = matching(scope, Search())
    conditions.add(
        "datetime = fromUnixTimestamp64Milli({at:Int64}, 'UTC')"
        " AND connection_id = {connection:UUID} AND sequence = {number:UInt32}",
        at=found.milliseconds,
        connection=found.connection_id,
        number=found.sequence,
    )
    sql = f"SELECT {', '.join(columns)} FROM {database}.{tables.LOG} WHERE {conditions.sql()} LIMIT 1"
    return Statement(sql, conditions.parameters)


def _continue(conditions: Conditions, order: Order, after: Place) -> None:
    sign = "<" if order == "desc" else ">"
    # The first condition says nothing new, and halves the time: it is one that the sorting key understands.
    conditions.add(
        f"datetime {sign}= {{at:DateTime64(3, 'UTC')}} AND ({', '.join(KEY)}) {sign} ({{at:DateTime64(3, 'UTC')}},"
        " {connection:UUID}, {number:UInt32})",
        at=after.datetime,
        connection=after.connection_id,
        number=after.sequence,
    )
