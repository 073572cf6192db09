"""From a planned command to the OCPP 1.6 request, given what the central system knows of the charger."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ocpp.v16 import call

from ocpplog_local.demo.central_system.plan import Command
from ocpplog_local.demo.stamps import stamp
from ocpplog_local.demo.tags import REMOTE_TAG


@dataclass
class ChargerView:
    """What a charger has told: its model, the status of each connector, its open transactions (id to connector)."""

    model: str = ""
    connectors: dict[int, str] = field(default_factory=dict)
    transactions: dict[int, int] = field(default_factory=dict)

    def plugs(self) -> list[int]:
        return sorted(connector for connector in self.connectors if connector > 0) or [1]

    def free_plugs(self) -> list[int]:
        return [plug for plug in self.plugs() if self.connectors.get(plug, "Available") == "Available"]


@dataclass(frozen=True)
class Circumstances:
    """What a request is built from."""

    charger: ChargerView
    rng: random.Random
    now: datetime


def build(command: Command, given: Circumstances) -> Any | None:
    """The request as the package's dataclass; None when there is nothing to send, as no connector is free."""
    return _BUILDERS[command](given)


def _remote_start(given: Circumstances) -> Any | None:
    free = given.charger.free_plugs()
    return call.RemoteStartTransaction(id_tag=REMOTE_TAG, connector_id=given.rng.choice(free)) if free else None


def _remote_stop(given: Circumstances) -> Any | None:
    running = sorted(given.charger.transactions)
    return call.RemoteStopTransaction(transaction_id=given.rng.choice(running)) if running else None


def _availability(kind: str) -> Callable[[Circumstances], Any]:
    # Always the first plug, so that what was put out of service is what comes back.
    return lambda given: call.ChangeAvailability(connector_id=given.charger.plugs()[0], type=kind)


def _update_firmware(given: Circumstances) -> Any:
    version = f"{given.rng.randint(5, 7)}.{given.rng.randint(0, 9)}.{given.rng.randint(0, 30)}"
    name = given.charger.model.replace(" ", "-") or "charger"
    return call.UpdateFirmware(location=f"https://firmware.example/{name}_{version}.bin", retrieve_date=stamp(given.now))


def _trigger_status(given: Circumstances) -> Any:
    return call.TriggerMessage(requested_message="StatusNotification", connector_id=given.rng.choice(given.charger.plugs()))


def _change_configuration(given: Circumstances) -> Any:
    return call.ChangeConfiguration(key="MeterValueSampleInterval", value=str(given.rng.choice((5, 8, 10))))


_BUILDERS: dict[Command, Callable[[Circumstances], Any | None]] = {
    Command.REMOTE_START: _remote_start,
    Command.REMOTE_STOP: _remote_stop,
    Command.INOPERATIVE: _availability("Inoperative"),
    Command.OPERATIVE: _availability("Operative"),
    Command.SOFT_RESET: lambda given: call.Reset(type="Soft"),
    Command.UPDATE_FIRMWARE: _update_firmware,
    Command.TRIGGER_HEARTBEAT: lambda given: call.TriggerMessage(requested_message="Heartbeat"),
    Command.TRIGGER_STATUS: _trigger_status,
    Command.GET_CONFIGURATION: lambda given: call.GetConfiguration(),
    Command.CHANGE_CONFIGURATION: _change_configuration,
    Command.UNLOCK_CONNECTOR: lambda given: call.UnlockConnector(connector_id=given.rng.choice(given.charger.plugs())),
}
