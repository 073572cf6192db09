"""What a charger says of itself in BootNotification (OCPP 1.6 section 6.5; OCPP 2.0.1 part 2, BootNotificationRequest)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Make:
    """None: it did not say."""

    vendor: str | None = None
    model: str | None = None
    serial_number: str | None = None
    firmware: str | None = None


def make_of(request: str) -> Make:
    """Of a payload of either version; there are chargers that send one of 1.6 on a 2.0.1 connection."""
    sent = _parsed(request)
    station = sent.get("chargingStation")
    new = station if isinstance(station, dict) else {}
    return Make(
        vendor=_text(new.get("vendorName"), sent.get("chargePointVendor")),
        model=_text(new.get("model"), sent.get("chargePointModel")),
        serial_number=_text(new.get("serialNumber"), sent.get("chargePointSerialNumber"), sent.get("chargeBoxSerialNumber")),
        firmware=_text(new.get("firmwareVersion"), sent.get("firmwareVersion")),
    )


def reason_of(request: str) -> str | None:
    """Why it booted; 2.x only."""
    return _text(_parsed(request).get("reason"))


def _parsed(request: str) -> dict[str, Any]:
    try:
        found = json.loads(request)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(*values: object) -> str | None:
    """The first that says something."""
    texts = (str(value).strip() for value in values if isinstance(value, str | int | float) and not isinstance(value, bool))
    return next((text for text in texts if text), None)
