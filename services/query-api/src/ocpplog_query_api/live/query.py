"""From inserts and a search to SQL. Pure: values in, text and bound parameters out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ocpplog_common.clickhouse import tables
from ocpplog_query_api.live.journal import KEEP_MOST, KEEP_MS, NAMED_MS, SITES_MOST, Insert
from ocpplog_query_api.logs.query import Conditions, Search, Statement, matching
from ocpplog_query_api.scope import Scope

NAME: Final = "toUnixTimestamp64Milli(stored_at) * 65536 + kafka_partition"
"""Of a row: the name of its insert."""
PLACE: Final = ("stored_at", "datetime", "kafka_partition", "kafka_offset", "connection_id", "sequence")
"""The order of a stream; unique, so that a page can continue after a row."""
_DAYS: Final = 7
"""As long as frames stay on Kafka: what is older is stored by nobody but a replay. It spares old parts of the table."""
_RECENT: Final = f"datetime >= now64(3, 'UTC') - INTERVAL {_DAYS} DAY"
_FEW: Final = " SETTINGS ignore_data_skipping_indices = 'ix_words, ix_numbers'"
"""An insert's rows are few: to make `words` of each costs less than to ask the index, which is about all rows."""


@dataclass(frozen=True, slots=True)
class Place:
    """A row's PLACE, the times in milliseconds since 1970."""

    stored_ms: int
    milliseconds: int
    partition: int
    offset: int
    connection_id: str
    sequence: int

    @property
    def insert(self) -> int:
        """The name of its insert."""
        return self.stored_ms * 65_536 + self.partition


def inserts(database: str, since_ms: int) -> Statement:
    """One row: ClickHouse's time, and the newest inserts since then as (stored_ms, partition, entries, sites); of more than
    SITES_MOST sites, or older than NAMED_MS, no sites.

    Of all sites, so for the journal alone.
    """
    sql = (
        "SELECT toUnixTimestamp64Milli(now64(3)) AS looked_ms, groupArray(found) AS found FROM (SELECT"
        f" groupUniqArray({SITES_MOST + 1})(site_id) AS sites, (toUnixTimestamp64Milli(stored_at), kafka_partition, count(),"
        f" if(length(sites) > {SITES_MOST} OR stored_at < now64(3, 'UTC') - toIntervalMillisecond({{named:UInt32}}), [], sites))"
        " AS found"
        f" FROM {database}.{tables.LOG} PREWHERE {_RECENT}"
        f" AND stored_at >= greatest({_moment('since')}, now64(3, 'UTC') - toIntervalMillisecond({{keep:UInt32}}))"
        " GROUP BY stored_at, kafka_partition ORDER BY stored_at DESC LIMIT {most:UInt32})"
    )
    return Statement(sql, {"since": since_ms, "keep": KEEP_MS, "named": NAMED_MS, "most": KEEP_MOST})


def entries(
    database: str, scope: Scope, search: Search, columns: Sequence[str], found: Sequence[Insert], limit: int, after: Place | None
) -> Statement:
    """The first `limit` entries of these inserts that match, after a place, in the order of PLACE."""
    conditions = matching(scope, search)
    conditions.add(f"{NAME} IN {{inserts:Array(Int64)}}", inserts=[insert.name for insert in found])
    if after:
        _continue(conditions, after)
    stored = [insert.stored_ms for insert in found]
    return _select(
        database,
        ", ".join(dict.fromkeys([*columns, *PLACE])),
        conditions,
        f" ORDER BY {', '.join(PLACE)} LIMIT {{limit:UInt32}}" + _FEW,
        {"first": min(stored), "last": max(stored), "limit": limit},
    )


def count(database: str, scope: Scope, search: Search, first_ms: int, last_ms: int, after: Place | None) -> Statement:
    """How many entries match that were stored between the two, both included, and stand after a place."""
    conditions = matching(scope, search)
    if after:
        _continue(conditions, after)
    return _select(database, "count() AS total", conditions, _FEW, {"first": first_ms, "last": last_ms})


def _select(database: str, selected: str, conditions: Conditions, end: str, parameters: dict[str, Any]) -> Statement:
    sql = (
        f"SELECT {selected} FROM {database}.{tables.LOG} PREWHERE {_RECENT}"
        f" AND stored_at >= {_moment('first')} AND stored_at <= {_moment('last')} WHERE {conditions.sql()}{end}"
    )
    return Statement(sql, conditions.parameters | parameters)


def _continue(conditions: Conditions, after: Place) -> None:
    conditions.add(
        f"({', '.join(PLACE)}) > ({_moment('after_stored')}, {_moment('after')},"
        " {partition:UInt16}, {offset:UInt64}, {connection:UUID}, {number:UInt32})",
        after_stored=after.stored_ms,
        after=after.milliseconds,
        partition=after.partition,
        offset=after.offset,
        connection=after.connection_id,
        number=after.sequence,
    )


def _moment(name: str) -> str:
    return f"fromUnixTimestamp64Milli({{{name}:Int64}}, 'UTC')"
