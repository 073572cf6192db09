"""What of a charger outlives its connections."""

from __future__ import annotations

import asyncio
import random

from ocpplog_local.demo.data import DemoCharger
from ocpplog_local.demo.fleet.configuration import Configuration
from ocpplog_local.demo.fleet.connector import Connector
from ocpplog_local.demo.fleet.tempo import Tempo


class ChargerState:
    """`reboot` is set when a command wants the charger to start anew."""

    def __init__(self, demo: DemoCharger, tempo: Tempo, rng: random.Random) -> None:
        self.demo = demo
        self.tempo = tempo
        self.rng = rng
        self.firmware = demo.profile.firmware
        self.updating = False
        self.reboot = asyncio.Event()
        self.connectors = [Connector(number, demo.profile, tempo, rng) for number in range(1, demo.connectors + 1)]
        self.configuration = Configuration(demo.connectors, self._set_meter_interval)

    def charging(self, transaction_id: int) -> Connector | None:
        """The connector with that transaction."""
        matches = (c for c in self.connectors if c.session is not None and c.session.transaction_id == transaction_id)
        return next(matches, None)

    def _set_meter_interval(self, seconds: float) -> None:
        for connector in self.connectors:
            connector.meter_interval = (seconds, seconds)
