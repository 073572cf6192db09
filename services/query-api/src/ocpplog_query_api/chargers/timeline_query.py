"""A charger's timeline, as SQL: what the log has of it, and the events of its connections.

Both lists have one order: `datetime` and `name`, which together name an item for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from ocpplog_common.clickhouse import tables
from ocpplog_query_api.logs.query import Conditions, Statement
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.scoped import within

Kind = Literal["connection", "status", "session", "boot", "error"]
KINDS: tuple[Kind, ...] = ("connection", "status", "session", "boot", "error")


@dataclass(frozen=True, slots=True)
class Happenings:
    """What is asked for: of one charger, at the sites named (none: at all that may be seen)."""

    charger: str
    sites: Sequence[str] = ()
    kinds: frozenset[Kind] = frozenset(KINDS)
    since: datetime | None = None
    until: datetime | None = None


_KIND: Final = (
    "multiIf(outcome NOT IN ('result', 'sent'), 'error', action = 'BootNotification', 'boot',"
    " action IN ('StartTransaction', 'StopTransaction') OR event IN ('Started', 'Ended'), 'session',"
    " action = 'StatusNotification' OR (action = 'NotifyEvent' AND (status != '' OR error_code != '')), 'status', '')"
)
"""What failed is an error, whatever it was about. Differences from the schema make no error: some chargers send little else."""
_TOLD: Final = (
    "action IN ('BootNotification', 'StartTransaction', 'StopTransaction', 'TransactionEvent', 'StatusNotification',"
    " 'NotifyEvent') OR outcome NOT IN ('result', 'sent')"
)
_NAME: Final = "concat('entry ', toString(connection_id), ' ', leftPad(toString(sequence), 10, '0'))"
_COLUMNS: Final = (
    "datetime, site_id, connector_id, action, source, outcome, status, error_code, vendor_error_code, info, id_tag,"
    " transaction_id, reason, response_error_code, response_error_description, connection_id, sequence"
)
_NEWEST: Final = "ORDER BY datetime DESC, name DESC LIMIT {limit:UInt32}"


def entries(database: str, scope: Scope, wanted: Happenings, after: Sequence[str] | None, limit: int) -> Statement:
    """`kind`: status, session, boot, error; `event`: eventType of a TransactionEvent; `boot`: the payload of one."""
    conditions = _of(scope, wanted, after, _NAME)
    conditions.add(f"({_TOLD}) AND kind IN {{kinds:Array(String)}}", kinds=sorted(wanted.kinds - {"connection"}))
    sql = (
        f"SELECT {_COLUMNS}, {_NAME} AS name, {_KIND} AS kind, if(action = 'BootNotification', request, '') AS boot,"
        " if(action = 'TransactionEvent', JSONExtractString(request, 'eventType'), '') AS event"
        f" FROM {database}.{tables.LOG} WHERE {conditions.sql()} {_NEWEST}"
    )
    return Statement(sql, conditions.parameters | {"limit": limit})


def events(database: str, scope: Scope, wanted: Happenings, after: Sequence[str] | None, limit: int) -> Statement:
    """`kind`: connect, disconnect, refuse."""
    name = "concat('event ', toString(event_id))"
    conditions = _of(scope, wanted, after, name)
    sql = (
        "SELECT datetime, site_id, kind, connection_id, peer, subprotocol, profile, gateway_id, close_code, closed_by, reason,"
        f" duration_s, {name} AS name FROM {database}.{tables.CONNECTION_EVENT} WHERE {conditions.sql()} {_NEWEST}"
    )
    return Statement(sql, conditions.parameters | {"limit": limit})


def ends(database: str, scope: Scope, charger: str, sites: Sequence[str], connections: Sequence[UUID]) -> Statement:
    """When these connections of a charger ended, those that did."""
    conditions = within(scope, sites, [charger])
    conditions.add("connection_id IN {connections:Array(UUID)}", connections=[str(one) for one in connections])
    sql = f"SELECT connection_id, ended_at FROM {database}.connections WHERE {conditions.sql()} AND ended_at IS NOT NULL"
    return Statement(sql, conditions.parameters)


def _of(scope: Scope, wanted: Happenings, after: Sequence[str] | None, name: str) -> Conditions:
    conditions = within(scope, wanted.sites, [wanted.charger], wanted.since, wanted.until)
    if after:
        conditions.add(
            "datetime <= {at:DateTime64(3, 'UTC')} AND"
            f" (datetime, {name}) < ({{at:DateTime64(3, 'UTC')}}, {{after_name:String}})",
            at=after[0],
            after_name=after[1],
        )
    return conditions
