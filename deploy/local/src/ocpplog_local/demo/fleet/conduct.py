"""What a charger of the fleet does about commands."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Coroutine
from typing import Any

from ocpp.v16 import call_result

from ocpplog_local.demo.fleet.connector import Connector
from ocpplog_local.demo.fleet.state import ChargerState
from ocpplog_local.demo.fleet.tempo import draw
from ocpplog_local.demo.scripted import ScriptedChargePoint
from ocpplog_local.demo.station import Conduct, FollowUp, Reply

_VERSION = re.compile(r"_(\d[\w.]*?)\.bin$")
_STOPPING_S = 3.0

_Task = Callable[[ScriptedChargePoint], Coroutine[Any, Any, None]]


class FleetConduct(Conduct):
    """Answers out of the charger's state. `point` is set once the connection stands."""

    def __init__(self, state: ChargerState) -> None:
        self._state = state
        self.point: ScriptedChargePoint | None = None

    def remote_start(self, id_tag: str, connector_id: int | None) -> Reply:
        connector = next((plug for plug in self._plugs(connector_id) if plug.free), None)
        if connector is None:
            return Reply(call_result.RemoteStartTransaction("Rejected"))
        connector.call(id_tag)
        return Reply(call_result.RemoteStartTransaction("Accepted"))

    def remote_stop(self, transaction_id: int) -> Reply:
        connector = self._state.charging(transaction_id)
        accepted = connector is not None and connector.ask_to_stop("Remote")
        return Reply(call_result.RemoteStopTransaction("Accepted" if accepted else "Rejected"))

    def change_availability(self, connector_id: int, kind: str) -> Reply:
        connectors = self._plugs(connector_id or None)
        if not connectors:
            return Reply(call_result.ChangeAvailability("Rejected"))
        busy = any(connector.session for connector in connectors)
        answer = call_result.ChangeAvailability("Scheduled" if busy and kind == "Inoperative" else "Accepted")

        async def change(point: ScriptedChargePoint) -> None:
            for connector in connectors:
                await connector.set_operative(kind == "Operative", point)

        return Reply(answer, self._then(change))

    def reset(self, kind: str) -> Reply:
        async def reset(point: ScriptedChargePoint) -> None:
            await self._stop_sessions(f"{kind}Reset")
            self._state.reboot.set()

        return Reply(call_result.Reset("Accepted"), self._then(reset))

    def update_firmware(self, location: str) -> Reply:
        if self._state.updating:
            return Reply(call_result.UpdateFirmware())

        async def update(point: ScriptedChargePoint) -> None:
            self._state.updating = True
            try:
                await self._update(location, point)
            finally:
                self._state.updating = False

        return Reply(call_result.UpdateFirmware(), self._then(update))

    def trigger_message(self, requested: str, connector_id: int | None) -> Reply:
        messages: dict[str, _Task] = {
            "BootNotification": lambda point: self._boot(point),
            "Heartbeat": lambda point: self._heartbeat(point),
            "FirmwareStatusNotification": lambda point: point.firmware_status("Idle"),
            "DiagnosticsStatusNotification": lambda point: point.diagnostics_status("Idle"),
            "StatusNotification": lambda point: self._report(connector_id, point),
            "MeterValues": lambda point: self._report_meters(connector_id, point),
        }
        task = messages.get(requested)
        if task is None:
            return Reply(call_result.TriggerMessage("NotImplemented"))
        return Reply(call_result.TriggerMessage("Accepted"), self._then(task))

    def get_configuration(self, keys: list[str]) -> Reply:
        known, unknown = self._state.configuration.read(keys)
        return Reply(call_result.GetConfiguration(configuration_key=known, unknown_key=unknown or None))

    def change_configuration(self, key: str, value: str) -> Reply:
        return Reply(call_result.ChangeConfiguration(self._state.configuration.change(key, value)))

    def unlock_connector(self, connector_id: int) -> Reply:
        connectors = self._plugs(connector_id)
        if not connectors:
            return Reply(call_result.UnlockConnector("NotSupported"))
        connectors[0].ask_to_stop("UnlockCommand")
        return Reply(call_result.UnlockConnector("Unlocked"))

    def get_diagnostics(self, location: str) -> Reply:
        async def upload(point: ScriptedChargePoint) -> None:
            for status in ("Uploading", "Uploaded"):
                await self._phase()
                await point.diagnostics_status(status)

        name = f"{self._state.demo.charger_id}-diagnostics.zip"
        return Reply(call_result.GetDiagnostics(file_name=name), self._then(upload))

    def _then(self, task: _Task) -> FollowUp:
        async def follow_up() -> None:
            if self.point is not None:
                await task(self.point)

        return follow_up

    def _plugs(self, connector_id: int | None) -> list[Connector]:
        connectors = self._state.connectors
        return [plug for plug in connectors if connector_id is None or plug.number == connector_id]

    async def _update(self, location: str, point: ScriptedChargePoint) -> None:
        fails = self._state.rng.random() < self._state.tempo.firmware_fails
        for status in ("Downloading", "Downloaded", "Installing", "InstallationFailed" if fails else "Installed"):
            await self._phase()
            await point.firmware_status(status)
        found = _VERSION.search(location)
        if not fails:
            self._state.firmware = found[1] if found else self._state.firmware
            await self._stop_sessions("Reboot")
            self._state.reboot.set()

    async def _stop_sessions(self, reason: str) -> None:
        """Give sessions a moment to end in good order."""
        asked = [connector for connector in self._state.connectors if connector.ask_to_stop(reason)]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOPPING_S):
                await asyncio.gather(*(connector.ended.wait() for connector in asked))

    async def _boot(self, point: ScriptedChargePoint) -> None:
        await point.boot(self._state.firmware)

    async def _heartbeat(self, point: ScriptedChargePoint) -> None:
        await point.heartbeat()

    async def _report(self, connector_id: int | None, point: ScriptedChargePoint) -> None:
        for connector in self._plugs(connector_id or None):
            await connector.report(point)

    async def _report_meters(self, connector_id: int | None, point: ScriptedChargePoint) -> None:
        for connector in self._plugs(connector_id):
            await connector.report_meter(point)

    async def _phase(self) -> None:
        await asyncio.sleep(draw(self._state.rng, self._state.tempo.firmware_phase))
