"""One car at one plug: what it draws and what the meter shows. Pure: the caller says how much time has passed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime

from ocpplog_local.demo.meter import Reading, wander

_DC_START_SOC = (15.0, 60.0)
_DC_SOC_PER_SECOND = 0.25
"""Faster than life, so that the rise shows within a short session."""


@dataclass
class Session:
    """`tag` began it; `ends_after_s` is when the car is full or the driver back."""

    transaction_id: int
    tag: str
    power_w: float
    ends_after_s: float
    suspends_after_s: float
    meter_start_wh: float
    soc: float | None = None
    elapsed_s: float = 0.0
    energy_wh: float = 0.0
    readings: list[Reading] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return self.elapsed_s >= self.ends_after_s

    @property
    def suspended(self) -> bool:
        return self.elapsed_s >= self.suspends_after_s

    @property
    def meter_wh(self) -> float:
        return self.meter_start_wh + self.energy_wh

    def advance(self, seconds: float, now: datetime, rng: random.Random) -> Reading:
        """Let time pass, until `now`, and read the meter."""
        self.elapsed_s += seconds
        drawn = 0.0 if self.suspended else self.power_w * rng.uniform(0.94, 1.0)
        self.energy_wh += drawn * seconds / 3600
        if self.soc is not None and drawn:
            self.soc = min(100.0, self.soc + seconds * _DC_SOC_PER_SECOND)
        reading = wander(Reading(self.meter_wh, drawn, soc=self.soc, at=now), rng)
        self.readings.append(reading)
        return reading


def first_soc(rng: random.Random) -> float:
    return rng.uniform(*_DC_START_SOC)
