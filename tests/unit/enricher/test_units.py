"""Units as chargers write them, and what a reading is in SI."""

from __future__ import annotations

import pytest

from ocpplog_enricher.domain.units import to_si

POWER = "Power.Active.Import"
ENERGY = "Energy.Active.Import.Register"


@pytest.mark.parametrize(
    ("value", "measurand", "unit", "si"),
    [
        (1.5, POWER, "W", 1.5),
        (1.5, POWER, "kW", 1500.0),
        (1.5, POWER, "KW", 1500.0),
        (1.5, POWER, " kw ", 1500.0),
        (1.5, POWER, "MW", 1_500_000.0),
        (1.5, POWER, "", 1.5),
        (2.0, ENERGY, "Wh", 2.0),
        (2.0, ENERGY, "kwh", 2000.0),
        (2.0, ENERGY, "KWH", 2000.0),
        (2.0, ENERGY, "", 2.0),
        (2.0, "Energy.Active.Import.Interval", "kWh", 2000.0),
        (2.0, "Energy.Reactive.Import.Register", "kvarh", 2000.0),
        (2.0, "Energy.Apparent.Net", "kVAh", 2000.0),
        (3.0, "Power.Reactive.Export", "kvar", 3000.0),
        (3.0, "Power.Offered", "kW", 3000.0),
        (0.97, "Power.Factor", "", 0.97),
        (230.0, "Voltage", "V", 230.0),
        (0.4, "voltage", "kV", 400.0),
        (230.0, "Voltage", "", 230.0),
        (16.0, "Current.Import", "A", 16.0),
        (16000.0, "Current.Offered", "mA", 16.0),
        (50.0, "Frequency", "Hz", 50.0),
        (50.0, "Frequency", "Hertz", 50.0),
        (50.0, "Frequency", "", 50.0),
        (25.0, "Temperature", "Celsius", 25.0),
        (25.0, "Temperature", "Celcius", 25.0),
        (77.0, "Temperature", "Fahrenheit", 25.0),
        (298.15, "Temperature", "K", 25.0),
        (80.0, "SoC", "Percent", 80.0),
        (80.0, "SoC", "%", 80.0),
        (1200.0, "RPM", "", 1200.0),
        (80.0, "Display.PresentSOC", "Percent", 80.0),
        (60.0, "Display.RemainingTimeToTargetSOC", "s", 60.0),
        (9.0, "EnergyRequest.Target", "kWh", 9000.0),
        (5.0, "Acme.Pressure", "kW", 5000.0),
    ],
)
def test_converted(value: float, measurand: str, unit: str, si: float) -> None:
    assert to_si(value, measurand, unit) == pytest.approx(si)


@pytest.mark.parametrize(
    ("measurand", "unit"),
    [
        ("Power.Active.Export", "Wh"),
        (ENERGY, "kW"),
        (ENERGY, "varh"),
        (POWER, "var"),
        ("Voltage", "A"),
        ("Current.Import", "W"),
        ("SoC", "V"),
        ("Frequency", "Volts"),
        (POWER, "kilowatt"),
    ],
)
def test_a_unit_of_something_else_is_never_converted(measurand: str, unit: str) -> None:
    with pytest.raises(ValueError, match="is not a unit of"):
        to_si(1.0, measurand, unit)


@pytest.mark.parametrize("unit", ["", "bar"])
def test_a_vendors_own_measurand_in_no_known_unit_is_nothing_wrong(unit: str) -> None:
    assert to_si(1.0, "Acme.Pressure", unit) is None


def test_beyond_all_floats() -> None:
    with pytest.raises(ValueError, match="out of range"):
        to_si(1e308, ENERGY, "kWh")
    assert to_si(1e-308, ENERGY, "", -30) == 0.0
