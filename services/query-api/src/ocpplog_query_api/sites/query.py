"""What the tables tell of sites, as SQL. Pure: values in, text and bound parameters out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ocpplog_common.clickhouse import tables
from ocpplog_query_api.logs import times
from ocpplog_query_api.logs.query import Statement
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.scoped import within


def entries(database: str, scope: Scope, sites: Sequence[str], since: datetime) -> Statement:
    """site_id, last_entry and, of the time from `since` on, entries, errors, and the ids of the chargers."""
    conditions = within(scope, sites)
    recent = "datetime >= {recent:DateTime64(3, 'UTC')}"
    sql = (
        f"SELECT site_id, max(datetime) AS last_entry, countIf({recent}) AS entries,"
        f" countIf({recent} AND outcome NOT IN ('result', 'sent')) AS errors,"
        f" groupUniqArrayIf(toString(charger_id), {recent}) AS chargers"
        f" FROM {database}.{tables.LOG} WHERE {conditions.sql()} GROUP BY site_id"
    )
    return Statement(sql, conditions.parameters | {"recent": times.for_clickhouse(since)})
