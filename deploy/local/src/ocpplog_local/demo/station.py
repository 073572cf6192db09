"""A charge point's end of an OCPP 1.6 connection: takes the central system's commands to a `Conduct`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from ocpp.v16 import call_result

from ocpplog_local.demo.errors import DemoError
from ocpplog_local.demo.library import LIBRARY_LOG, Peer16, Wire, log, on

FollowUp = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Reply:
    """The answer to a command, and what the charge point does once the answer is on its way."""

    payload: Any
    then: FollowUp | None = None


class Conduct:
    """What a charge point says to commands. This one says yes to everything and does nothing about it."""

    def remote_start(self, id_tag: str, connector_id: int | None) -> Reply:
        return Reply(call_result.RemoteStartTransaction("Accepted"))

    def remote_stop(self, transaction_id: int) -> Reply:
        return Reply(call_result.RemoteStopTransaction("Accepted"))

    def change_availability(self, connector_id: int, kind: str) -> Reply:
        return Reply(call_result.ChangeAvailability("Accepted"))

    def reset(self, kind: str) -> Reply:
        return Reply(call_result.Reset("Accepted"))

    def update_firmware(self, location: str) -> Reply:
        return Reply(call_result.UpdateFirmware())

    def trigger_message(self, requested: str, connector_id: int | None) -> Reply:
        return Reply(call_result.TriggerMessage("Accepted"))

    def get_configuration(self, keys: list[str]) -> Reply:
        return Reply(call_result.GetConfiguration(configuration_key=[], unknown_key=keys))

    def change_configuration(self, key: str, value: str) -> Reply:
        return Reply(call_result.ChangeConfiguration("Accepted"))

    def unlock_connector(self, connector_id: int) -> Reply:
        return Reply(call_result.UnlockConnector("Unlocked"))

    def get_diagnostics(self, location: str) -> Reply:
        return Reply(call_result.GetDiagnostics())

    def clear_cache(self) -> Reply:
        return Reply(call_result.ClearCache("Accepted"))

    def data_transfer(self, vendor_id: str) -> Reply:
        return Reply(call_result.DataTransfer("UnknownVendorId"))


class Station(Peer16):
    """Answers each command as the conduct says, then does what the conduct wants done."""

    def __init__(self, charger_id: str, wire: Wire, conduct: Conduct, response_timeout: float) -> None:
        super().__init__(charger_id, wire, response_timeout, LIBRARY_LOG)
        self._conduct = conduct
        self._then: FollowUp | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """End what commands set going."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _handle_call(self, message: Any) -> None:
        # A follow-up may send, and on the wire it must come after the answer to the command.
        self._then = None
        await super()._handle_call(message)
        if self._then is not None:
            self._spawn(self._then)

    def _spawn(self, then: FollowUp) -> None:
        task = asyncio.create_task(self._follow(then))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, then: FollowUp) -> None:
        try:
            await then()
        except DemoError as error:
            log.info("follow-up of a command failed", charger=self.id, error=str(error))

    def _give(self, reply: Reply) -> Any:
        self._then = reply.then
        return reply.payload

    @on("RemoteStartTransaction")
    def on_remote_start(self, id_tag: str, connector_id: int | None = None, **_: Any) -> Any:
        return self._give(self._conduct.remote_start(id_tag, connector_id))

    @on("RemoteStopTransaction")
    def on_remote_stop(self, transaction_id: int, **_: Any) -> Any:
        return self._give(self._conduct.remote_stop(transaction_id))

    @on("ChangeAvailability")
    def on_change_availability(self, connector_id: int, type: str, **_: Any) -> Any:
        return self._give(self._conduct.change_availability(connector_id, type))

    @on("Reset")
    def on_reset(self, type: str, **_: Any) -> Any:
        return self._give(self._conduct.reset(type))

    @on("UpdateFirmware")
    def on_update_firmware(self, location: str, **_: Any) -> Any:
        return self._give(self._conduct.update_firmware(location))

    @on("TriggerMessage")
    def on_trigger_message(self, requested_message: str, connector_id: int | None = None, **_: Any) -> Any:
        return self._give(self._conduct.trigger_message(requested_message, connector_id))

    @on("GetConfiguration")
    def on_get_configuration(self, key: list[str] | None = None, **_: Any) -> Any:
        return self._give(self._conduct.get_configuration(key or []))

    @on("ChangeConfiguration")
    def on_change_configuration(self, key: str, value: str, **_: Any) -> Any:
        return self._give(self._conduct.change_configuration(key, value))

    @on("UnlockConnector")
    def on_unlock_connector(self, connector_id: int, **_: Any) -> Any:
        return self._give(self._conduct.unlock_connector(connector_id))

    @on("GetDiagnostics")
    def on_get_diagnostics(self, location: str, **_: Any) -> Any:
        return self._give(self._conduct.get_diagnostics(location))

    @on("ClearCache")
    def on_clear_cache(self, **_: Any) -> Any:
        return self._give(self._conduct.clear_cache())

    @on("DataTransfer")
    def on_vendor_data(self, vendor_id: str, **_: Any) -> Any:
        return self._give(self._conduct.data_transfer(vendor_id))
