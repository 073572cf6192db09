"""What the load says: OCPP 1.6 as chargers send it, from 31 bytes (Heartbeat) to 912 (MeterValues of three phases)."""

from __future__ import annotations

import json
from typing import Any, Final

_AT: Final = "2026-03-01T12:00:00.000Z"


def _sample(value: str, measurand: str, unit: str, phase: str = "") -> dict[str, str]:
    found = {"value": value, "context": "Sample.Periodic", "measurand": measurand, "unit": unit}
    return {**found, "phase": phase} if phase else found


def _meter_values(samples: list[dict[str, str]]) -> dict[str, Any]:
    return {"connectorId": 1, "transactionId": 4356987, "meterValue": [{"timestamp": _AT, "sampledValue": samples}]}


_ENERGY: Final = _sample("1387299", "Energy.Active.Import.Register", "Wh")
_PHASES: Final = [
    *(_sample(f"231.{phase}", "Voltage", "V", f"L{phase}") for phase in (1, 2, 3)),
    *(_sample(f"15.{phase}", "Current.Import", "A", f"L{phase}") for phase in (1, 2, 3)),
    _sample("10432.5", "Power.Active.Import", "W"),
]
_STATUS: Final = {
    "connectorId": 1,
    "errorCode": "ConnectorLockFailure",
    "status": "Faulted",
    "timestamp": _AT,
    "info": "lock feedback missing",
    "vendorId": "Amperia GmbH",
    "vendorErrorCode": "1042",
}
_CALLS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("MeterValues", _meter_values([*_PHASES, _ENERGY])),
    ("MeterValues", _meter_values([_ENERGY, _PHASES[-1]])),
    ("StatusNotification", _STATUS),
    ("MeterValues", _meter_values([*_PHASES, _ENERGY])),
    ("Heartbeat", {}),
    ("MeterValues", _meter_values([*_PHASES[3:], _ENERGY])),
)

CALLS: Final = tuple(f",{json.dumps(action)},{json.dumps(payload, separators=(',', ':'))}]" for action, payload in _CALLS)
"""What follows the message id of a CALL; a charger sends them in turn."""
ANSWER: Final = f',{{"currentTime":"{_AT}"}}]'
"""What follows the message id of every CALLRESULT."""
