"""The state of the fleet, as SQL. What is read is bounded in time, but for states: of connectors, and of connections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ocpplog_common.clickhouse import tables
from ocpplog_common.levels import Level, named_at
from ocpplog_query_api.chargers.query import ERRORS, HEARD, in_state
from ocpplog_query_api.logs.query import KEY, Statement
from ocpplog_query_api.overview.silence import SLOT_S
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.scoped import within

SLOWEST: Final = 10
TOP_ERRORS: Final = 10
_FAILED: Final = "outcome NOT IN ('result', 'sent')"


@dataclass(frozen=True, slots=True)
class SiteLevels:
    """Sites by what they log now. Of sites in neither, and of all where nothing is known, every entry counts."""

    info: Sequence[str] = ()
    minimal: Sequence[str] = ()


def pulse(database: str, scope: Scope, sites: Sequence[str], levels: SiteLevels, since: datetime) -> Statement:
    """site_id, charger_id, last_heard, slots, usual_gap_s: in how many slots of time something came from a charger, and of the
    pauses between them the 95th percentile. Of these, only what its site logs now: a lower level must not make it silent.
    NotifyEvents are logged at info where they tell a state or a fault."""
    conditions = within(scope, sites, since=since)
    counts = (
        "site_id NOT IN {minimal:Array(String)}"
        " AND (site_id NOT IN {info:Array(String)} OR action IN {info_actions:Array(String)}"
        " OR (action = 'NotifyEvent' AND (status != '' OR error_code != '')))"
    )
    slot = f"toUInt16(intDiv(dateDiff('second', {{since:DateTime64(3, 'UTC')}}, datetime), {SLOT_S}))"
    sql = (
        "SELECT site_id, charger_id, last_heard, length(heard) AS slots,"
        f" arrayReduce('quantileExact(0.95)', arrayPopFront(arrayDifference(heard))) * {SLOT_S} AS usual_gap_s"
        f" FROM (SELECT site_id, charger_id, max(datetime) AS last_heard, arraySort(groupUniqArrayIf({slot}, {counts})) AS heard"
        f" FROM {database}.{tables.LOG} WHERE {HEARD} AND {conditions.sql()} GROUP BY site_id, charger_id)"
    )
    of_levels = {"minimal": list(levels.minimal), "info": list(levels.info), "info_actions": list(named_at(Level.INFO))}
    return Statement(sql, conditions.parameters | of_levels)


def faulted(database: str, scope: Scope, sites: Sequence[str]) -> Statement:
    """How many chargers have a connector whose newest state is Faulted."""
    conditions = within(scope, sites)
    found = in_state(database, conditions, "['Faulted']")
    return Statement(f"SELECT uniqExact(site_id, charger_id) AS faulted FROM ({found})", conditions.parameters)


def hours(database: str, scope: Scope, sites: Sequence[str], since: datetime) -> Statement:
    """hour, entries, errors; hours without entries are not there."""
    conditions = within(scope, sites, since=since)
    sql = (
        f"SELECT toStartOfHour(datetime, 'UTC') AS hour, count() AS entries, countIf({_FAILED}) AS errors"
        f" FROM {database}.{tables.LOG} WHERE {conditions.sql()} GROUP BY hour"
    )
    return Statement(sql, conditions.parameters)


def top_errors(database: str, scope: Scope, sites: Sequence[str], since: datetime) -> Statement:
    conditions = within(scope, sites, since=since)
    sql = (
        "SELECT error_code, vendor_error_code, count() AS notifications, uniqExact(site_id, charger_id) AS chargers"
        f" FROM {database}.{tables.LOG} WHERE {ERRORS} AND {conditions.sql()} GROUP BY error_code, vendor_error_code"
        f" ORDER BY notifications DESC, error_code, vendor_error_code LIMIT {TOP_ERRORS}"
    )
    return Statement(sql, conditions.parameters)


def slowest(database: str, scope: Scope, sites: Sequence[str], columns: Sequence[str], since: datetime) -> Statement:
    """Entries by their latency."""
    conditions = within(scope, sites, since=since)
    selected = ", ".join(dict.fromkeys([*columns, *KEY]))
    sql = (
        f"SELECT {selected} FROM {database}.{tables.LOG} WHERE latency_ms IS NOT NULL AND {conditions.sql()}"
        f" ORDER BY latency_ms DESC, datetime DESC LIMIT {SLOWEST}"
    )
    return Statement(sql, conditions.parameters)
