"""Numbers, connector numbers and units of samples, against decimals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from fuzz.source import Source
from ocpplog_enricher.domain import reading, units
from ocpplog_enricher.domain.violations import short

WORDS = (
    b"1e308",
    b"1e400",
    b"-0",
    b"NaN",
    b"Infinity",
    b"1_000",
    b"0x10",
    b" 231.5 ",
    b"Energy.Active.Import.Register",
    b"Power.",
    b"kWh",
)
_Found = TypeVar("_Found")
_DIMENSIONS = {
    "W": "Power.Active.Import",
    "Wh": "Energy.Active.Import.Register",
    "V": "Voltage",
    "A": "Current.Import",
    "VA": "x",
}
_PREFIXES = {"": Decimal(1), "k": Decimal(1000), "m": Decimal(1_000_000)}


def seeds() -> Iterable[bytes]:
    numbers = ("231.5", " 231.5 ", "1e3", "-.5", "+5.", "", "9" * 400, "[1]", "true", "null", '"7"', "1.0")
    yield from (letter.encode() + text.encode() for letter in "ab" for text in numbers)
    yield from (f"c{unit}\n{measurand}\n7.25".encode() for unit, measurand in _DIMENSIONS.items())
    yield from (b"ckW\nVoltage\n1", b"cKWH\nenergy.active.import.interval\n1e300", b"cHertz\nFrequency\n50", b"c\n\n1")


def check(data: bytes) -> None:
    source = Source(data)
    source.choice((_number, _json, _unit))(source)


def _number(source: Source) -> None:
    text = source.text()
    found = _or_refused(reading.number, text)
    if found is None:
        return
    assert math.isfinite(found)
    try:
        assert found == float(Decimal(text.strip()))
    except InvalidOperation:
        # An exponent that no decimal has either.
        assert found == 0
    assert text.strip().isascii() and "_" not in text


def _json(source: Source) -> None:
    """Whatever a payload can hold. Says briefly what it refuses."""
    try:
        value = reading.decode(source.rest())
    except (ValueError, RecursionError):
        return
    found = _or_refused(reading.number, value)
    assert found is None or math.isfinite(found)
    connector = _or_refused(reading.connector, value)
    assert connector is None or (connector == value and -(2**31) <= connector < 2**31 and not isinstance(value, bool))
    name = _or_refused(reading.identifier, value)
    assert name is None or name == (str(int(value)) if isinstance(value, float) else str(value))
    assert name is None or not isinstance(value, float) or float(name) == value
    assert len(short(value)) <= 41


def _unit(source: Source) -> None:
    unit, measurand = (source.line().decode("utf-8", "replace")[:100] for _ in range(2))
    number = _or_refused(reading.number, source.text())
    if number is None:
        return
    si = _or_refused(lambda value: units.to_si(value, measurand, unit), number)
    scale = units.scale(measurand, unit)
    assert si is None or (math.isfinite(si) and scale is not None and si == number * scale.factor + scale.offset)
    expected = _reference(Decimal(number), measurand, unit)
    assert expected is None or si is None or math.isclose(si, float(expected), rel_tol=1e-12)


def _reference(value: Decimal, measurand: str, unit: str) -> Decimal | None:
    """Of watts and watt-hours alone: with what may stand before them."""
    for base in ("wh", "w"):
        prefix = unit.strip().lower().removesuffix(base)
        if unit.strip().lower().endswith(base) and prefix in _PREFIXES and measurand == _DIMENSIONS[{"wh": "Wh", "w": "W"}[base]]:
            return value * _PREFIXES[prefix]
    return None


def _or_refused(parse: Callable[[Any], _Found], value: Any) -> _Found | None:
    try:
        return parse(value)
    except ValueError as error:
        assert 0 < len(str(error)) < 250, str(error)
        return None
