"""What was measured in a session, as SQL.

Samples with its transaction id are its own, and so are those of its connector without any: some chargers leave the id out, and
clock-aligned samples need none (OCPP 1.6 section 4.7). Times are the charger's own where they can be true, and names count in
any case, as in `sessions_between`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ocpplog_common.clickhouse import tables
from ocpplog_query_api.logs.query import Conditions, Statement
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.scoped import within

_AT: Final = (
    "toDateTime64(if(sampled_at BETWEEN datetime - INTERVAL 30 DAY AND datetime + INTERVAL 1 DAY, sampled_at,"
    " datetime), 3, 'UTC')"
)
_MEASURANDS: Final = ("Power.Active.Import", "Current.Import", "Voltage", "Energy.Active.Import.Register", "SoC")
_IN_LOWER_CASE: Final = ", ".join(f"'{name.lower()}'" for name in _MEASURANDS)
_OF_CURVE: Final = f"lower(s.measurand) IN ({_IN_LOWER_CASE})"
_MEASURAND: Final = f"transform(lower(s.measurand), [{_IN_LOWER_CASE}], {list(_MEASURANDS)}, '')"
_LINE: Final = (
    "multiIf(phase = '', 'total', upper(phase) IN ('L1', 'L1-N'), 'l1', upper(phase) IN ('L2', 'L2-N'), 'l2',"
    " upper(phase) IN ('L3', 'L3-N'), 'l3', '')"
)
"""Line-to-line, and N, are none of these."""


@dataclass(frozen=True, slots=True)
class Span:
    """Whose samples: of this charger and connector, in this transaction, between these times of the gateway (both inclusive)."""

    site_id: str
    charger_id: str
    connector_id: int | None
    transaction_id: str
    since: datetime
    until: datetime


def moments(database: str, scope: Scope, span: Span) -> Statement:
    """How many moments have samples, the first and the last (none: null)."""
    conditions = _of(scope, span)
    sql = (
        f"SELECT uniqExact({_AT}) AS moments, minOrNull({_AT}) AS first, maxOrNull({_AT}) AS last"
        f" FROM {database}.{tables.METER_SAMPLE} AS s WHERE {conditions.sql()}"
    )
    return Statement(sql, conditions.parameters)


def points(database: str, scope: Scope, span: Span, every_ms: int) -> Statement:
    """The averages of each measurand and line, in steps of `every_ms`: one row each, in order of time. The outlet's samples go
    before those of other places."""
    conditions = _of(scope, span)
    sql = (
        f"SELECT intDiv(toUnixTimestamp64Milli({_AT}), {{every:Int64}}) * {{every:Int64}} AS at_ms,"
        f" {_MEASURAND} AS measurand, {_LINE} AS line,"
        " ifNotFinite(avgIf(value_si, lower(trim(location)) IN ('', 'outlet')), avg(value_si)) AS average"
        f" FROM {database}.{tables.METER_SAMPLE} AS s WHERE {conditions.sql()} GROUP BY at_ms, {_MEASURAND}, line ORDER BY at_ms"
    )
    return Statement(sql, conditions.parameters | {"every": every_ms})


def entries(database: str, scope: Scope, span: Span) -> Statement:
    """How many entries of the log name the transaction."""
    conditions = within(scope, [span.site_id], [span.charger_id], span.since, span.until)
    conditions.add("transaction_id != '' AND transaction_id = {transaction:String}", transaction=span.transaction_id)
    return Statement(f"SELECT count() AS total FROM {database}.{tables.LOG} WHERE {conditions.sql()}", conditions.parameters)


def _of(scope: Scope, span: Span) -> Conditions:
    conditions = within(scope, [span.site_id], [span.charger_id], span.since, span.until)
    conditions.add(f"{_OF_CURVE} AND {_LINE} != '' AND value_si IS NOT NULL")
    own = "transaction_id != '' AND transaction_id = {transaction:String}"
    nobodys = "transaction_id = '' AND connector_id = {connector:Int32}"
    if span.connector_id:
        conditions.add(f"(({own}) OR ({nobodys}))", transaction=span.transaction_id, connector=span.connector_id)
    else:
        conditions.add(own, transaction=span.transaction_id)
    return conditions
