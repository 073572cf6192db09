"""Which command goes to which charger when. Pure and seeded: the same seed gives the same plan."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain


class Command(StrEnum):
    """What the plan sends; the value is the OCPP 1.6 action, with what tells two uses of one action apart."""

    REMOTE_START = "RemoteStartTransaction"
    REMOTE_STOP = "RemoteStopTransaction"
    INOPERATIVE = "ChangeAvailability Inoperative"
    OPERATIVE = "ChangeAvailability Operative"
    SOFT_RESET = "Reset Soft"
    UPDATE_FIRMWARE = "UpdateFirmware"
    TRIGGER_HEARTBEAT = "TriggerMessage Heartbeat"
    TRIGGER_STATUS = "TriggerMessage StatusNotification"
    GET_CONFIGURATION = "GetConfiguration"
    CHANGE_CONFIGURATION = "ChangeConfiguration"
    UNLOCK_CONNECTOR = "UnlockConnector"


@dataclass(frozen=True)
class Step:
    """`delay_s` after the step before, or after the first BootNotification."""

    delay_s: float
    command: Command


Steps = Iterator[Step]
Plans = Callable[[str], Steps]
"""The plan of a charger, by its id. Asked once per connection."""

_Weights = dict[Command, int]

# So that a visitor finds every kind of command in the log within about a minute, and so that the firmware campaign reaches
# the depot whose level is minimal, the first commands to these are fixed.
_OPENINGS: dict[str, tuple[Step, ...]] = {
    "LAB-01": (Step(6, Command.REMOTE_START), Step(50, Command.UPDATE_FIRMWARE)),
    "LAB-02": (Step(8, Command.INOPERATIVE), Step(20, Command.OPERATIVE), Step(15, Command.REMOTE_START)),
    "LAB-03": (Step(10, Command.GET_CONFIGURATION), Step(10, Command.CHANGE_CONFIGURATION), Step(10, Command.SOFT_RESET)),
    "LAB-04": (Step(7, Command.TRIGGER_HEARTBEAT), Step(12, Command.TRIGGER_STATUS)),
    "HARBOUR-01": (Step(8, Command.UPDATE_FIRMWARE),),
    "HARBOUR-02": (Step(45, Command.UPDATE_FIRMWARE),),
    "HARBOUR-03": (Step(100, Command.UPDATE_FIRMWARE),),
    "GARAGE-01": (Step(15, Command.REMOTE_START),),
    "GARAGE-02": (Step(25, Command.GET_CONFIGURATION),),
}

_DAILY: _Weights = {
    Command.REMOTE_START: 5,
    Command.REMOTE_STOP: 2,
    Command.TRIGGER_STATUS: 3,
    Command.TRIGGER_HEARTBEAT: 2,
    Command.GET_CONFIGURATION: 2,
    Command.CHANGE_CONFIGURATION: 2,
    Command.INOPERATIVE: 1,
    Command.SOFT_RESET: 1,
    Command.UPDATE_FIRMWARE: 1,
    Command.UNLOCK_CONNECTOR: 1,
}

# A charge point that is not of the demo's fleet is somebody's own. Nothing here changes what it does.
_COURTEOUS: _Weights = {
    Command.TRIGGER_HEARTBEAT: 2,
    Command.TRIGGER_STATUS: 2,
    Command.GET_CONFIGURATION: 1,
}

_DAILY_PAUSE_S = (40.0, 120.0)
_COURTEOUS_PAUSE_S = (60.0, 180.0)
_OUT_OF_ORDER_S = 25.0


def demo_plans(fleet: frozenset[str], seed: int) -> Plans:
    """Plans for the chargers of `fleet`, which go on where they were after a reboot; and courteous ones for all others."""
    known: dict[str, Steps] = {}

    def plan(charger_id: str) -> Steps:
        rng = random.Random(f"{seed}/{charger_id}")
        if charger_id not in fleet:
            return _drawn(rng, _COURTEOUS, _COURTEOUS_PAUSE_S)
        return known.setdefault(charger_id, fleet_steps(charger_id, rng))

    return plan


def fleet_steps(charger_id: str, rng: random.Random) -> Steps:
    """The opening of a fleet's charger, then commands at random without end."""
    return chain(_OPENINGS.get(charger_id, ()), _drawn(rng, _DAILY, _DAILY_PAUSE_S))


def _drawn(rng: random.Random, weights: _Weights, pause_s: tuple[float, float]) -> Steps:
    commands, odds = list(weights), list(weights.values())
    while True:
        command = rng.choices(commands, odds)[0]
        yield Step(rng.uniform(*pause_s), command)
        if command is Command.INOPERATIVE:
            # Whatever is taken out of service comes back, or the demo would fall silent one by one.
            yield Step(_OUT_OF_ORDER_S, Command.OPERATIVE)
