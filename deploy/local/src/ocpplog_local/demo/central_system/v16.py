"""The central system's end of an OCPP 1.6 connection: its answers.

What has no handler here, the package answers with the CALLERROR NotImplemented, or NotSupported where 1.6 lacks the action.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ocpp.v16 import call_result
from ocpp.v16.datatypes import IdTagInfo

from ocpplog_local.demo.central_system.commands import ChargerView
from ocpplog_local.demo.central_system.transactions import TransactionIds
from ocpplog_local.demo.library import LIBRARY_LOG, Peer16, Wire, on
from ocpplog_local.demo.stamps import Now, stamp
from ocpplog_local.demo.tags import authorization_status

HEARTBEAT_INTERVAL_S = 30
RESPONSE_TIMEOUT_S = 15


class CentralSystem16(Peer16):
    """`booted` is set by the first BootNotification, `view` follows what the charger tells."""

    def __init__(self, charger_id: str, wire: Wire, transactions: TransactionIds, now: Now) -> None:
        super().__init__(charger_id, wire, RESPONSE_TIMEOUT_S, LIBRARY_LOG)
        self.booted = asyncio.Event()
        self.view = ChargerView()
        self._transactions = transactions
        self._now = now

    @on("BootNotification")
    def on_boot_notification(self, charge_point_model: str, **_: Any) -> Any:
        self.view.model = charge_point_model
        self.booted.set()
        return call_result.BootNotification(self._time(), HEARTBEAT_INTERVAL_S, "Accepted")

    @on("Heartbeat")
    def on_heartbeat(self, **_: Any) -> Any:
        return call_result.Heartbeat(self._time())

    @on("Authorize")
    def on_authorize(self, id_tag: str, **_: Any) -> Any:
        return call_result.Authorize(_tag_info(id_tag))

    @on("StartTransaction")
    def on_start_transaction(self, connector_id: int, id_tag: str, **_: Any) -> Any:
        transaction_id = self._transactions.next()
        self.view.transactions[transaction_id] = connector_id
        return call_result.StartTransaction(transaction_id, _tag_info(id_tag))

    @on("StopTransaction")
    def on_stop_transaction(self, transaction_id: int, id_tag: str = "", **_: Any) -> Any:
        self.view.transactions.pop(transaction_id, None)
        return call_result.StopTransaction(_tag_info(id_tag) if id_tag else None)

    @on("StatusNotification")
    def on_status_notification(self, connector_id: int, status: str, **_: Any) -> Any:
        self.view.connectors[connector_id] = status
        return call_result.StatusNotification()

    # Real meters send numbers for strings and phases that the schema does not know. That is no reason to refuse them.
    @on("MeterValues", skip_schema_validation=True)
    def on_meter_values(self, **_: Any) -> Any:
        return call_result.MeterValues()

    @on("DataTransfer")
    def on_data_transfer(self, **_: Any) -> Any:
        return call_result.DataTransfer("Accepted")

    @on("FirmwareStatusNotification")
    def on_firmware_status_notification(self, **_: Any) -> Any:
        return call_result.FirmwareStatusNotification()

    @on("DiagnosticsStatusNotification")
    def on_diagnostics_status_notification(self, **_: Any) -> Any:
        return call_result.DiagnosticsStatusNotification()

    def _time(self) -> str:
        return stamp(self._now(), milliseconds=True)


def _tag_info(tag: str) -> Any:
    return IdTagInfo(status=authorization_status(tag))
