"""Meter values as real chargers send them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplog_enricher.domain.meter_values import parse_number, unpack


def sampled(value: object = "1", **more: Any) -> dict[str, Any]:
    return {"value": value, **more}


def entry(*values: object, at: str = "2026-11-24T10:00:00Z") -> dict[str, Any]:
    return {"timestamp": at, "sampledValue": list(values)}


def columns(*entries: object) -> dict[str, float | str]:
    return unpack(list(entries), "request.meterValue").columns


class TestColumns:
    def test_three_phases(self) -> None:
        values = [
            sampled("231.5", measurand="Voltage", phase="L1-N", unit="V"),
            sampled("232", measurand="Voltage", phase="L2", unit="V"),
            sampled(" 233 ", measurand="Voltage", phase="L3-N"),
            sampled("16.1", measurand="Current.Import", phase="L1-N", unit="A"),
            sampled(3.6, measurand="Power.Active.Import", phase="L3", unit="kW"),
        ]
        assert columns(entry(*values)) == {
            "voltage_l1": 231.5,
            "voltage_l2": 232.0,
            "voltage_l3": 233.0,
            "voltage_unit": "V",
            "current_import_l1": 16.1,
            "current_import_unit": "A",
            "power_l3": 3.6,
            "power_unit": "kW",
        }

    def test_without_a_phase(self) -> None:
        values = [sampled("101", measurand="Voltage"), sampled("15", measurand="Current.Import", unit="A")]
        assert columns(entry(*values)) == {
            "voltage": 101.0,
            "voltage_unit": "",
            "current_import": 15.0,
            "current_import_unit": "A",
        }

    def test_total_and_phases_in_the_same_message(self) -> None:
        values = [sampled("9", measurand="Current.Import"), sampled("3", measurand="Current.Import", phase="L1")]
        found = columns(entry(*values))
        assert (found["current_import"], found["current_import_l1"]) == (9.0, 3.0)

    @pytest.mark.parametrize("phase", ["L1-L2", "L2-L3", "L3-L1", "N", "L4"])
    def test_line_to_line_and_neutral_fill_nothing_and_stay_samples(self, phase: str) -> None:
        found = unpack([entry(sampled("400", measurand="Voltage", phase=phase))], "x")
        assert found.columns == {}
        assert [(sample.phase, sample.value) for sample in found.samples] == [(phase, 400.0)]

    def test_phase_in_the_measurand(self) -> None:
        assert columns(entry(sampled("230", measurand="Voltage.L1-N")))["voltage_l1"] == 230.0
        assert columns(entry(sampled("16", measurand="Current.Import.L2")))["current_import_l2"] == 16.0

    def test_other_measurands_fill_nothing(self) -> None:
        values = [
            sampled("1"),
            sampled("2", measurand="Current.Offered"),
            sampled("3", measurand="Power.Active.Export", unit="Wh"),
            sampled("50", measurand="Frequency"),
        ]
        found = unpack([entry(*values)], "x")
        assert found.columns == {}
        assert found.samples[0].measurand == "Energy.Active.Import.Register"

    def test_newest_entry_wins_whatever_the_order(self) -> None:
        new = entry(sampled("2", measurand="Voltage"), at="2026-11-24T10:00:01Z")
        old = entry(sampled("1", measurand="Voltage"), at="2026-11-24T12:00:00+02:00")
        assert columns(new, old)["voltage"] == columns(old, new)["voltage"] == 2.0

    def test_last_one_on_a_tie_and_with_a_timestamp_before_without(self) -> None:
        first, second = entry(sampled("1", measurand="Voltage")), entry(sampled("2", measurand="Voltage"))
        assert columns(first, second)["voltage"] == 2.0
        without = {"sampledValue": [sampled("3", measurand="Voltage")]}
        assert columns(first, without)["voltage"] == columns(without, first)["voltage"] == 1.0
        assert columns(without, without | {"sampledValue": [sampled("4", measurand="Voltage")]})["voltage"] == 4.0

    def test_the_outlet_goes_before_other_places(self) -> None:
        inlet, outlet = sampled("1", measurand="Voltage", location="Inlet"), sampled("2", measurand="Voltage", location="Outlet")
        assert columns(entry(inlet, outlet))["voltage"] == columns(entry(outlet, inlet))["voltage"] == 2.0
        assert columns(entry(sampled("3", measurand="Voltage", location="Body")))["voltage"] == 3.0

    def test_ocpp_2(self) -> None:
        value = {"value": 1.5, "measurand": "Power.Active.Import", "unitOfMeasure": {"unit": "W", "multiplier": 3}}
        found = unpack([{"timestamp": "2026-11-24T10:00:00Z", "sampledValue": [value]}], "x")
        assert found.columns == {"power": 1.5, "power_unit": "10^3 W"}
        assert found.samples[0].value_si == 1500.0


class TestNumbers:
    @pytest.mark.parametrize(
        ("value", "number"),
        [
            ("231.5", 231.5),
            (" 231.5 ", 231.5),
            ("1e3", 1000.0),
            ("-5", -5.0),
            ("+.5", 0.5),
            ("5.", 5.0),
            (604.213, 604.213),
            (10, 10.0),
        ],
    )
    def test_read(self, value: object, number: float) -> None:
        assert parse_number(value) == number

    @pytest.mark.parametrize(
        "value",
        [
            "",
            " ",
            "NaN",
            "-",
            "---",
            "231,5",
            "1 000",
            "0x10",
            "inf",
            "1e999",
            "１２",
            None,
            True,
            [],
            {},
            "1_000",
            10**400,
            math.nan,
        ],
    )
    def test_no_number_leaves_the_column_empty_and_is_noted(self, value: object) -> None:
        with pytest.raises(ValueError, match=r"is not a number|is out of range"):
            parse_number(value)
        found = unpack(
            [entry(sampled(value, measurand="Voltage"), sampled("7", measurand="Current.Import"))], "request.meterValue"
        )
        assert "voltage" not in found.columns
        assert found.columns["current_import"] == 7.0
        assert found.violations[0].startswith("request.meterValue[0].sampledValue[0].value: ")

    @pytest.mark.parametrize(
        ("value", "unit", "si"),
        [
            ("1.5", "kW", 1500.0),
            ("1.5", "KWH", 1500.0),
            ("2", "W", 2.0),
            ("3", "Celsius", 3.0),
            ("4", "", 4.0),
            ("5", "Hertz", 5.0),
        ],
    )
    def test_si(self, value: str, unit: str, si: float) -> None:
        [sample] = unpack([entry(sampled(value, unit=unit))], "x").samples
        assert (sample.unit, sample.value_si) == (unit, si)

    def test_signed_data_is_no_violation(self) -> None:
        found = unpack([entry(sampled("OCMF|{...}", format="SignedData"))], "x")
        assert found.violations == []
        assert found.samples[0].value is None


class TestShapes:
    @pytest.mark.parametrize(
        "entries", [None, {}, "x", 7, [None], ["x"], [{}], [{"sampledValue": {}}], [{"sampledValue": [None, "x"]}]]
    )
    def test_wrong_shapes_are_noted_not_raised(self, entries: object) -> None:
        found = unpack(entries, "request.meterValue")
        assert found.columns == {}
        assert entries is None or found.violations

    def test_a_timestamp_that_cannot_be_read(self) -> None:
        found = unpack([entry(sampled("1", measurand="Voltage"), at="yesterday")], "x")
        assert found.columns["voltage"] == 1.0
        assert found.samples[0].sampled_at is None
        assert "is not a date and time" in found.violations[0]


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["Voltage", "L1", "kW", "SignedData"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "timestamp",
                    "sampledValue",
                    "value",
                    "measurand",
                    "phase",
                    "unit",
                    "unitOfMeasure",
                    "multiplier",
                    "location",
                    "format",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(ANYTHING)
def test_nothing_makes_it_raise_and_values_are_finite(entries: object) -> None:
    found = unpack(entries, "x")
    assert all(sample.value is None or math.isfinite(sample.value) for sample in found.samples)
    assert all(isinstance(value, str) or math.isfinite(value) for value in found.columns.values())
