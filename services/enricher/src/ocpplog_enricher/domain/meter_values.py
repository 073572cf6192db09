"""Unpacks meter values: every sample as it was reported, and the newest entry's values per phase.

Shapes: OCPP 1.6 section 7.33 (MeterValue) and 7.43 (SampledValue), OCPP 2.0.1 part 2, 2.25 and 2.41. Real chargers bend both:
what cannot be read is noted as a violation and leaves its value empty. docs/fields.md has the rules.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from ocpplog_enricher.domain import reading, timestamps, units
from ocpplog_enricher.domain.reading import Reader
from ocpplog_enricher.domain.violations import cut, short

_PHASES: Final = ("L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1")
_LINES: Final = {"": "", "L1": "_l1", "L1-N": "_l1", "L2": "_l2", "L2-N": "_l2", "L3": "_l3", "L3-N": "_l3"}
"""Phase -> suffix of the column it fills. Line-to-line voltages and the neutral fill none."""
_GROUPS: Final = {"voltage": "voltage", "current.import": "current_import", "power.active.import": "power"}
"""Measurand, in lower case -> column without its phase."""
DEFAULT_MEASURAND: Final = "Energy.Active.Import.Register"
_LONGEST: Final = 100
"""Characters of a measurand, phase, unit, ...: the standard's have at most 50. The whole stays in the request."""
_EXPONENTS: Final = range(-30, 31)


class Sample(msgspec.Struct, frozen=True, gc=False):
    """One sampled value. `value` is None where it is no number; `unit` is as reported, with 10^n before it where 2.x gives a
    multiplier; `value_si` in V, A, W, Wh, ..., None where the unit does not tell. `signed`: it is, or carries, signed data."""

    sampled_at: datetime | None
    measurand: str
    phase: str
    context: str
    location: str
    unit: str
    value: float | None
    value_si: float | None
    signed: bool = False
    group: str = ""
    column: str = ""
    """The export's column that it fills where its entry is the newest; `group`: that without its phase. Both may be empty."""

    @property
    def preference(self) -> tuple[bool, bool]:
        """Of two samples of the same, the greater says it better: at the outlet (the standard's default location), which is what
        the vehicle gets; and of now, not of when the transaction or an interruption began. Of two alike, the later one."""
        return self.location.strip().lower() in ("", "outlet"), not self.context.strip().lower().endswith(".begin")


Entry = tuple[datetime | None, list[Sample]]
"""When it was sampled, and what."""


@dataclass(frozen=True, slots=True)
class MeterValues:
    """`columns`: column of `ocpp_log` -> value or unit, of the newest entry."""

    entries: list[Entry]
    columns: dict[str, float | str]
    violations: list[str]

    @property
    def samples(self) -> list[Sample]:
        return [sample for _, samples in self.entries for sample in samples]

    @property
    def meter_stop(self) -> float | None:
        """The energy register at the transaction's end, Wh, as 2.x sends it with the last TransactionEvent (OCPP 2.0.1 part 2,
        ReadingContextEnumType): a sample of context Transaction.End without a phase."""
        best: Sample | None = None
        for _, samples in sorted(self.entries, key=_by_time):
            for sample in samples:
                if _is_register_at_end(sample) and (best is None or sample.preference >= best.preference):
                    best = sample
        return best.value_si if best else None


def unpack(entries: object, path: str) -> MeterValues:
    """Unpack a `meterValue` or `transactionData` list that stands at `path` in the payload. Never raises."""
    violations: list[str] = []
    unpacked = list(_entries(entries, path, violations))
    return MeterValues(unpacked, _columns(_newest(unpacked)), violations)


def _entries(entries: object, path: str, violations: list[str]) -> Iterator[Entry]:
    noted: set[str] = set()
    for number, entry in enumerate(_listed(entries, path, violations)):
        here = f"{path}[{number}]"
        if not isinstance(entry, dict):
            violations.append(f"{here}: expected an object, got {short(entry)}")
            continue
        moment = _moment(entry.get("timestamp"), f"{here}.timestamp", violations, noted)
        values = _listed(entry.get("sampledValue"), f"{here}.sampledValue", violations)
        samples = []
        for i, value in enumerate(values):
            sample = _as_before(moment, value) or _sample(moment, value, f"{here}.sampledValue[{i}]", violations)
            if sample is not None:
                samples.append(sample)
        yield moment, samples


def _sample(moment: datetime | None, value: object, path: str, violations: list[str]) -> Sample | None:
    if not isinstance(value, dict):
        violations.append(f"{path}: expected an object, got {short(value)}")
        return None
    sampled = Reader(value, path, violations)
    measurand, phase = _measurand_and_phase(_text(sampled, "measurand").strip(), _text(sampled, "phase").strip())
    signed = _text(sampled, "format").strip().lower() == "signeddata"
    number = None if signed else _number(sampled)
    unit, value_si = _unit(sampled, number, measurand)
    group, column = _column(measurand, phase)
    found = Sample(
        sampled_at=moment,
        measurand=measurand,
        phase=phase,
        context=_text(sampled, "context"),
        location=_text(sampled, "location"),
        unit=unit,
        value=number,
        value_si=value_si,
        signed=signed or value.get("signedMeterValue") is not None,
        group=group,
        column=column,
    )
    _remember(value, found)
    return found


class _Kind(NamedTuple):
    """What a sample is, but for its number: read once of all that are described alike."""

    sample: Sample
    scale: units.Scale


