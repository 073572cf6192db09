"""Meter values as real chargers send them, from the bytes of the frame to the row and its samples. One line, one fact."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from ocpplog_enricher.domain.rows import Enriched, SampleRow
from support.exchanges import row

TIME: Final = b'"2026-11-24T10:00:00Z"'
ELECTRICAL: Final = tuple(
    f"{group}{line}" for group in ("voltage", "current_import", "power") for line in ("", "_l1", "_l2", "_l3", "_unit")
)


def metered(samples: bytes, *, action: bytes = b"MeterValues", subprotocol: str = "ocpp1.6") -> Enriched:
    """`samples` are those of one entry, as sent."""
    entry = b'[{"timestamp":%b,"sampledValue":[%b]}]' % (TIME, samples)
    payload = {
        b"MeterValues": b'{"connectorId":1,"transactionId":7,"meterValue":%b}',
        b"StopTransaction": b'{"transactionId":7,"meterStop":1,"timestamp":"2026-11-24T10:00:00Z","transactionData":%b}',
        b"2": b'{"evseId":1,"meterValue":%b}',
    }[action if subprotocol == "ocpp1.6" else b"2"]
    return row(b'[2,"m","%b",%b]' % (action, payload % entry), subprotocol=subprotocol)


def columns(found: Enriched) -> dict[str, Any]:
    """The electrical columns that are filled."""
    return {name: value for name in ELECTRICAL if (value := getattr(found.log, name)) not in (None, "")}


def sample(measurand: str, phase: str = "", value: str = "1", **more: str) -> bytes:
    return msgspec.json.encode({"measurand": measurand, "value": value} | ({"phase": phase} if phase else {}) | more)


def each_phase(measurand: str, value: str, unit: str) -> bytes:
    return joined(*(sample(measurand, f"L{n}", value, unit=unit) for n in (1, 2, 3)))


def joined(*samples: bytes) -> bytes:
    return b",".join(samples)


FACTS: Final[dict[str, tuple[bytes, dict[str, Any], list[float | None]]]] = {
    "three currents, three powers in kW, energy in kWh, Frequency without unit, Sample.Clock (lbbrhzn/ocpp #1217)": (
        b'{"value":"14.2","context":"Sample.Clock","format":"Raw","measurand":"Current.Import","phase":"L1","unit":"A"},'
        b'{"value":"14.1","context":"Sample.Clock","format":"Raw","measurand":"Current.Import","phase":"L2","unit":"A"},'
        b'{"value":"14.3","context":"Sample.Clock","format":"Raw","measurand":"Current.Import","phase":"L3","unit":"A"},'
        b'{"value":"3.27","context":"Sample.Clock","format":"Raw","measurand":"Power.Active.Import","phase":"L1","unit":"kW"},'
        b'{"value":"3.25","context":"Sample.Clock","format":"Raw","measurand":"Power.Active.Import","phase":"L2","unit":"kW"},'
        b'{"value":"3.30","context":"Sample.Clock","format":"Raw","measurand":"Power.Active.Import","phase":"L3","unit":"kW"},'
        b'{"value":"733.255884","context":"Sample.Clock","measurand":"Energy.Active.Import.Register","unit":"kWh"},'
        b'{"value":"50.01","context":"Sample.Clock","measurand":"Frequency"}',
        {"current_import_l1": 14.2, "current_import_l2": 14.1, "current_import_l3": 14.3, "current_import_unit": "A"}
        | {"power_l1": 3.27, "power_l2": 3.25, "power_l3": 3.30, "power_unit": "kW"},
        [14.2, 14.1, 14.3, 3270.0, 3250.0, 3300.0, 733255.884, 50.01],
    ),
    "all on L1-N, L2-N, L3-N, some phases missing; kW; location Body; Current.Offered beside (evcc #16966)": (
        b'{"value":"232.6","measurand":"Voltage","phase":"L1-N","location":"Body","unit":"V"},'
        b'{"value":"9.93","measurand":"Current.Import","phase":"L1-N","location":"Body","unit":"A"},'
        b'{"value":"0","measurand":"Current.Import","phase":"L3-N","location":"Body","unit":"A"},'
        b'{"value":"2.31","measurand":"Power.Active.Import","phase":"L1-N","location":"Body","unit":"kW"},'
        b'{"value":"16","measurand":"Current.Offered","unit":"A"}',
        {"voltage_l1": 232.6, "voltage_unit": "V", "current_import_l1": 9.93, "current_import_l3": 0.0}
        | {"current_import_unit": "A", "power_l1": 2.31, "power_unit": "kW"},
        [232.6, 9.93, 0.0, 2310.0, 16.0],
    ),
    "power without phase in kW, voltage on L1-N, current on N only (Injet Sonic, lbbrhzn/ocpp #1311)": (
        b'{"value":"7.2","measurand":"Power.Active.Import","unit":"kW"},'
        b'{"value":"231","measurand":"Voltage","phase":"L1-N","unit":"V"},'
        b'{"value":"31.4","measurand":"Current.Import","phase":"N","unit":"A"}',
        {"power": 7.2, "power_unit": "kW", "voltage_l1": 231.0, "voltage_unit": "V"},
        [7200.0, 231.0, 31.4],
    ),
    "L1-L2, L2-L3, L3-L1 voltages (Alfen, lbbrhzn/ocpp #45)": (
        b'{"value":"400.1","measurand":"Voltage","phase":"L1-L2","unit":"V"},'
        b'{"value":"401.2","measurand":"Voltage","phase":"L2-L3","unit":"V"},'
        b'{"value":"399.8","measurand":"Voltage","phase":"L3-L1","unit":"V"}',
        {},
        [400.1, 401.2, 399.8],
    ),
    'voltage as "L1" (Growatt, lbbrhzn/ocpp #1709)': (
        b'{"value":"238.4","measurand":"Voltage","phase":"L1","unit":"V"}',
        {"voltage_l1": 238.4, "voltage_unit": "V"},
        [238.4],
    ),
    "power and current on L1 to L3 without a total (Vestel, evcc #15601)": (
        joined(each_phase("Power.Active.Import", "1500", "W"), each_phase("Current.Import", "6.5", "A")),
        {"power_l1": 1500.0, "power_l2": 1500.0, "power_l3": 1500.0, "power_unit": "W"}
        | {"current_import_l1": 6.5, "current_import_l2": 6.5, "current_import_l3": 6.5, "current_import_unit": "A"},
        [1500.0, 1500.0, 1500.0, 6.5, 6.5, 6.5],
    ),
    "only the current of L1 (evcc PR 16523)": (
        sample("Current.Import", "L1", "13.9", unit="A"),
        {"current_import_l1": 13.9, "current_import_unit": "A"},
        [13.9],
    ),
    "one for all phases and one for each in the same message": (
        joined(sample("Current.Import", value="30"), *(sample("Current.Import", f"L{n}", f"1{n}") for n in (1, 2, 3))),
        {"current_import": 30.0, "current_import_l1": 11.0, "current_import_l2": 12.0, "current_import_l3": 13.0},
        [30.0, 11.0, 12.0, 13.0],
    ),
    'phase in the measurand, "Voltage.L1-N", "Current.Import.L1" (Alfen, lbbrhzn/ocpp #19)': (
        b'{"value":"229.5","measurand":"Voltage.L1-N"},{"value":"15.9","measurand":"Current.Import.L1"},'
        b'{"value":"1","measurand":"Energy.Active.Import.Register.L2"},'
        b'{"value":"15.8","measurand":"Current.Import.L2","phase":"L2"}',
        {"voltage_l1": 229.5, "current_import_l1": 15.9, "current_import_l2": 15.8},
        [229.5, 15.9, 1.0, 15.8],
    ),
    "JSON numbers where 1.6 wants text: 604.213, 0.0, 10 (lbbrhzn/ocpp #210, mobilityhouse/ocpp #353)": (
        b'{"value":604.213,"measurand":"Power.Active.Import","unit":"W"},'
        b'{"value":0.0,"measurand":"Current.Import","phase":"L1"},{"value":10}',
        {"power": 604.213, "power_unit": "W", "current_import_l1": 0.0},
        [604.213, 0.0, 10.0],
    ),
    "an empty value is none, never 0 (lbbrhzn/ocpp makes it 0.0)": (
        b'{"value":"","measurand":"Voltage"},{"value":"3","measurand":"Current.Import"}',
        {"current_import": 3.0},
        [None, 3.0],
    ),
    "only a value: Energy.Active.Import.Register (OCPP 1.6 section 7.43)": (b'{"value":"6515723"}', {}, [6515723.0]),
    "phase-specific energy registers beside the total (lbbrhzn/ocpp #1925)": (
        joined(sample("Energy.Active.Import.Register", value="9"), sample("Energy.Active.Import.Register", "L1", "3")),
        {},
        [9.0, 3.0],
    ),
    'Power.Active.Export with unit "Wh" (lbbrhzn/ocpp #1617): as reported, no SI value': (
        joined(sample("Power.Active.Export", value="5", unit="Wh"), sample("Power.Active.Import", value="6", unit="Wh")),
        {"power": 6.0, "power_unit": "Wh"},
        [None, None],
    ),
    "kWh values labelled Wh (OpenEVSE #703): nobody can tell, so by their label": (
        sample("Energy.Active.Import.Register", value="12.345", unit="Wh"),
        {},
        [12.345],
    ),
    '"Hz" and "Hertz" (lbbrhzn/ocpp #1627)': (
        joined(sample("Frequency", value="50", unit="Hz"), sample("Frequency", value="49.9", unit="Hertz")),
        {},
        [50.0, 49.9],
    ),
    "voltage of the inlet, current of the outlet (lbbrhzn/ocpp #1969): where only one is, that one": (
        b'{"location":"Inlet","measurand":"Voltage","phase":"L1","unit":"V","value":"241.33"},'
        b'{"location":"Outlet","measurand":"Current.Import","phase":"L1","unit":"A","value":"6.37"}',
        {"voltage_l1": 241.33, "voltage_unit": "V", "current_import_l1": 6.37, "current_import_unit": "A"},
        [241.33, 6.37],
    ),
    "power without unit is W (Autel, lbbrhzn/ocpp #1989)": (
        b'{"context":"Sample.Periodic","measurand":"Power.Active.Import","value":500.37957763671875},'
        b'{"context":"Sample.Periodic","measurand":"Current.Import","phase":"L1","value":2.1050000190734863}',
        {"power": 500.37957763671875, "current_import_l1": 2.1050000190734863},
        [500.37957763671875, 2.1050000190734863],
    ),
    "the register of now and of the transaction's begin in one entry (evcc #15768)": (
        b'{"value":"678","context":"Sample.Periodic","measurand":"Energy.Active.Import.Register","unit":"Wh"},'
        b'{"value":"0","context":"Transaction.Begin","measurand":"Energy.Active.Import.Register","unit":"Wh"},'
        b'{"value":"30.0","context":"Sample.Periodic","measurand":"Temperature","unit":"Celsius"}',
        {},
        [678.0, 0.0, 30.0],
    ),
    "units in the wrong case": (
        joined(sample("Power.Active.Import", value="1.5", unit="KW"), sample("", value="2", unit="kwh")),
        {"power": 1.5, "power_unit": "KW"},
        [1500.0, 2000.0],
    ),
    "one bad unit does not drop the message (mobilityhouse/ocpp PR 70)": (
        joined(sample("Voltage", value="230", unit="Volts"), sample("Current.Import", value="6", unit="A")),
        {"voltage": 230.0, "voltage_unit": "Volts", "current_import": 6.0, "current_import_unit": "A"},
        [None, 6.0],
    ),
}


@pytest.mark.parametrize("fact", FACTS)
def test_a_fact(fact: str) -> None:
    samples, filled, si = FACTS[fact]
    found = metered(samples)
    assert columns(found) == filled
    assert [each.value_si for each in found.samples] == pytest.approx(si, nan_ok=False)


@pytest.mark.parametrize("fact", FACTS)
def test_the_same_after_the_session(fact: str) -> None:
    """Values in StopTransaction.transactionData."""
    samples, filled, _ = FACTS[fact]
    stopped = metered(samples, action=b"StopTransaction")
    assert columns(stopped) == filled
    assert [facts(each) for each in stopped.samples] == [facts(each) for each in metered(samples).samples]


def facts(of: SampleRow) -> tuple[Any, ...]:
    return of.measurand, of.phase, of.value, of.value_si, of.unit, of.context, of.location, of.sampled_at, of.transaction_id


class TestNoted:
    @pytest.mark.parametrize(
        ("wrong", "violation"),
        [
            (b'{"value":""}', "value: '' is not a number"),
            (b'{"value":null}', "value: None is not a number"),
            (b'{"value":"NaN"}', "value: 'NaN' is not a number"),
            (b'{"value":"Infinity"}', "value: 'Infinity' is not a number"),
            (b'{"value":"-"}', "value: '-' is not a number"),
            (b'{"value":"0x1F"}', "value: '0x1F' is not a number"),
            (b'{"value":true}', "value: True is not a number"),
            (b'{"value":"231,5"}', "value: '231,5' is not a number"),
            (b'{"value":"1,231.5"}', "value: '1,231.5' is not a number"),
            (b'{"value":"1 231"}', "value: '1 231' is not a number"),
            (b'{"value":"1e400"}', "value: '1e400' is out of range"),
            (b'{"value":1e400}', "value: inf is out of range"),
            (b'{"value":%b}' % (b"9" * 400), "value: 9999999999999999999999999999999999999999… is out of range"),
            (b'{"value":%b}' % (b"9" * 5000), "value: inf is out of range"),
            (b'{"value":"%b"}' % (b"9" * 5000), "value: '999999999999999999999999999999999999999… is out of range"),
            (b'{"value":["1"]}', "value: ['1'] is not a number"),
            (b'{"value":"1","unit":"W"}', "unit: 'W' is not a unit of Energy.Active.Import.Register"),
            (b'{"value":"1","measurand":5}', "measurand: expected text, got 5"),
            (b'{"value":"1","phase":{}}', "phase: expected text, got {}"),
            (b'{"value":"1","unit":0}', "unit: expected text, got 0"),
            (b'{"value":"1e308","unit":"kWh"}', "unit: 1e+308 kWh is out of range"),
        ],
    )
    def test_what_cannot_be_read(self, wrong: bytes, violation: str) -> None:
        right = b'{"value":"230","measurand":"Voltage"}'
        found = metered(joined(wrong, right))
        assert found.log.violations[0] == f"request.meterValue[0].sampledValue[0].{violation}"
        assert columns(found) == {"voltage": 230.0}
        assert (found.log.connector_id, found.log.transaction_id) == (1, "7")
        assert found.samples[1:] == metered(joined(b"{}", right)).samples[1:]

    @pytest.mark.parametrize("value", ["231.5", " 231.5 ", "+231.5", "2315e-1", "2.315E2", "231.50000", "\t231.5\n"])
    def test_what_can(self, value: str) -> None:
        found = metered(sample("Voltage", value=value, unit="V"))
        assert (found.log.voltage, found.log.violations) == (231.5, [])

    def test_what_is_no_text_is_neither_the_default_nor_for_all_phases(self) -> None:
        found = metered(b'{"value":"1","measurand":5},{"value":"2","measurand":"Voltage","phase":1}')
        assert columns(found) == {}
        assert [(each.measurand, each.phase, each.value) for each in found.samples] == [("5", "", 1.0), ("Voltage", "1", 2.0)]


class TestSignedData:
    OCMF: Final = b'OCMF|{\\"FV\\":\\"1.0\\",\\"RD\\":[%b]}|{\\"SD\\":\\"3045\\"}' % b",".join([b'{\\"RV\\":1}'] * 500)

    @pytest.mark.parametrize("action", [b"MeterValues", b"StopTransaction"])
    def test_of_16(self, action: bytes) -> None:
        """OCMF, Alfen, XML: opaque, kilobytes (steve #816)."""
        found = metered(
            b'{"value":"%b","format":"SignedData","context":"Transaction.End"},{"value":"8","unit":"kWh"}' % self.OCMF,
            action=action,
        )
        signed, plain = found.samples
        assert (signed.signed, signed.value, signed.value_si, signed.context) == (True, None, None, "Transaction.End")
        assert (plain.signed, plain.value_si) == (False, 8000.0)
        assert found.log.violations == []
        assert found.log.unescaped.startswith('"value":"OCMF|{"FV":"1.0","RD":[{"RV":1},')
        assert len(found.log.unescaped) < len(found.log.request)
        assert msgspec.json.encode(found.samples).count(b"OCMF") == 0

    def test_of_2(self) -> None:
        """There the number stands beside what signs it."""
        signed = b'{"signedMeterData":"%b","signingMethod":"","encodingMethod":"OCMF","publicKey":""}' % (b"QUJD" * 600)
        found = metered(b'{"value":12.5,"unitOfMeasure":{"unit":"kWh"},"signedMeterValue":%b}' % signed, subprotocol="ocpp2.0.1")
        [sample] = found.samples
        assert (sample.signed, sample.value, sample.value_si, found.log.violations) == (True, 12.5, 12500.0, [])
        assert b"QUJD" not in msgspec.json.encode(sample)


class TestEntries:
    """Several entries: unsorted, without timestamp (evcc's tests, Home Assistant's documentation)."""

    NEW: Final = b'{"timestamp":"2026-11-24T10:05:00Z","sampledValue":[{"value":"2","measurand":"Voltage"}]}'
    OLD: Final = b'{"timestamp":"2026-11-24T10:00:00Z","sampledValue":[{"value":"1","measurand":"Voltage"},%b]}' % sample(
        "Current.Import"
    )
    UNTIMED: Final = b'{"sampledValue":[{"value":"3","measurand":"Voltage"}]}'

    @staticmethod
    def of(*entries: bytes) -> Enriched:
        return row(b'[2,"m","MeterValues",{"connectorId":1,"meterValue":[%b]}]' % b",".join(entries))

    def test_the_newest_fills_the_columns_wherever_it_stands(self) -> None:
        for entries in ((self.NEW, self.OLD, self.UNTIMED), (self.UNTIMED, self.OLD, self.NEW), (self.OLD, self.NEW)):
            found = self.of(*entries)
            assert columns(found) == {"voltage": 2.0}
            assert sum(each.measurand == "Voltage" for each in found.samples) == len(entries)

    def test_without_timestamps_the_last(self) -> None:
        other = self.UNTIMED.replace(b"3", b"4")
        assert columns(self.of(self.UNTIMED, other)) == {"voltage": 4.0}

    def test_an_entry_without_timestamp_is_of_when_the_message_came(self) -> None:
        found = self.of(self.UNTIMED)
        assert found.samples[0].sampled_at == found.log.datetime
        assert found.log.violations[0] == "request.meterValue[0].timestamp: missing"

    def test_on_a_tie_the_last(self) -> None:
        again = self.NEW.replace(b'"2"', b'"5"').replace(b"10:05:00Z", b"11:05:00+01:00")
        assert columns(self.of(self.NEW, again)) == {"voltage": 5.0}


def test_nothing_is_filled_in_but_the_measurand() -> None:
    """1.6 section 7.43: context Sample.Periodic, location Outlet, unit Wh are what an absent one means, and stay absent."""
    [found] = metered(b'{"value":"5"}').samples
    assert (found.measurand, found.context, found.location, found.unit) == ("Energy.Active.Import.Register", "", "", "")
    assert (found.value, found.value_si) == (5.0, 5.0)


def test_more_samples_than_can_be_numbered() -> None:
    found = metered(b",".join([b'{"value":"1"}'] * 65_537))
    assert len(found.samples) == 65_536
    assert "request.meterValue: of 65537 samples the first 65536 are rows" in found.log.violations


def test_transaction_ids_of_64_bits_and_connector_0() -> None:
    """lbbrhzn/ocpp #45."""
    found = row(
        b'[2,"m","MeterValues",{"connectorId":0,"transactionId":9223372036854775807,"meterValue":[%b]}]' % TestEntries.NEW
    )
    assert (found.log.connector_id, found.log.transaction_id) == (0, "9223372036854775807")
    assert (found.samples[0].connector_id, found.samples[0].transaction_id) == (0, "9223372036854775807")
