"""From a search to SQL. Pure: values in, text and bound parameters out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from ocpplog_common.clickhouse import tables
from ocpplog_query_api.logs import terms as words
from ocpplog_query_api.logs import times
from ocpplog_query_api.logs.identity import EntryId, Place
from ocpplog_query_api.scope import Scope

Order = Literal["desc", "asc"]
KEY: Final = ("datetime", "kafka_partition", "kafka_offset", "connection_id", "sequence")
"""The order of a list; unique, so that pages can continue after it."""
WINDOWS: Final = (timedelta(hours=1), timedelta(days=1))
PAGE_AT_MOST: Final = 1000
"""Up to so many entries ClickHouse finds the newest ones by the index of times."""
_BOUNDED: Final = " SETTINGS use_skip_indexes_for_top_k = 0, use_top_k_dynamic_filtering = 0"
"""What finds the newest of many costs more than it saves where the time is bounded to just enough."""
_SEARCHING: Final = " SETTINGS text_index_like_max_postings_to_read = 100000"
"""With ClickHouse's 50, part of a number that is in many (1234) would have `words` made anew for every row: ten times slower."""


@dataclass(frozen=True, slots=True)
class Search:
    """What entries have to match. `equal`: column -> values, one of which it must have; `connectors` may hold None."""

    terms: Sequence[str] = ()
    sites: Sequence[str] = ()
    equal: Mapping[str, Sequence[str]] = field(default_factory=dict)
    connectors: Sequence[int | None] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    sql: str
    parameters: dict[str, Any]


class Conditions:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.parameters: dict[str, Any] = {}

    def add(self, text: str, **parameters: Any) -> None:
        self.texts.append(text)
        self.parameters |= parameters

    def sql(self) -> str:
        return " AND ".join(self.texts) or "1"


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
    settings = _SEARCHING if search.terms else _BOUNDED * bounded
    return Statement(sql + settings, conditions.parameters | {"limit": limit})


def is_everything(scope: Scope, search: Search, order: Order) -> bool:
    """Whether the newest entries of all sites are asked for, whatever they are.

    They lie at the end of every site's part of the table: a bound in time keeps the rest from being read. Other searches find few
    rows, and would look in vain.
    """
    filtered = search.terms or search.connectors or any(search.equal.values())
    return order == "desc" and not filtered and scope.among(list(search.sites)) is None


def edge(database: str, scope: Scope, search: Search, limit: int, after: Place | None) -> Statement:
    """The time of the `limit`th entry from the newest on, or of the oldest: from the times alone, which is quick."""
    conditions = matching(scope, search)
    if after:
        conditions.add("datetime <= {at:DateTime64(3, 'UTC')}", at=after.datetime)
    sql = (
        f"SELECT min(datetime) AS edge FROM (SELECT datetime FROM {database}.{tables.LOG} WHERE {conditions.sql()}"
        " ORDER BY datetime DESC LIMIT {limit:UInt32})"
    )
    return Statement(sql, conditions.parameters | {"limit": limit})


def windows(search: Search, now: datetime) -> list[datetime]:
    """From when on to look for many entries, one after the other until there are enough."""
    newest = min(search.until or now, now)
    bounds = [newest - window for window in WINDOWS]
    return [bound for bound in bounds if search.since is None or bound > search.since]


def count(database: str, scope: Scope, search: Search, at_most: int | None = None) -> Statement:
    """How many match; with `at_most`, counting stops there."""
    conditions = matching(scope, search)
    table = f"{database}.{tables.LOG}"
    if at_most is None:
        sql = f"SELECT count() AS total FROM {table} WHERE {conditions.sql()}"
        return Statement(sql + _SEARCHING * bool(search.terms), conditions.parameters)
    sql = f"SELECT count() AS total FROM (SELECT 1 FROM {table} WHERE {conditions.sql()} LIMIT {{at_most:UInt64}})"
    return Statement(sql + _SEARCHING * bool(search.terms), conditions.parameters | {"at_most": at_most})


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


def sites(database: str, scope: Scope) -> Statement:
    """The sites with entries, with what came in the last 24 hours."""
    conditions = matching(scope, Search())
    sql = (
        "SELECT site_id, countIf(datetime > now64(3) - INTERVAL 1 DAY) AS entries_24h, max(datetime) AS last_entry"
        f" FROM {database}.{tables.LOG} WHERE {conditions.sql()} GROUP BY site_id ORDER BY site_id"
    )
    return Statement(sql, conditions.parameters)


def matching(scope: Scope, search: Search) -> Conditions:
    """The conditions of a search; the scope is in all of them, here and nowhere else."""
    conditions = Conditions()
    visible = scope.among(list(search.sites))
    if visible is not None:
        conditions.add("site_id IN {sites:Array(String)}", sites=visible)
    for column, values in search.equal.items():
        if values:
            conditions.add(f"{column} IN {{{column}:Array(String)}}", **{column: list(values)})
    if search.connectors:
        _connectors(conditions, search.connectors)
    if search.since:
        conditions.add("datetime >= {since:DateTime64(3, 'UTC')}", since=times.for_clickhouse(search.since))
    if search.until:
        conditions.add("datetime < {until:DateTime64(3, 'UTC')}", until=times.for_clickhouse(search.until))
    for number, term in enumerate(search.terms):
        _term(conditions, number, term)
    return conditions


def _term(conditions: Conditions, number: int, term: str) -> None:
    text, parameters = _contains(number, term)
    if len(term) < words.MESSAGE_ID_LENGTH:
        conditions.add(text, **parameters)
    else:
        conditions.add(f"(({text}) OR message_id = {{id{number}:String}})", **parameters, **{f"id{number}": term})


def _contains(number: int, term: str) -> tuple[str, dict[str, str]]:
    """`words` is indexed, and has every run of four letters or digits that `search` has: a term that is one run is found there,
    one with blanks or punctuation in what its runs leave over. What has no such run is looked for in the text itself."""
    runs = words.indexed(term)
    texts = [f"words LIKE lowerUTF8({{term{number}_{place}:String}})" for place in range(len(runs))]
    parameters = {f"term{number}_{place}": words.like_pattern(run) for place, run in enumerate(runs)}
    if runs != [term]:
        texts.append(f"search LIKE lowerUTF8({{term{number}:String}})")
        parameters[f"term{number}"] = words.like_pattern(term)
    return " AND ".join(texts), parameters


def _connectors(conditions: Conditions, connectors: Sequence[int | None]) -> None:
    numbers = [number for number in connectors if number is not None]
    text = "connector_id IN {connectors:Array(Int32)}"
    if None in connectors:
        text = f"({text} OR connector_id IS NULL)" if numbers else "connector_id IS NULL"
    conditions.add(text, **({"connectors": numbers} if numbers else {}))


def _continue(conditions: Conditions, order: Order, after: Place) -> None:
    sign = "<" if order == "desc" else ">"
    # The first condition says nothing new, and halves the time: it is one that the sorting key understands.
    conditions.add(
        f"datetime {sign}= {{at:DateTime64(3, 'UTC')}} AND ({', '.join(KEY)}) {sign} ({{at:DateTime64(3, 'UTC')}},"
        " {partition:UInt16}, {offset:UInt64}, {connection:UUID}, {number:UInt32})",
        at=after.datetime,
        partition=after.partition,
        offset=after.offset,
        connection=after.connection_id,
        number=after.sequence,
    )
