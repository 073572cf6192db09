"""The columns an export can have: those of the product first, in its order, then the rest of an entry."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final, Literal

from ocpplog_common.clickhouse.tables import EXPORT_COLUMNS

Kind = Literal["text", "integer", "number", "time", "list"]


@dataclass(frozen=True, slots=True)
class Column:
    """`header`: what people see; `name`: of the column of `ocpp_log` and of the API's field, the same in files for programs.
    `hidden`: there is no value for who asks."""

    header: str
    name: str
    kind: Kind
    description: str
    hidden: bool = False


def _electrical(group: str, unit: str) -> dict[str, tuple[Kind, str]]:
    lines: dict[str, tuple[Kind, str]] = {
        f"{group}_l{line}": ("number", f"Of phase L{line}, as reported; {unit}") for line in (1, 2, 3)
    }
    return lines | {group: ("number", f"Without a phase, as reported; {unit}")}


_OF_THE_PRODUCT: Final[dict[str, tuple[Kind, str]]] = {
    "datetime": ("time", "When the request passed the gateway, UTC"),
    "action": ("text", "OCPP action; empty for a frame that is not OCPP-J, and for a gap"),
    "charger_id": ("text", "Charging station"),
    "connector_id": ("integer", "0 is the station itself, 1 and more its plugs; empty where the charger names none"),
    "vendor_error_code": ("text", "The maker's own error code"),
    "request_timestamp": ("time", "The payload's own timestamp, UTC"),
    "status": ("text", "Operational state"),
    "error_code": ("text", "Error code of a StatusNotification; of a 2.x fault its component and variable"),
    "info": ("text", "Further text, mostly of an error"),
    "vendor_id": ("text", "The maker's identifier"),
    "id_tag": ("text", "RFID tag, as the site wants it: plain, masked or hashed"),
    "meter_stop": ("number", "Meter reading at the end of a session, Wh"),
    "transaction_id": ("text", "Session, the same in all messages about it"),
    "reason": ("text", "Why a session stopped"),
    "id_tag_info_status": ("text", "Response: authorisation status of the RFID tag"),
    **_electrical("voltage", "unit in Voltage Unit"),
    **_electrical("current_import", "unit in Current.Import Unit"),
    **_electrical("power", "unit in Power Unit"),
}
_ON_KAFKA: Final = "Where the request lies on Kafka; empty for who may not see all sites"
_FURTHER: Final = (
    Column("Site ID", "site_id", "text", "Site"),
    Column("Source", "source", "text", "Who sent the request: charger or csms"),
    Column("Subprotocol", "subprotocol", "text", "ocpp1.6, ocpp2.0.1 or ocpp2.1"),
    Column("Outcome", "outcome", "text", "result, error, timeout, unmatched, superseded, lost, violation, sent, gap"),
    Column("Latency", "latency_ms", "integer", "From request to response, in milliseconds"),
    Column("Voltage Unit", "voltage_unit", "text", "As reported; empty means V"),
    Column("Current.Import Unit", "current_import_unit", "text", "As reported; empty means A"),
    Column("Power Unit", "power_unit", "text", "As reported; empty means W"),
    Column("Response Error Code", "response_error_code", "text", "CALLERROR: its error code"),
    Column("Response Error Description", "response_error_description", "text", "CALLERROR: its description"),
    Column(
        "Violations",
        "violations",
        "list",
        "What is wrong with the messages: path and reason; in one cell with semicolons between",
    ),
    Column("Message ID", "message_id", "text", "OCPP-J message id"),
    Column("Request", "request", "text", "Payload as it was sent, secrets as ***; the whole frame where it is not OCPP-J"),
    Column("Response", "response", "text", "Payload as it was sent, secrets as ***"),
    Column("Entry ID", "id", "text", "Names the entry: GET /v1/logs/{id}"),
    Column("Connection ID", "connection_id", "text", "WebSocket connection"),
    Column("Sequence", "sequence", "integer", "Number of the request among the frames of its connection"),
    Column("Gateway ID", "gateway_id", "text", "Gateway that passed the request on"),
    Column("Kafka Partition", "kafka_partition", "integer", _ON_KAFKA),
    Column("Kafka Offset", "kafka_offset", "integer", _ON_KAFKA),
    Column("Stored At", "stored_at", "time", "When the entry was stored, UTC"),
)
DEFAULT: Final = tuple(Column(header, name, *_OF_THE_PRODUCT[name]) for header, name in EXPORT_COLUMNS.items())
ALL: Final = (*DEFAULT, *_FURTHER)
_BY_NAME: Final = {key.lower(): column for column in ALL for key in (column.name, column.header)}


def choose(wanted: str, hidden: Collection[str] = ()) -> list[Column]:
    """What `wanted` lists, comma-separated, by headers or names, in its order; empty: those of the product, `all`: all. Of
    `hidden` the values are.

    Raises ValueError for one that there is not.
    """
    return [replace(column, hidden=column.name in hidden) for column in _chosen(wanted)]


def _chosen(wanted: str) -> list[Column]:
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    if not names:
        return list(DEFAULT)
    if [name.lower() for name in names] == ["all"]:
        return list(ALL)
    for name in names:
        if name.lower() not in _BY_NAME:
            raise ValueError(f"{name!r} is no column of the export; there are: {', '.join(column.header for column in ALL)}")
    return list(dict.fromkeys(_BY_NAME[name.lower()] for name in names))
