"""Which columns a row of the fleet's messages must have: docs/fields.md once more, for what the fleet says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

NAMES: Final = (
    *("connector_id", "status", "error_code", "vendor_id", "id_tag", "transaction_id", "meter_stop", "reason"),
    *("id_tag_info_status", "current_import_l1", "current_import_l2", "current_import_l3"),
)
Columns = tuple[str | float | None, ...]
"""In the order of `NAMES`."""
_NUMBERS: Final = ("connector_id", "meter_stop", "current_import_l1", "current_import_l2", "current_import_l3")


def of(action: str, request: str, response: str, answered: bool) -> Columns:
    """`answered`: with a result, whether to a request that is known or not."""
    asked = _read(request) if action else {}
    told = _read(response) if answered else {}
    found: dict[str, Any] = {name: None if name in _NUMBERS else "" for name in NAMES}
    found["connector_id"] = asked.get("evseId", asked.get("connectorId"))
    if action == "StatusNotification":
        found["status"] = asked.get("status") or asked["connectorStatus"]
        found["error_code"] = asked.get("errorCode", "")
    if action == "DataTransfer":
        found["vendor_id"] = asked["vendorId"]
    found["id_tag"] = asked.get("idTag") or asked.get("idToken", {}).get("idToken", "")
    found["transaction_id"] = _transaction(action, asked, told)
    found["meter_stop"] = asked.get("meterStop")
    found["reason"] = asked.get("reason", "") if action == "StopTransaction" else ""
    found["id_tag_info_status"] = told.get("idTagInfo", told.get("idTokenInfo", {})).get("status", "")
    for entry in asked.get("meterValue", []):
        for sample in entry["sampledValue"]:
            found[f"current_import_{sample['phase'].lower()}"] = float(sample["value"])
    return tuple(found.values())


def _transaction(action: str, asked: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    known = told if action == "StartTransaction" else asked.get("transactionInfo", asked)
    return str(known.get("transactionId", ""))


def _read(payload: str) -> dict[str, Any]:
    found = json.loads(payload) if payload else {}
    return found if isinstance(found, dict) else {}
