"""Whatever stands in meter values: nothing stops the stream, and nothing skews what stands beside it."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocpplog_common.envelope import Source
from ocpplog_enricher.domain.meter_values import MeterValues, Sample, unpack
from support.exchanges import row, rows

untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NAMES = "timestamp sampledValue value measurand phase unit unitOfMeasure multiplier location context format signedMeterValue"
WORDS = [
    *("Voltage", "Current.Import", "Power.Active.Import", "Energy.Active.Import.Register", "Voltage.L1", "SignedData"),
    *("L1", "L2-N", "N", "", "kW", "W", "V", "Outlet", "Inlet", "Transaction.Begin", "Transaction.End", "1", "2.5", "1e400"),
    *("2026-11-24T10:00:00Z", "2026-11-24T10:00:01Z", "NaN"),
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES.split()) | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=25,
)
"""As Python has it, with the infinities that only a parser of its own would make."""
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9)


@st.composite
def sampled_values(draw: st.DrawFn) -> dict[str, Any]:
    """A sample as it should be, more or less."""
    found: dict[str, Any] = {"value": draw(NUMBERS.map(str) | NUMBERS | st.sampled_from(["", "?", None]))}
    for name, choices in {
        "measurand": ["Voltage", "Current.Import", "Power.Active.Import", "SoC", "Voltage.L2"],
        "phase": ["L1", "L1-N", "L2", "L3", "N", "L1-L2"],
        "unit": ["V", "A", "kW", "W", "kw", "Wh", "?"],
        "location": ["Outlet", "Inlet", "Body"],
        "context": ["Sample.Periodic", "Transaction.Begin", "Transaction.End"],
    }.items():
        if draw(st.booleans()):
            found[name] = draw(st.sampled_from(choices))
    return found


def of(*samples: object) -> MeterValues:
    return unpack([{"timestamp": "2026-11-24T10:00:00Z", "sampledValue": list(samples)}], "x")


def is_sound(found: MeterValues) -> bool:
    numbers = [value for sample in found.samples for value in (sample.value, sample.value_si)]
    numbers += [value for value in found.columns.values() if not isinstance(value, str)]
    return all(number is None or math.isfinite(number) for number in [*numbers, found.meter_stop])


@untimed
@given(ANYTHING)
def test_nothing_makes_it_raise_and_values_are_finite(entries: object) -> None:
    assert is_sound(unpack(entries, "x"))


@untimed
@given(st.lists(sampled_values() | ANYTHING, max_size=4), st.lists(ANYTHING, max_size=3))
def test_nor_beside_samples_that_are_right(samples: list[object], entries: list[object]) -> None:
    assert is_sound(unpack([*entries, {"timestamp": "2026-11-24T10:00:00Z", "sampledValue": samples}], "x"))


@untimed
@given(
    st.sampled_from(["MeterValues", "StopTransaction", "TransactionEvent"]),
    ANYTHING,
    st.sampled_from(["ocpp1.6", "ocpp2.0.1", "ocpp2.1"]),
)
def test_from_the_frame_to_rows_that_can_be_stored(action: str, entries: object, subprotocol: str) -> None:
    payload = {"connectorId": 1, "eventType": "Ended", "meterValue": entries, "transactionData": entries}
    found = row(msgspec.json.encode([2, "m", action, payload]), subprotocol=subprotocol)
    assert found.log.connector_id == 1
    for stored in (found.log, *found.samples):
        assert msgspec.json.decode(msgspec.json.encode(stored))["action"] == action


@untimed
@given(st.binary(max_size=60) | st.binary(max_size=30).map(lambda inside: b'[2,"m","MeterValues",{"meterValue":[%b]}]' % inside))
def test_any_bytes_are_a_row(frame: bytes) -> None:
    [found] = rows(frame, (Source.CSMS, b'[3,"other",{}]'))[:1]
    msgspec.json.encode(found.log)


@untimed
@given(st.lists(sampled_values(), max_size=5), ANYTHING, st.integers(0, 5))
def test_one_bad_sample_changes_no_other(samples: list[dict[str, Any]], bad: object, at: int) -> None:
    """`bad` has no value that could win a column."""
    bad = bad | {"value": "?"} if isinstance(bad, dict) else bad
    alone, beside = of(*samples), of(*samples[:at], bad, *samples[at:])
    assert beside.columns == alone.columns
    assert [sample for sample in beside.samples if sample not in of(bad).samples] == [
        sample for sample in alone.samples if sample not in of(bad).samples
    ]


def places(samples: list[Sample]) -> list[tuple[str, str]]:
    """What competes for a column: the same measurand at the same line."""
    return [(sample.measurand.lower(), sample.phase.upper().removesuffix("-N")) for sample in samples if sample.value is not None]


@untimed
@given(st.lists(sampled_values(), max_size=6).flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_the_order_of_samples_does_not_matter_unless_two_compete(orders: tuple[list[Any], list[Any]]) -> None:
    one, other = of(*orders[0]), of(*orders[1])
    taken = places(one.samples)
    if len(set(taken)) == len(taken):
        assert one.columns == other.columns
    else:
        assert one.columns.keys() == other.columns.keys()


@untimed
@given(st.lists(st.lists(sampled_values(), max_size=3), min_size=1, max_size=4), st.randoms())
def test_columns_hold_values_of_the_newest_entry_only(lists: list[list[Any]], random: Any) -> None:
    entries = [{"timestamp": f"2026-11-24T10:00:0{i}Z", "sampledValue": samples} for i, samples in enumerate(lists)]
    newest = unpack(entries[-1:], "x")
    random.shuffle(entries)
    found = unpack(entries, "x")
    assert found.columns == newest.columns
    assert {value for value in found.columns.values() if not isinstance(value, str)} <= {
        sample.value for sample in newest.samples
    }
