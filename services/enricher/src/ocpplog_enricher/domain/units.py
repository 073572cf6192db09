"""Units of measure: what a reading is in V, A, W, Wh, var, varh, VA, VAh, Hz, degrees Celsius, percent, ...

OCPP 1.6 section 7 (UnitOfMeasure), OCPP 2.0.1 part 2, appendices (standardised units). A unit is known in any case: chargers
write KW and kwh.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from ocpplog_enricher.domain.violations import short


class _Unit(NamedTuple):
    dimension: str
    """Named by its SI unit."""
    factor: float = 1.0
    offset: float = 0.0


class Scale(NamedTuple):
    """From a reading to the SI unit: times `factor`, plus `offset`."""

    factor: float
    offset: float


_PREFIXED: Final = {
    "W": {"k": 1e3, "m": 1e6},
    "Wh": {"k": 1e3, "m": 1e6},
    "var": {"k": 1e3},
    "varh": {"k": 1e3},
    "VA": {"k": 1e3},
    "VAh": {"k": 1e3},
    "V": {"k": 1e3, "m": 1e-3},
    "A": {"k": 1e3, "m": 1e-3},
}
"""MW and mW cannot be told apart once the case is wrong: chargers mean mega. Of volts and amperes they mean milli."""
_OTHERS: Final = {
    "hz": _Unit("Hz"),
    "hertz": _Unit("Hz"),
    "celsius": _Unit("°C"),
    # So spelled in the 1.6 schemas of 2015, and in chargers ever since.
    "celcius": _Unit("°C"),
    "°c": _Unit("°C"),
    "fahrenheit": _Unit("°C", 1 / 1.8, -32 / 1.8),
    "k": _Unit("°C", 1.0, -273.15),
    "percent": _Unit("%"),
    "%": _Unit("%"),
    "rpm": _Unit("rpm"),
    "s": _Unit("s"),
}


def _spellings() -> Iterator[tuple[str, _Unit]]:
    for base, prefixes in _PREFIXED.items():
        yield base.lower(), _Unit(base)
        for prefix, factor in prefixes.items():
            yield prefix + base.lower(), _Unit(base, factor)


_UNITS: Final = dict(_spellings()) | _OTHERS
_DIMENSIONS: Final = (
    ("energy.reactive.", "varh"),
    ("energy.apparent.", "VAh"),
    ("energy", "Wh"),
    ("power.reactive.", "var"),
    ("power.factor", ""),
    ("power.", "W"),
    ("current.", "A"),
    ("voltage", "V"),
    ("frequency", "Hz"),
    ("temperature", "°C"),
    ("soc", "%"),
    ("rpm", "rpm"),
    ("display.batteryenergycapacity", "Wh"),
    ("display.remainingtime", "s"),
    ("display.charging", ""),
    ("display.inlethot", ""),
    ("display.", "%"),
)
"""How a measurand begins, in lower case -> its dimension; the first that fits. Those of OCPP 1.6, 2.0.1 and 2.1."""


def to_si(value: float, measurand: str, unit: str, exponent: int = 0) -> float | None:
    """`value` times 10 to the `exponent`, in the SI unit of the measurand. `unit` is as reported; where there is none it is the
    measurand's own: the standard names Wh for energies, and V, A, W are what everybody means.

    None where a vendor's own measurand comes with no unit that is known. Raises ValueError that says why for a unit of something
    else: a power in Wh was not measured, and no factor makes it true.
    """
    fits, found = _known(measurand, unit)
    if not fits:
        raise ValueError(f"{short(unit)} is not a unit of {measurand}")
    if found is None:
        return None
    si = value * 10.0**exponent * found.factor + found.offset
    if not math.isfinite(si):
        raise ValueError(f"{value} {unit} is out of range")
    return si


def scale(measurand: str, unit: str) -> Scale | None:
    """None where `to_si` gives none, or raises, whatever the value."""
    fits, found = _known(measurand, unit)
    return Scale(found.factor, found.offset) if fits and found else None


@lru_cache(1000)
def _known(measurand: str, unit: str) -> tuple[bool, _Unit | None]:
    """Whether the unit goes with the measurand, and the unit. A charger sends the same pairs all day: they are looked up once."""
    expected = _dimension(measurand)
    if not unit.strip():
        return True, None if expected is None else _Unit(expected)
    found = _UNITS.get(unit.strip().lower())
    return expected is None or (found is not None and found.dimension == expected), found


def _dimension(measurand: str) -> str | None:
    """None for a measurand that no version of OCPP has."""
    name = measurand.lower()
    return next((dimension for start, dimension in _DIMENSIONS if name.startswith(start)), None)
