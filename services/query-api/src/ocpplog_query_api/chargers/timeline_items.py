"""From rows to items of a timeline. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal
from uuid import UUID

from ocpplog_query_api.chargers.boot import make_of, reason_of
from ocpplog_query_api.chargers.timeline_schemas import BootItem, ConnectionItem, ErrorItem, Item, SessionItem, StatusItem
from ocpplog_query_api.logs import times
from ocpplog_query_api.rows import entry_id, iso
from ocpplog_query_api.sessions.schemas import Session

Row = Mapping[str, Any]
_CODES = ("status", "error_code", "vendor_error_code", "info")


def connection_item(row: Row, ends: Mapping[UUID, Any]) -> ConnectionItem:
    """`ends`: when connections were over."""
    texts = _texts(row, "peer", "subprotocol", "gateway_id", "closed_by", "reason")
    numbers = {name: row[name] for name in ("profile", "close_code", "duration_s")}
    until = iso(ends.get(row["connection_id"])) if row["kind"] == "connect" else None
    return ConnectionItem(
        **_common(row),
        kind=row["kind"],
        until=until,
        title=_connection_title(row["kind"], texts, row["close_code"]),
        **texts,
        **numbers,
    )


def entry_item(row: Row, sessions: Iterable[Session]) -> Item:
    """`sessions`: those that a start or a stop may belong to."""
    match row["kind"]:
        case "boot":
            return _boot(row)
        case "session":
            return _session(row, sessions)
        case "status":
            texts = _texts(row, *_CODES)
            return StatusItem(**_entry(row), kind="status", title=_joined(_where(row), texts["status"], _code(texts)), **texts)
    return _error(row)


def _boot(row: Row) -> BootItem:
    make, reason = make_of(row["boot"]), reason_of(row["boot"])
    title = _joined("Boot", " ".join(filter(None, (make.vendor, make.model, make.firmware))), reason)
    return BootItem(
        **_entry(row), kind="boot", title=title, reason=reason, vendor=make.vendor, model=make.model, firmware=make.firmware
    )


def _session(row: Row, sessions: Iterable[Session]) -> SessionItem:
    texts = _texts(row, "transaction_id", "id_tag", "reason")
    event: Literal["start", "stop"] = "start" if row["action"] == "StartTransaction" or row["event"] == "Started" else "stop"
    title = _joined(
        f"Session {texts['transaction_id'] or ''}".strip(), "started" if event == "start" else "stopped", texts["reason"]
    )
    item = SessionItem(**_entry(row), kind="session", event=event, title=title, **texts)
    found = next((session for session in sessions if _belongs(item, session)), None)
    if found is None:
        return item
    known = {"started_at": found.started_at, "stopped_at": found.stopped_at, "energy_wh": found.energy_wh, "session_id": found.id}
    return item.model_copy(update={**known, "until": found.stopped_at if event == "start" else None})


def _belongs(item: SessionItem, session: Session) -> bool:
    return (session.site_id, session.transaction_id) == (item.site_id, item.transaction_id) and (
        session.first_seen_at <= item.at <= session.last_seen_at
    )


def _error(row: Row) -> ErrorItem:
    texts = _texts(row, "action", "status", "error_code", "transaction_id", "response_error_code", "response_error_description")
    title = _joined(texts["action"] or "Frame", row["outcome"], texts["response_error_code"])
    return ErrorItem(**_entry(row), kind="error", title=title, source=row["source"], outcome=row["outcome"], **texts)


def _common(row: Row) -> dict[str, Any]:
    return {"at": times.iso(row["datetime"]), "site_id": row["site_id"], "connector_id": row.get("connector_id")}


def _entry(row: Row) -> dict[str, Any]:
    return _common(row) | {"entry_id": entry_id(row["datetime"], row["connection_id"], row["sequence"])}


def _texts(row: Row, *names: str) -> dict[str, Any]:
    """Empty text is what was not said: null."""
    return {name: row[name] or None for name in names}


def _connection_title(kind: str, texts: Mapping[str, str | None], code: int | None) -> str:
    match kind:
        case "connect":
            return " ".join(filter(None, ("Connected", texts["peer"] and f"from {texts['peer']}", texts["subprotocol"])))
        case "disconnect":
            by = f"Closed by {texts['closed_by']}" if texts["closed_by"] else "Closed"
            return _joined(by, str(code or ""), texts["reason"])
    return _joined("Refused", str(code or ""), texts["reason"])


def _where(row: Row) -> str:
    number = row["connector_id"]
    return "Charger" if not number else f"Connector {number}"


def _code(texts: Mapping[str, str | None]) -> str | None:
    return ", ".join(code for code in (texts["error_code"], texts["vendor_error_code"]) if code and code != "NoError") or None


def _joined(first: str | None, *others: str | None) -> str:
    """`Connector 1: Faulted, GroundFailure`."""
    told = [text for text in others if text]
    return ": ".join(filter(None, (first, ", ".join(told))))
