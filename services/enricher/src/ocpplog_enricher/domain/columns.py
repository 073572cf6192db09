"""The columns that an exchange's payloads fill, whatever the version of OCPP they are written in. docs/fields.md is their table.

What 2.x calls otherwise is taken where it means the same. Fields go by the action and by their name, not by the connection's
version: there are chargers that send 1.6 payloads on a 2.0.1 connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from ocpplog_enricher.domain import events, reading, timestamps
from ocpplog_enricher.domain.reading import Reader

Columns = dict[str, Any]
"""Column of `ocpp_log` -> value."""
_Parsed = TypeVar("_Parsed")

_TIMESTAMPED: Final = frozenset({"StartTransaction", "StopTransaction", "StatusNotification", "TransactionEvent"})
_STARTS: Final = frozenset({"StartTransaction", "RequestStartTransaction"})
"""Their transaction is named by the response: by the central system in 1.6 (section 6.46), and in 2.x by a station where one runs
already (OCPP 2.0.1 part 2, RequestStartTransactionResponse)."""
_Places = tuple[tuple[str, str], ...]
"""(object in the payload, empty for the payload itself; field), the first that can be read counts."""
_CONNECTORS: Final[_Places] = (("", "evseId"), ("evse", "id"), ("", "connectorId"), ("chargingProfileCriteria", "evseId"))
"""What 1.6 calls a connector is an EVSE in 2.x (OCPP 2.0.1 part 1, section 4)."""
_TRANSACTIONS: Final[_Places] = (
    ("", "transactionId"),
    ("transactionInfo", "transactionId"),
    ("csChargingProfiles", "transactionId"),
    ("chargingProfile", "transactionId"),
)
_TEXTS: Final = {"info": "info", "vendorId": "vendor_id", "idTag": "id_tag"}
"""Field of any request -> column."""


def of_request(action: str, request: Reader) -> Columns:
    found: Columns = {
        "connector_id": _first(request, _CONNECTORS, reading.connector),
        "transaction_id": _first(request, _TRANSACTIONS, reading.identifier) or "",
    }
    for name, column in _TEXTS.items():
        if name in request.value:
            found[column] = request.text(name)
    if "idToken" in request.value and not found.get("id_tag"):
        found["id_tag"] = request.inner("idToken").text("idToken")
    if action in _TIMESTAMPED:
        found["request_timestamp"] = _moment(request)
    return found | _of_action(action, request)


def of_response(action: str, response: Reader) -> Columns:
    found: Columns = {}
    for holder in ("idTagInfo", "idTokenInfo"):
        if response.value.get(holder) is not None:
            found["id_tag_info_status"] = response.inner(holder).text("status")
            break
    if action in _STARTS and (transaction := response.read("transactionId", reading.identifier)):
        found["transaction_id"] = transaction
    return found


def _of_action(action: str, request: Reader) -> Columns:
    match action:
        case "StatusNotification":
            return {
                "status": request.text("status") or request.text("connectorStatus"),
                "error_code": request.text("errorCode"),
                "vendor_error_code": request.text("vendorErrorCode"),
            }
        case "StopTransaction":
            return {"reason": request.text("reason"), "meter_stop": request.read("meterStop", reading.number)}
        case "TransactionEvent":
            info = request.inner("transactionInfo")
            return {"status": info.text("chargingState"), "reason": info.text("stoppedReason")}
        case "SecurityEventNotification":
            return {"info": request.text("techInfo")}
        case "NotifyEvent":
            return _of_events(request.items("eventData"))
    return {}


def _of_events(found: Sequence[Reader]) -> Columns:
    event = events.told(found)
    if event is None:
        return {}
    component = event.inner("component")
    return {
        "connector_id": component.inner("evse").read("id", reading.connector),
        "transaction_id": event.read("transactionId", reading.identifier) or "",
        "request_timestamp": _moment(event),
        "status": events.state(event, found),
        "error_code": events.error(event),
        "vendor_error_code": event.text("techCode"),
        "info": event.text("techInfo"),
    }


def _first(request: Reader, places: _Places, parse: Callable[[object], _Parsed]) -> _Parsed | None:
    value = request.value
    for holder, name in places:
        if holder:
            # Some of these names are lists in other actions.
            within = value.get(holder)
            if not isinstance(within, dict) or name not in within:
                continue
        elif name not in value:
            continue
        found = (request.inner(holder) if holder else request).read(name, parse)
        if found is not None:
            return found
    return None


def _moment(holder: Reader) -> str | None:
    found = holder.read("timestamp", timestamps.read)
    if found and found.note:
        holder.note("timestamp", found.note)
    return timestamps.for_clickhouse(found.at) if found else None
