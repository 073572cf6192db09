"""The three shapes of meter values, and the session that fills them."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from ocpplog_local.demo.fleet.session import Session
from ocpplog_local.demo.meter import MeterStyle, Reading, sampled_values
from ocpplog_local.demo.stamps import stamp

NOON = datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC)
READING = Reading(energy_wh=12_345.6, power_w=6_900.0)


def values(style: MeterStyle, reading: Reading = READING) -> dict[tuple[str, str], tuple[str, str]]:
    samples = sampled_values(style, reading)
    return {(s["measurand"], s.get("phase", "")): (s["value"], s["unit"]) for s in samples}


def test_three_phases_come_in_watts() -> None:
    found = values(MeterStyle.THREE_PHASE)
    assert [phase for measurand, phase in found if measurand == "Voltage"] == ["L1-N", "L2-N", "L3-N"]
    assert found["Current.Import", "L2"] == ("10.00", "A")
    assert found["Power.Active.Import", "L3"] == ("2300", "W")
    assert found["Energy.Active.Import.Register", ""] == ("12346", "Wh")


def test_the_state_of_charge_comes_only_where_it_is_known() -> None:
    assert ("SoC", "") not in values(MeterStyle.THREE_PHASE)
    assert values(MeterStyle.THREE_PHASE, Reading(0, soc=41.6))["SoC", ""] == ("42", "Percent")


def test_one_phase_comes_in_kilowatts_on_l1_alone() -> None:
    found = values(MeterStyle.ONE_PHASE)
    assert {phase for _, phase in found} == {"L1", ""}
    assert found["Power.Active.Import", "L1"] == ("6.900", "kW")


def test_no_phase_names_none() -> None:
    found = values(MeterStyle.NO_PHASE)
    assert {phase for _, phase in found} == {""}
    assert found["Power.Active.Import", ""] == ("6.90", "kW")
    assert found["Current.Import", ""] == ("30.0", "A")


@pytest.mark.parametrize(
    ("offset", "milliseconds", "expected"),
    [
        (None, False, "2026-11-24T12:00:00Z"),
        (None, True, "2026-11-24T12:00:00.250Z"),
        (60, False, "2026-11-24T13:00:00+01:00"),
        (-210, False, "2026-11-24T08:30:00-03:30"),
    ],
)
def test_a_moment_is_written_as_the_maker_does(offset: int | None, milliseconds: bool, expected: str) -> None:
    assert stamp(NOON, offset, milliseconds=milliseconds) == expected


def session(**changes: float | None) -> Session:
    numbers: dict[str, float | None] = {"ends_after_s": 100, "suspends_after_s": 75, "meter_start_wh": 1000, "soc": None}
    return Session(transaction_id=1, tag="43434", power_w=10_000, **(numbers | changes))  # type: ignore[arg-type]


def test_energy_is_power_over_time() -> None:
    charging = session()
    reading = charging.advance(36, NOON, random.Random(1))
    assert reading.energy_wh == pytest.approx(1000 + reading.power_w * 36 / 3600)
    assert reading.at == NOON


def test_a_suspended_car_draws_nothing() -> None:
    charging = session()
    charging.advance(80, NOON, random.Random(1))
    register = charging.meter_wh
    assert charging.advance(10, NOON, random.Random(1)).power_w == 0
    assert charging.meter_wh == register
    assert not charging.over


def test_a_battery_does_not_overflow() -> None:
    charging = session(soc=99.9, suspends_after_s=1000)
    assert charging.advance(60, NOON, random.Random(1)).soc == 100
