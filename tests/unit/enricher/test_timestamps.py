"""Timestamps in every form that the field sends: docs/architecture.md has the table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplog_enricher.domain import timestamps
from ocpplog_enricher.domain.meter_values import unpack

from .test_fields import row

NO_ZONE = "without a time zone, taken as UTC"
SECONDS = "a number, taken as seconds since 1970"
MILLISECONDS = "a number, taken as milliseconds since 1970"
LEAP = "a leap second, taken as the last microsecond before it"


@pytest.mark.parametrize(
    ("value", "utc"),
    [
        ("2024-11-26T10:03:49Z", "2024-11-26 10:03:49.000000"),
        ("2024-11-26t10:03:49z", "2024-11-26 10:03:49.000000"),
        ("2024-11-26 10:03:49Z", "2024-11-26 10:03:49.000000"),
        ("2024-11-26T10:03:49 Z", "2024-11-26 10:03:49.000000"),
        (" 2024-11-26T10:03:49Z\r\n", "2024-11-26 10:03:49.000000"),
        ("2024-11-26T10:03:49+01:00", "2024-11-26 09:03:49.000000"),
        ("2024-11-26 10:03:49 +01:00", "2024-11-26 09:03:49.000000"),
        ("2024-11-26T10:03:49-0330", "2024-11-26 13:33:49.000000"),
        ("2024-11-26T10:03:49+14", "2024-11-25 20:03:49.000000"),
        ("2024-11-26T10:03:49-00:00", "2024-11-26 10:03:49.000000"),
        ("2024-11-26T10:03:49.1Z", "2024-11-26 10:03:49.100000"),
        ("2024-11-26T10:03:49,120+00:00", "2024-11-26 10:03:49.120000"),
        ("2024-11-26T10:03:49.1234567Z", "2024-11-26 10:03:49.123456"),
        ("2024-11-26T10:03:49.999999999999Z", "2024-11-26 10:03:49.999999"),
        ("2024-11-26T10:03Z", "2024-11-26 10:03:00.000000"),
        ("20241126T100349Z", "2024-11-26 10:03:49.000000"),
        ("2024-11-26T24:00:00Z", "2024-11-27 00:00:00.000000"),
        ("1970-01-01T00:00:05Z", "1970-01-01 00:00:05.000000"),
        ("1969-12-31T23:59:59.5Z", "1969-12-31 23:59:59.500000"),
        ("2024-02-29T00:00:00Z", "2024-02-29 00:00:00.000000"),
    ],
)
def test_accepted(value: str, utc: str) -> None:
    found = timestamps.read(value)
    assert (timestamps.for_clickhouse(found.at), found.note) == (utc, "")


@pytest.mark.parametrize(
    ("value", "utc", "note"),
    [
        ("2024-11-26T10:03:49", "2024-11-26 10:03:49.000000", NO_ZONE),
        ("2024-11-26 10:03:49.5", "2024-11-26 10:03:49.500000", NO_ZONE),
        (1732615429, "2024-11-26 10:03:49.000000", SECONDS),
        (1732615429.25, "2024-11-26 10:03:49.250000", SECONDS),
        ("1732615429.1234567", "2024-11-26 10:03:49.123456", SECONDS),
        ("1732615429", "2024-11-26 10:03:49.000000", SECONDS),
        (1732615429123, "2024-11-26 10:03:49.123000", MILLISECONDS),
        ("1732615429123", "2024-11-26 10:03:49.123000", MILLISECONDS),
        ("2016-12-31T23:59:60Z", "2016-12-31 23:59:59.999999", LEAP),
        ("2017-01-01T00:59:60.5+01:00", "2016-12-31 23:59:59.999999", LEAP),
        ("2016-12-31T23:59:60", "2016-12-31 23:59:59.999999", f"{LEAP}, {NO_ZONE}"),
    ],
)
def test_read_with_a_note(value: object, utc: str, note: str) -> None:
    found = timestamps.read(value)
    assert (timestamps.for_clickhouse(found.at), found.note) == (utc, note)


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "x", "Z", "2024-11-26", "10:03:49Z", "2024-11-26T10Z", "2024-11-26T10:03:49.Z", "2024-W48-2T10:03:49Z"),
        *("2024-11-26T10:03:49+25:00", "2024-11-26T10:03:49+01:60", "2024-11-26T10:03:49+01:00Z", "2024-11-26T10:03:49 UTC"),
        *("2024-13-01T00:00:00Z", "2023-02-29T00:00:00Z", "2024-11-26T25:00:00Z", "2024-11-26T24:00:01Z", "2024-11-26T10:60:00Z"),
        *("2024-11-26T10:03:60Z", "2024-11-26T23:59:61Z", "26.11.2024 10:03:49", "2024/11/26 10:03:49", "2024-1126T10:03:49Z"),
        *("２０２４-11-26T10:03:49Z", "2024-11-26T10:03:49Z[UTC]", "20241126100349", "-1732615429", "173261542", "17326154291"),
        *(
            "0001-01-01T00:00:00Z",
            "1899-12-31T23:59:59Z",
            "2262-01-01T00:00:00Z",
            "9999-12-31T23:59:59-12:00",
            "0000-01-01T00:00:00Z",
        ),
        *(5, 0, -1732615429, 1732615429123456, 1e300, float("inf"), float("nan"), True, None, [], {}),
    ],
)
def test_not_read(value: object) -> None:
    with pytest.raises(ValueError, match=r"date and time|out of range") as error:
        timestamps.read(value)
    assert len(str(error.value)) < 100


MOMENTS = st.datetimes(datetime(1900, 1, 2), datetime(2261, 12, 30))
ZONES = st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59)).map(
    lambda ahead: timezone(timedelta(minutes=ahead // timedelta(minutes=1)))
)


@given(MOMENTS, ZONES, st.sampled_from("Tt "), st.sampled_from(".,"), st.text("0123456789", max_size=6))
def test_every_moment_comes_back_whatever_its_zone(moment: datetime, zone: timezone, t: str, point: str, finer: str) -> None:
    aware = moment.replace(tzinfo=zone)
    text = aware.isoformat(t, "microseconds").replace(".", point)
    text = text[:26] + finer + text[26:]
    found = timestamps.read(text)
    assert found == (aware, "")
    assert datetime.fromisoformat(timestamps.for_clickhouse(found.at)).replace(tzinfo=UTC) == aware


@given(st.integers(-(2**50), 2**50))
def test_the_gateways_clock_is_read_to_the_microsecond(microseconds: int) -> None:
    assert (timestamps.from_us(microseconds) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) == microseconds
    assert timestamps.us_for_clickhouse(microseconds) == timestamps.for_clickhouse(timestamps.from_us(microseconds))


NEARLY = st.from_regex(r"[12]\d{3}-?[01]\d-?[0-3]\d[Tt ]?[0-2]\d:?[0-6]\d(:?[0-6]\d([.,]\d{0,9})?)?( ?([Zz]|[+-]\d\d(:?\d\d)?))?")


@given(NEARLY | st.text(max_size=30) | st.integers() | st.floats() | st.none() | st.booleans() | st.lists(st.integers()))
def test_it_is_read_refused_or_noted_and_never_another_moment(value: object) -> None:
    try:
        found = timestamps.read(value)
    except ValueError:
        return
    assert found.at.tzinfo is UTC
    assert timestamps.EARLIEST <= found.at <= timestamps.LATEST
    if found.note:
        return
    assert isinstance(value, str)
    # What Python's own reader makes of it, where it takes it at all.
    try:
        other = datetime.fromisoformat(value.strip().upper().replace(" Z", "Z").replace(" +", "+").replace(" -", "-"))
    except ValueError:
        return
    assert found.at == other


STATUS = b'"connectorId":1,"errorCode":"NoError","status":"Available"'


class TestOnTheRow:
    @pytest.mark.parametrize(
        ("value", "column", "violations"),
        [
            ('"2024-11-26T10:03:49+01:00"', "2024-11-26 09:03:49.000000", []),
            ('"2024-11-26T10:03:49"', "2024-11-26 10:03:49.000000", [f"request.timestamp: {NO_ZONE}"]),
            ("1732615429", "2024-11-26 10:03:49.000000", [f"request.timestamp: {SECONDS}"]),
            ('""', None, ["request.timestamp: '' is not a date and time"]),
            ('"0001-01-01T00:00:00Z"', None, ["request.timestamp: '0001-01-01T00:00:00Z' is out of range"]),
            ("null", None, ["request.timestamp: expected text, got None"]),
        ],
    )
    def test_request_timestamp(self, value: str, column: str | None, violations: list[str]) -> None:
        found = row("StatusNotification", b'{%s,"timestamp":%s}' % (STATUS, value.encode()))
        assert (found.request_timestamp, found.violations) == (column, violations)

    def test_absent(self) -> None:
        found = row("StatusNotification", b"{%s}" % STATUS)
        assert (found.request_timestamp, found.violations) == (None, [])

    def test_of_meter_values_the_first_says_it_for_all(self) -> None:
        times = ["2024-11-26T10:03:49", "2024-11-26T10:04:49", "2024-11-26T10:05:49Z", "soon", None]
        found = unpack([{"timestamp": at, "sampledValue": [{"value": "1"}]} for at in times], "m")
        assert found.violations == [
            f"m[0].timestamp: {NO_ZONE}",
            "m[3].timestamp: 'soon' is not a date and time",
            "m[4].timestamp: missing",
        ]
        assert [sample.sampled_at and sample.sampled_at.minute for sample in found.samples] == [3, 4, 5, None, None]

    def test_numbers_too_long_for_python_to_write(self) -> None:
        with pytest.raises(ValueError, match="date and time"):
            timestamps.read(10**5000)
