"""Unpacks meter values: every sample as it was reported, and the newest entry's values per phase.

Shapes: OCPP 1.6 section 7.33 (MeterValue) and 7.43 (SampledValue), OCPP 2.0.1 part 2, 2.25 and 2.41. Real chargers bend both:
what
cannot be read is noted as a violation and leaves its value empty.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ocpplog_enricher.domain import timestamps
from ocpplog_enricher.domain.violations import short

_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_PHASES: Final = ("L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1")
_LINES: Final = {"": "", "L1": "_l1", "L1-N": "_l1", "L2": "_l2", "L2-N": "_l2", "L3": "_l3", "L3-N": "_l3"}
"""Phase -> suffix of the column it fills. Line-to-line voltages and the neutral fill none."""
_GROUPS: Final = {"Voltage": "voltage", "Current.Import": "current_import", "Power.Active.Import": "power"}
"""Measurand -> column without its phase."""
DEFAULT_MEASURAND: Final = "Energy.Active.Import.Register"
_SI: Final = {"kw": 1e3, "kwh": 1e3, "kvar": 1e3, "kvarh": 1e3, "kva": 1e3, "mw": 1e6, "mwh": 1e6, "mv": 1e-3, "ma": 1e-3}
"""Lower-case unit -> factor. MW and mW cannot be told apart once the case is wrong; chargers mean mega. Others are 1."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sampled value. `value` is None where it is no number; `unit` is as reported; `value_si` in V, A, W, Wh, ..."""

    sampled_at: datetime | None
    measurand: str
    phase: str
    context: str
    location: str
    unit: str
    value: float | None
    value_si: float | None


@dataclass(frozen=True, slots=True)
class MeterValues:
    """`columns`: column of `ocpp_log` -> value or unit, of the newest entry."""

    samples: list[Sample]
    columns: dict[str, float | str]
    violations: list[str]


def unpack(entries: object, path: str) -> MeterValues:
    """Unpack a `meterValue` or `transactionData` list that stands at `path` in the payload. Never raises."""
    violations: list[str] = []
    unpacked = list(_entries(entries, path, violations))
    samples = [sample for _, found in unpacked for sample in found]
    return MeterValues(samples, _columns(_newest(unpacked)), violations)


def parse_number(value: object) -> float:
    """The number that `value` spells: a JSON number, or text as OCPP 1.6 sends it. Raises ValueError that says why not."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = _as_float(value)
    elif isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        number = float(value.strip())
    else:
        raise ValueError(f"{short(value)} is not a number")
    if not math.isfinite(number):
        raise ValueError(f"{short(value)} is out of range")
    return number


_Entry = tuple[datetime | None, list[Sample]]


def _entries(entries: object, path: str, violations: list[str]) -> Iterator[_Entry]:
    noted: set[str] = set()
    for number, entry in enumerate(_listed(entries, path, violations)):
        here = f"{path}[{number}]"
        if not isinstance(entry, dict):
            violations.append(f"{here}: expected an object, got {short(entry)}")
            continue
        moment = _moment(entry.get("timestamp"), f"{here}.timestamp", violations, noted)
        values = _listed(entry.get("sampledValue"), f"{here}.sampledValue", violations)
        samples = [_sample(moment, value, f"{here}.sampledValue[{i}]", violations) for i, value in enumerate(values)]
        yield moment, [sample for sample in samples if sample is not None]


def _sample(moment: datetime | None, value: object, path: str, violations: list[str]) -> Sample | None:
    if not isinstance(value, dict):
        violations.append(f"{path}: expected an object, got {short(value)}")
        return None
    measurand, phase = _measurand_and_phase(_text(value, "measurand"), _text(value, "phase"))
    unit, factor = _unit(value)
    number = _number(value, f"{path}.value", violations)
    return Sample(
        sampled_at=moment,
        measurand=measurand,
        phase=phase,
        context=_text(value, "context"),
        location=_text(value, "location"),
        unit=unit,
        value=number,
        value_si=None if number is None else number * factor,
    )


def _number(value: dict[str, Any], path: str, violations: list[str]) -> float | None:
    if _text(value, "format") == "SignedData":
        return None  # an opaque, signed text, and right to be one
    try:
        return parse_number(value.get("value"))
    except ValueError as error:
        violations.append(f"{path}: {error}")
        return None


def _measurand_and_phase(measurand: str, phase: str) -> tuple[str, str]:
    """Some chargers write the phase into the measurand: Voltage.L1-N."""
    if not phase:
        stem, _, last = measurand.rpartition(".")
        if stem and last in _PHASES:
            return stem, last
    return measurand or DEFAULT_MEASURAND, phase


def _unit(value: dict[str, Any]) -> tuple[str, float]:
    """The unit as reported, and the factor to SI. OCPP 2.x adds a power of ten (UnitOfMeasure.multiplier)."""
    reported = value.get("unitOfMeasure")
    measure = reported if isinstance(reported, dict) else value
    unit = _text(measure, "unit")
    multiplier = measure.get("multiplier") if measure is reported else 0
    power = multiplier if isinstance(multiplier, int) and -30 <= multiplier <= 30 else 0
    label = f"10^{power} {unit}".strip() if power else unit
    return label, _SI.get(unit.strip().lower(), 1.0) * 10.0**power


def _newest(entries: list[_Entry]) -> list[Sample]:
    """The samples of the newest entry by timestamp, the last one on a tie; one without a timestamp is older than any with."""
    best: tuple[bool, datetime | None] | None = None
    newest: list[Sample] = []
    for moment, samples in entries:
        if best is None or best[1] is None or (moment is not None and moment >= best[1]):
            best, newest = (True, moment), samples
    return newest


def _columns(samples: Iterable[Sample]) -> dict[str, float | str]:
    found: dict[str, float | str] = {}
    at_outlet: set[str] = set()
    units: dict[str, dict[str, None]] = {}
    for sample in samples:
        group, line = _GROUPS.get(sample.measurand), _LINES.get(sample.phase)
        if group is None or line is None or sample.value is None:
            continue
        column = group + line
        # The columns are the charger's output: the outlet's value (the default location) goes before the inlet's or the car's.
        outlet = sample.location in ("", "Outlet")
        if column in at_outlet and not outlet:
            continue
        if outlet:
            at_outlet.add(column)
        found[column] = sample.value
        units.setdefault(group, {})[sample.unit] = None
    return found | {f"{group}_unit": ",".join(filter(None, names)) for group, names in units.items()}


def _moment(value: object, path: str, violations: list[str], noted: set[str]) -> datetime | None:
    """What had to be supposed is said of the first entry alone: a charger writes all of them alike."""
    try:
        found = timestamps.read(value)
    except ValueError as error:
        violations.append(f"{path}: {error if value is not None else 'missing'}")
        return None
    if found.note and found.note not in noted:
        noted.add(found.note)
        violations.append(f"{path}: {found.note}")
    return found.at


def _listed(value: object, path: str, violations: list[str]) -> list[Any]:
    if isinstance(value, list):
        return value
    if value is not None:
        violations.append(f"{path}: expected a list, got {short(value)}")
    return []


def _text(value: dict[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""


def _as_float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf
