"""The central system's end of an OCPP 2.0.1 or 2.1 connection. The two spell the payloads used here alike."""

from __future__ import annotations

from typing import Any

from ocpplog_local.demo.central_system.v16 import HEARTBEAT_INTERVAL_S, RESPONSE_TIMEOUT_S
from ocpplog_local.demo.library import LIBRARY_LOG, Peer21, Peer201, Wire, on
from ocpplog_local.demo.stamps import Now, stamp
from ocpplog_local.demo.tags import authorization_status

_Json = dict[str, Any]


class _Answers:
    """The handlers. `_call_result` is the module of the protocol version, from the class that this is mixed into."""

    _call_result: Any
    _now: Now

    @on("BootNotification")
    def on_boot_notification(self, **_: Any) -> Any:
        return self._call_result.BootNotification(self._time(), HEARTBEAT_INTERVAL_S, "Accepted")

    @on("Heartbeat")
    def on_heartbeat(self, **_: Any) -> Any:
        return self._call_result.Heartbeat(self._time())

    @on("Authorize")
    def on_authorize(self, id_token: _Json, **_: Any) -> Any:
        return self._call_result.Authorize(id_token_info=_token_info(id_token))

    @on("TransactionEvent", skip_schema_validation=True)
    def on_transaction_event(self, id_token: _Json | None = None, **_: Any) -> Any:
        return self._call_result.TransactionEvent(id_token_info=_token_info(id_token) if id_token else None)

    @on("StatusNotification")
    def on_status_notification(self, **_: Any) -> Any:
        return self._call_result.StatusNotification()

    @on("MeterValues", skip_schema_validation=True)
    def on_meter_values(self, **_: Any) -> Any:
        return self._call_result.MeterValues()

    @on("NotifyReport")
    def on_notify_report(self, **_: Any) -> Any:
        return self._call_result.NotifyReport()

    @on("NotifyEvent")
    def on_notify_event(self, **_: Any) -> Any:
        return self._call_result.NotifyEvent()

    @on("SecurityEventNotification")
    def on_security_event_notification(self, **_: Any) -> Any:
        return self._call_result.SecurityEventNotification()

    @on("LogStatusNotification")
    def on_log_status_notification(self, **_: Any) -> Any:
        return self._call_result.LogStatusNotification()

    @on("FirmwareStatusNotification")
    def on_firmware_status_notification(self, **_: Any) -> Any:
        return self._call_result.FirmwareStatusNotification()

    @on("DataTransfer")
    def on_data_transfer(self, **_: Any) -> Any:
        return self._call_result.DataTransfer(status="Accepted")

    def _time(self) -> str:
        return stamp(self._now(), milliseconds=True)


class CentralSystem201(_Answers, Peer201):
    def __init__(self, charger_id: str, wire: Wire, now: Now) -> None:
        super().__init__(charger_id, wire, RESPONSE_TIMEOUT_S, LIBRARY_LOG)
        self._now = now


class CentralSystem21(_Answers, Peer21):
    def __init__(self, charger_id: str, wire: Wire, now: Now) -> None:
        super().__init__(charger_id, wire, RESPONSE_TIMEOUT_S, LIBRARY_LOG)
        self._now = now


def _token_info(token: _Json) -> _Json:
    status = authorization_status(str(token.get("id_token", "")))
    return {"status": status}
