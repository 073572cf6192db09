"""Meter values in the three shapes that makers send. Pure: a reading in, sampled values of OCPP 1.6 out."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

SampledValue = dict[str, str]

_VOLTS = 230.0


class MeterStyle(StrEnum):
    THREE_PHASE = "three_phase"
    """Voltage, current and power (W) for each phase; the state of charge too where the charger knows it."""
    ONE_PHASE = "one_phase"
    """L1 alone, power in kW."""
    NO_PHASE = "no_phase"
    """No sample names a phase; power in kW."""


@dataclass(frozen=True)
class Reading:
    """What the meter shows at a moment (`at`; None: when it is sent).

    `power_w` is the total over the phases; `soc` in percent, None where unknown (AC).
    """

    energy_wh: float
    power_w: float = 0.0
    volts: tuple[float, float, float] = (_VOLTS, _VOLTS, _VOLTS)
    soc: float | None = None
    at: datetime | None = None


def sampled_values(style: MeterStyle, reading: Reading) -> list[SampledValue]:
    """`sampledValue` of a MeterValues request, keys in the `ocpp` package's spelling."""
    return list(_SHAPES[style](reading))


def wander(reading: Reading, rng: random.Random) -> Reading:
    """The same reading with voltages that move a little, as the grid does."""
    first, second, third = (round(rng.gauss(_VOLTS, 1.5), 1) for _ in range(3))
    return replace(reading, volts=(first, second, third))


def _three_phase(reading: Reading) -> Iterator[SampledValue]:
    share = reading.power_w / 3
    for phase, volts in zip(("L1", "L2", "L3"), reading.volts, strict=True):
        yield _sample("Voltage", f"{volts:.1f}", "V", f"{phase}-N")
        yield _sample("Current.Import", f"{share / volts:.2f}", "A", phase)
        yield _sample("Power.Active.Import", f"{share:.0f}", "W", phase)
    yield _energy_wh(reading)
    if reading.soc is not None:
        yield _sample("SoC", f"{reading.soc:.0f}", "Percent") | {"location": "EV"}


def _one_phase(reading: Reading) -> Iterator[SampledValue]:
    volts = reading.volts[0]
    yield _sample("Voltage", f"{volts:.1f}", "V", "L1")
    yield _sample("Current.Import", f"{reading.power_w / volts:.1f}", "A", "L1")
    yield _sample("Power.Active.Import", f"{reading.power_w / 1000:.3f}", "kW", "L1")
    yield _sample("Energy.Active.Import.Register", f"{reading.energy_wh / 1000:.3f}", "kWh")


def _no_phase(reading: Reading) -> Iterator[SampledValue]:
    volts = reading.volts[0]
    yield _sample("Current.Import", f"{reading.power_w / volts:.1f}", "A")
    yield _sample("Power.Active.Import", f"{reading.power_w / 1000:.2f}", "kW")
    yield _sample("Voltage", f"{volts:.0f}", "V")
    yield _energy_wh(reading)


def _energy_wh(reading: Reading) -> SampledValue:
    return _sample("Energy.Active.Import.Register", f"{reading.energy_wh:.0f}", "Wh")


def _sample(measurand: str, value: str, unit: str, phase: str = "") -> SampledValue:
    sample = {"value": value, "context": "Sample.Periodic", "measurand": measurand, "unit": unit}
    return sample | {"phase": phase} if phase else sample


_SHAPES = {MeterStyle.THREE_PHASE: _three_phase, MeterStyle.ONE_PHASE: _one_phase, MeterStyle.NO_PHASE: _no_phase}
