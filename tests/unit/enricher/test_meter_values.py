"""Meter values as real chargers send them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ocpplog_enricher.domain.meter_values import unpack
from ocpplog_enricher.domain.reading import number as parse_number


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

    @pytest.mark.parametrize(
        ("better", "worse"),
        [
            ({"location": "Outlet"}, {"location": "Inlet"}),
            ({"location": "outlet"}, {"location": "Body"}),
            ({}, {"location": "EV"}),
            ({}, {"location": "Cable"}),
            ({}, {"location": "Upstream"}),
            ({"context": "Sample.Periodic"}, {"context": "Transaction.Begin"}),
            ({"context": "Transaction.End"}, {"context": "Transaction.Begin"}),
            ({}, {"context": "Interruption.Begin"}),
            ({"location": "Outlet", "context": "Transaction.Begin"}, {"location": "Inlet", "context": "Sample.Periodic"}),
        ],
    )
    def test_of_two_for_one_column_the_outlet_then_the_present(self, better: dict[str, str], worse: dict[str, str]) -> None:
        wins = sampled("2", measurand="Power.Active.Import", unit="kW", **better)
        loses = sampled("1", measurand="Power.Active.Import", unit="W", **worse)
        assert columns(entry(wins, loses)) == columns(entry(loses, wins)) == {"power": 2.0, "power_unit": "kW"}
        assert columns(entry(loses)) == {"power": 1.0, "power_unit": "W"}

    @pytest.mark.parametrize(
        ("first", "last"),
        [
            ({}, {}),
            ({"location": "Outlet"}, {}),
            ({"context": "Sample.Periodic"}, {"context": "Transaction.End"}),
            ({"location": "Inlet"}, {"location": "Body"}),
            ({"phase": "L1"}, {"phase": "L1-N"}),
        ],
    )
    def test_of_two_alike_the_last(self, first: dict[str, str], last: dict[str, str]) -> None:
        values = sampled("1", measurand="Voltage", **first), sampled("2", measurand="Voltage", **last)
        assert list(columns(entry(*values)).values()) == [2.0, ""]
        assert list(columns(entry(*reversed(values))).values()) == [1.0, ""]

    def test_one_that_cannot_be_read_competes_with_none(self) -> None:
        assert columns(entry(sampled("1", measurand="Voltage"), sampled("?", measurand="Voltage")))["voltage"] == 1.0

    def test_units_of_the_values_that_stand_there(self) -> None:
        total = sampled("3", measurand="Power.Active.Import", unit="kW")
        phase = sampled("900", measurand="Power.Active.Import", phase="L1", unit="W")
        assert columns(entry(phase, total))["power_unit"] == columns(entry(total, phase))["power_unit"] == "kW,W"

    def test_names_in_another_case(self) -> None:
        assert columns(entry(sampled("7", measurand="voltage", phase="l1-n"))) == {"voltage_l1": 7.0, "voltage_unit": ""}

    def test_a_phase_that_contradicts_the_measurand_fills_nothing(self) -> None:
        assert columns(entry(sampled("7", measurand="Voltage.L1", phase="L2"))) == {}

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
