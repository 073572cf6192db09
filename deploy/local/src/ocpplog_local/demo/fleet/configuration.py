"""The configuration keys of a charge point (OCPP 1.6 section 9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ocpp.v16.datatypes import KeyValue

_METER_INTERVAL = "MeterValueSampleInterval"
_READ_ONLY = frozenset({"NumberOfConnectors", "SupportedFeatureProfiles"})
_AFTER_REBOOT = frozenset({"WebSocketPingInterval"})


class Configuration:
    """`on_meter_interval` is told the new interval, in seconds."""

    def __init__(self, connectors: int, on_meter_interval: Callable[[float], None]) -> None:
        self._on_meter_interval = on_meter_interval
        self._values = {
            "AuthorizeRemoteTxRequests": "false",
            "ConnectionTimeOut": "60",
            "HeartbeatInterval": "30",
            "LocalPreAuthorize": "false",
            _METER_INTERVAL: "8",
            "NumberOfConnectors": str(connectors),
            "StopTransactionOnInvalidId": "true",
            "SupportedFeatureProfiles": "Core,FirmwareManagement,RemoteTrigger",
            "WebSocketPingInterval": "20",
        }

    def read(self, keys: list[str]) -> tuple[list[Any], list[str]]:
        """The known ones of `keys` (all there are, when empty) as the package's KeyValue, and the unknown ones."""
        known = [key for key in keys if key in self._values] if keys else list(self._values)
        entries = [KeyValue(key=key, readonly=key in _READ_ONLY, value=self._values[key]) for key in known]
        return entries, [key for key in keys if key not in self._values]

    def change(self, key: str, value: str) -> str:
        """Returns the `ConfigurationStatus`."""
        if key not in self._values:
            return "NotSupported"
        if key in _READ_ONLY or (key == _METER_INTERVAL and not _plausible_interval(value)):
            return "Rejected"
        self._values[key] = value
        if key == _METER_INTERVAL:
            self._on_meter_interval(float(value))
        return "RebootRequired" if key in _AFTER_REBOOT else "Accepted"


def _plausible_interval(value: str) -> bool:
    # Below that, the whole fleet would send more than a laptop's demo should.
    return value.isdecimal() and 5 <= int(value) <= 900
