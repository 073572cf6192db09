"""What the tables tell of sites, as SQL. Pure: values in, text and bound parameters out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ocpplog_common.clickhouse import tables
from ocpplog_query_api.logs.query import Statement
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.scoped import within


def recent(database: str, scope: Scope, sites: Sequence[str], since: datetime) -> Statement:
    """site_id, last_entry, entries and errors: of the time from `since` on."""
    conditions = within(scope, sites, since=since)
    sql = (
        "SELECT site_id, max(datetime) AS last_entry, count() AS entries,"
        " countIf(outcome NOT IN ('result', 'sent')) AS errors"
        f" FROM {database}.{tables.LOG} WHERE {conditions.sql()} GROUP BY site_id"
    )
    return Statement(sql, conditions.parameters)


def last(database: str, scope: Scope, sites: Sequence[str], without: Sequence[str]) -> Statement:
    """site_id, last_entry: but of the sites in `without`, most of which the table's key spares to read."""
    conditions = within(scope, sites)
    conditions.add("site_id NOT IN {without:Array(String)}", without=list(without))
    sql = f"SELECT site_id, max(datetime) AS last_entry FROM {database}.{tables.LOG} WHERE {conditions.sql()} GROUP BY site_id"
    return Statement(sql, conditions.parameters)
