"""Statements that count what a search finds: over time, and by value. Pure, as `query`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from ocpplog_common.clickhouse import tables
from ocpplog_query_api.logs import terms
from ocpplog_query_api.logs.query import Statement, narrowed, searching
from ocpplog_query_api.logs.search import COLUMN_OF, Search
from ocpplog_query_api.moving import moving
from ocpplog_query_api.scope import Scope

By = Literal["outcome", "action", "none"]
DEFAULT_SPAN: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
LADDER: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(_MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * n for n in (1, 2, 3, 6, 12)),
    *(_DAY * n for n in (1, 2, 7, 30)),
)
"""Widths of a bucket in seconds; where the widest is too narrow, its multiples."""
_ORIGIN: Final = datetime(1969, 12, 29, tzinfo=UTC)
"""A Monday, so that weeks begin on one, before any entry."""
_NAME_OF: Final[Mapping[By, str]] = {"outcome": "outcome", "action": "action", "none": "'all'"}


@dataclass(frozen=True, slots=True)
class Scale:
    """Time in buckets of `seconds`: from `since` on, before `until`. Buckets begin at multiples of their width, the first one
    at or before `since`."""

    since: datetime
    until: datetime
    seconds: int

    def number(self, moment: datetime) -> int:
        """Of the bucket that `moment` is in."""
        return (moment - _ORIGIN) // timedelta(seconds=self.seconds)

    def start(self, number: int) -> datetime:
        return _ORIGIN + timedelta(seconds=self.seconds) * number

    @property
    def numbers(self) -> range:
        if self.since >= self.until:
            return range(0)
        return range(self.number(self.since), self.number(self.until - timedelta(milliseconds=1)) + 1)


def scale(search: Search, now: datetime, at_most: int) -> Scale:
    """The narrowest buckets of which there are `at_most`, at least 2. Without a beginning: the day before the end.

    Without an end: the next full second, so that whoever asks within it asks the same.
    """
    until = search.until or moving(now.replace(microsecond=0)) + _SECOND
    since = search.since or until - DEFAULT_SPAN
    # There are at least as many as would fill the time.
    for seconds in (one for one in LADDER if until - since <= timedelta(seconds=one * at_most)):
        found = Scale(since, until, seconds)
        if len(found.numbers) <= at_most:
            return found
    widest = LADDER[-1]
    # One bucket less, because they begin where they do.
    needed = (until - since) // timedelta(seconds=widest * max(1, at_most - 1)) + 1
    return Scale(since, until, widest * needed)


def histogram(database: str, scope: Scope, search: Search, by: By, of: Scale) -> Statement:
    """Rows of `bucket` (its number), `name` and `total`."""
    conditions = narrowed(database, scope, replace(search, since=of.since, until=of.until))
    sql = (
        f"SELECT intDiv(toUnixTimestamp(datetime) + {{shift:UInt64}}, {{width:UInt64}}) AS bucket, {_NAME_OF[by]} AS name,"
        f" count() AS total FROM {database}.{tables.LOG} WHERE {conditions.sql()} GROUP BY bucket, name"
    )
    shift = -int(_ORIGIN.timestamp())
    return Statement(sql + searching(scope, search), conditions.parameters | {"shift": shift, "width": of.seconds})


def by_hour(database: str, scope: Scope, search: Search) -> Statement:
    """Rows of `hour` and `total`, the newest first: how many entries there are to count."""
    conditions = narrowed(database, scope, search)
    sql = (
        f"SELECT toStartOfHour(datetime) AS hour, count() AS total FROM {database}.{tables.LOG}"
        f" WHERE {conditions.sql()} GROUP BY hour ORDER BY hour DESC"
    )
    return Statement(sql + searching(scope, search), conditions.parameters)


def facets(database: str, scope: Scope, search: Search, fields: Sequence[str], top: int, contains: str = "") -> Statement:
    """Rows of `field`, `value`, `total` and `everything` (of all values of the field), the most frequent first.

    `fields` are names of filters. Entries without a value count for none; without a connector, as `none`. `contains`: only values
    with this text, in any case.

    One reading for all fields: terms are looked for once.
    """
    conditions = narrowed(database, scope, search)
    columns = {field: COLUMN_OF[field] for field in fields}
    if contains:
        found = [f"lowerUTF8({_value(column)}) LIKE lowerUTF8({{contains:String}})" for column in columns.values()]
        conditions.add(f"({' OR '.join(found)})", contains=terms.like_pattern(contains))
    names = ", ".join(f"grouping({column}) = 0, '{field}'" for field, column in columns.items())
    values = ", ".join(f"grouping({column}) = 0, {_value(column)}" for column in columns.values())
    sets = ", ".join(f"({column})" for column in columns.values())
    sql = (
        "SELECT field, value, total, sum(total) OVER (PARTITION BY field) AS everything FROM ("
        f"SELECT multiIf({names}, '') AS field, multiIf({values}, '') AS value, count() AS total"
        f" FROM {database}.{tables.LOG} WHERE {conditions.sql()} GROUP BY GROUPING SETS ({sets}))"
        " WHERE value != '' ORDER BY field, total DESC, value LIMIT {top:UInt32} BY field"
    )
    return Statement(sql + searching(scope, search), conditions.parameters | {"top": top})


def _value(column: str) -> str:
    return f"ifNull(toString({column}), 'none')" if column == "connector_id" else f"toString({column})"