_kinds: dict[tuple[object, ...], _Kind] = {}
_MOST_KINDS: Final = 2000
_DESCRIBED: Final = ("measurand", "phase", "context", "location", "format", "unit")
_NOT_AS_BEFORE: Final = frozenset({"unitOfMeasure", "multiplier", "signedMeterValue"})


def _as_before(moment: datetime | None, value: object) -> Sample | None:
    """The sample, where nothing is wrong with it and one described alike was read before: chargers send the same ones all day."""
    if not isinstance(value, dict):
        return None
    get = value.get
    try:
        kind = _kinds.get((get("measurand"), get("phase"), get("context"), get("location"), get("format"), get("unit")))
    except TypeError:
        return None
    if kind is None:
        return None
    try:
        number = reading.number(get("value"))
    except ValueError:
        return None
    value_si = number * kind.scale.factor + kind.scale.offset
    if not math.isfinite(value_si) or not _NOT_AS_BEFORE.isdisjoint(value):
        return None
    same = kind.sample
    described = (same.measurand, same.phase, same.context, same.location, same.unit)
    return Sample(moment, *described, number, value_si, False, same.group, same.column)


def _remember(value: dict[str, Any], sample: Sample) -> None:
    """What is all text, and made a number of its unit."""
    if len(_kinds) >= _MOST_KINDS or sample.value_si is None or not _NOT_AS_BEFORE.isdisjoint(value):
        return
    described = tuple(map(value.get, _DESCRIBED))
    scale = units.scale(sample.measurand, sample.unit)
    if scale and all(part is None or (isinstance(part, str) and len(part) <= _LONGEST) for part in described):
        _kinds[described] = _Kind(sample, scale)


def _number(sampled: Reader) -> float | None:
    try:
        return reading.number(sampled.value.get("value"))
    except ValueError as error:
        sampled.note("value", str(error))
        return None


def _measurand_and_phase(measurand: str, phase: str) -> tuple[str, str]:
    """Some chargers write the phase into the measurand: Voltage.L1-N."""
    stem, _, last = measurand.rpartition(".")
    if stem and last.upper() in _PHASES and phase.upper() in ("", last.upper()):
        return stem, phase or last
    return measurand or DEFAULT_MEASURAND, phase


def _unit(sampled: Reader, number: float | None, measurand: str) -> tuple[str, float | None]:
    """The unit as reported, and the value in SI. OCPP 2.x adds a power of ten (UnitOfMeasure.multiplier)."""
    measure = sampled if sampled.value.get("unitOfMeasure") is None else sampled.inner("unitOfMeasure")
    unit, exponent = _text(measure, "unit"), _exponent(measure)
    label = f"10^{exponent} {unit}".strip() if exponent else unit
    unreadable = measure is not sampled and measure.value is not sampled.value["unitOfMeasure"]
    if number is None or exponent is None or unreadable:
        return label, None
    try:
        return label, units.to_si(number, measurand, unit, exponent)
    except ValueError as error:
        measure.note("unit", str(error))
        return label, None


def _exponent(measure: Reader) -> int | None:
    """None where there is one that cannot be read: then nobody knows what the value is."""
    value = measure.value.get("multiplier")
    if value is None:
        return 0
    if isinstance(value, int | float) and not isinstance(value, bool) and value in _EXPONENTS:
        return int(value)
    measure.note("multiplier", f"{short(value)} is not an exponent from -30 to 30")
    return None


def _newest(entries: list[Entry]) -> list[Sample]:
    """The samples of the newest entry by timestamp, the last one on a tie; one without a timestamp is older than any with."""
    newest: Entry | None = None
    for entry in entries:
        if newest is None or newest[0] is None or (entry[0] is not None and entry[0] >= newest[0]):
            newest = entry
    return newest[1] if newest else []


@lru_cache(1000)
def _column(measurand: str, phase: str) -> tuple[str, str]:
    """The column without its phase, and the column; both empty where there is none."""
    group, line = _GROUPS.get(measurand.lower()), _LINES.get(phase.upper())
    return ("", "") if group is None or line is None else (group, group + line)


def _columns(samples: Iterable[Sample]) -> dict[str, float | str]:
    chosen: dict[str, Sample] = {}
    for sample in samples:
        column = sample.column
        if not column or sample.value is None:
            continue
        if column not in chosen or sample.preference >= chosen[column].preference:
            chosen[column] = sample
    found: dict[str, float | str] = {}
    units_of: dict[str, dict[str, None]] = {}
    for column in sorted(chosen):
        sample = chosen[column]
        if sample.value is not None:
            found[column] = sample.value
        units_of.setdefault(sample.group, {})[sample.unit] = None
    # Of the values that stand in the columns, in the order of the columns.
    for group, reported in units_of.items():
        found[f"{group}_unit"] = ",".join(filter(None, reported))
    return found


def _is_register_at_end(sample: Sample) -> bool:
    return (
        sample.value_si is not None
        and not sample.phase
        and sample.measurand.lower() == DEFAULT_MEASURAND.lower()
        and sample.context.strip().lower() == "transaction.end"
    )


def _by_time(entry: Entry) -> tuple[bool, float]:
    moment = entry[0]
    return moment is not None, moment.timestamp() if moment else 0.0


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


def _text(holder: Reader, name: str) -> str:
    """What is no text is shown as what it is, and so stands for nothing that the standard knows: not for the default, nor for all
    phases."""
    value = holder.value.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else cut(value, _LONGEST)
    holder.note(name, f"expected text, got {short(value)}")
    return short(value)
