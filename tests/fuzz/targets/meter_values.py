"""Meter values, as the JSON of a payload: what is unpacked is finite, the same a second time, and what a slow reader finds."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import msgspec

from fuzz.corpora import frames
from ocpplog_enricher.domain import meter_values, reading
from ocpplog_enricher.domain.meter_values import MeterValues, Sample

WORDS = tuple(
    f'"{word}"'.encode()
    for word in (
        *(
            "timestamp",
            "sampledValue",
            "value",
            "measurand",
            "phase",
            "unit",
            "unitOfMeasure",
            "multiplier",
            "location",
            "context",
        ),
        *("format", "signedMeterValue", "Voltage", "Current.Import", "Power.Active.Import", "Voltage.L1-N", "SignedData"),
        *("L1", "L2-N", "N", "kW", "Wh", "A", "Outlet", "Body", "Transaction.Begin", "Transaction.End", "2026-11-24T10:00:00Z"),
    )
)
_COLUMNS = {"voltage": "voltage", "current.import": "current_import", "power.active.import": "power"}


def seeds() -> Iterable[bytes]:
    for frame in frames():
        if b"eterValue" in frame or b"transactionData" in frame:
            start = frame.find(b"[", 2)
            yield frame[start : frame.rfind(b"]", 0, -1) + 1]
    at = '"timestamp":"2026-11-24T10:00:0%d%s"'
    sample = '{"value":"%s","measurand":"%s","phase":"%s","unit":"%s","location":"%s","context":"%s"}'
    yield f'[{{{at % (0, "Z")},"sampledValue":[{sample % ("231.5", "Voltage", "L1-N", "V", "Outlet", "Other")}]}}]'.encode()
    two = (
        sample % ("1.5", "Power.Active.Import", "", "kW", "Body", ""),
        sample % ("1", "Power.Active.Import", "", "W", "", "x.Begin"),
    )
    yield f'[{{{at % (1, "Z")},"sampledValue":[{",".join(two)}]}},{{{at % (1, "+00:00")},"sampledValue":[{two[1]}]}}]'.encode()
    yield b'[{"timestamp":"2026-11-24T10:00:00Z","sampledValue":[{"value":5,"unitOfMeasure":{"unit":"Wh","multiplier":3}}]}]'
    yield b'[{"sampledValue":[{"value":5.25,"context":"Transaction.End","signedMeterValue":{"x":1}},{"value":""},7]},null]'


def check(data: bytes) -> None:
    try:
        entries = reading.decode(data)
    except (ValueError, RecursionError):
        return
    meter_values._kinds.clear()
    first = meter_values.unpack(entries, "x")
    again = meter_values.unpack(entries, "x")
    assert (again.entries, again.columns, again.violations) == (first.entries, first.columns, first.violations)
    _is_sound(first)
    assert {name: value for name, value in first.columns.items() if not name.endswith("_unit")} == _columns(first)
    msgspec.json.encode([first.columns, first.violations])


def _is_sound(found: MeterValues) -> None:
    assert found.samples == [sample for _, samples in found.entries for sample in samples]
    numbers = [number for sample in found.samples for number in (sample.value, sample.value_si)]
    assert all(number is None or math.isfinite(number) for number in [*numbers, found.meter_stop])
    texts = [text for sample in found.samples for text in (sample.measurand, sample.phase, sample.unit, sample.context)]
    assert all(len(text) <= 130 for text in texts)
    assert all(len(text) < 400 and ": " in text for text in found.violations)


def _columns(found: MeterValues) -> dict[str, Any]:
    """By the words of the product: the newest entry, the last on a tie; phases L1 to L3, with or without N."""
    dated = [entry for entry in found.entries if entry[0] is not None]
    newest = max(enumerate(dated), key=lambda one: (one[1][0], one[0]))[1] if dated else (found.entries or [(None, [])])[-1]
    rows: dict[str, Any] = {}
    best: dict[str, tuple[bool, bool]] = {}
    for sample in newest[1]:
        if (name := _column(sample)) and sample.value is not None and best.get(name, (False, False)) <= sample.preference:
            rows[name], best[name] = sample.value, sample.preference
    return rows


def _column(sample: Sample) -> str:
    group, phase = _COLUMNS.get(sample.measurand.lower(), ""), sample.phase.upper()
    if not group or not phase:
        return group
    return f"{group}_{phase[:2].lower()}" if phase in ("L1", "L2", "L3", "L1-N", "L2-N", "L3-N") else ""
