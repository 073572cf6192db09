"""The scale of a histogram."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplog_query_api.logs import summaries, times
from ocpplog_query_api.logs.search import Search
from ocpplog_query_api.moving import PREFIX
from ocpplog_query_api.scope import Scope

NOW = datetime(2026, 11, 24, 12, 34, 56, tzinfo=UTC)
moments = st.datetimes(times.EARLIEST.replace(tzinfo=None), times.LATEST.replace(tzinfo=None), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        (timedelta(seconds=30), 1),
        (timedelta(minutes=10), 15),
        (timedelta(hours=1), 120),
        (timedelta(days=1), 1800),
        (timedelta(days=14), 6 * 3600),
        (timedelta(days=400), 7 * 86400),
        (timedelta(days=4000), 3 * 30 * 86400),
    ],
)
def test_as_narrow_as_sixty_buckets_allow(span: timedelta, seconds: int) -> None:
    assert summaries.scale(Search(since=NOW - span), NOW, 60).seconds == seconds


def test_without_a_beginning_it_is_the_day_before_the_end() -> None:
    found = summaries.scale(Search(until=NOW - timedelta(days=5)), NOW, 60)
    assert (found.since, found.until) == (NOW - timedelta(days=6), NOW - timedelta(days=5))
    assert summaries.scale(Search(), NOW + timedelta(milliseconds=3), 60).until == NOW + timedelta(seconds=1)


def test_what_is_counted_from_now_moves_with_the_clock_and_what_is_named_does_not() -> None:
    def moving(search: Search) -> tuple[bool, bool]:
        found = summaries.scale(search, NOW, 60)
        names = summaries.histogram("log", Scope(None), search, "none", found).parameters
        assert {PREFIX + "since", "since"} & names.keys() and {PREFIX + "until", "until"} & names.keys()
        return PREFIX + "since" in names, PREFIX + "until" in names

    named, relative = NOW - timedelta(days=5), times.parse("-24h", NOW)
    assert moving(Search()) == moving(Search(since=relative)) == (True, True)
    assert moving(Search(since=named)) == (False, True)
    assert moving(Search(until=named)) == moving(Search(since=named, until=NOW)) == (False, False)


def test_days_begin_at_midnight_and_weeks_on_mondays() -> None:
    day = summaries.Scale(NOW - timedelta(days=3), NOW, 86400)
    assert day.start(day.numbers[0]) == datetime(2026, 11, 21, tzinfo=UTC)
    week = summaries.Scale(NOW - timedelta(days=3), NOW, 7 * 86400)
    assert [week.start(number) for number in week.numbers] == [datetime(2026, 11, day, tzinfo=UTC) for day in (16, 23)]


@given(moments, moments, st.integers(2, 500))
def test_every_moment_has_its_bucket(one: datetime, other: datetime, at_most: int) -> None:
    since, until = min(one, other), max(one, other)
    found = summaries.scale(Search(since=since, until=until), NOW, at_most)
    assert len(found.numbers) <= at_most
    if since < until:
        last = max(since, until - timedelta(milliseconds=1))
        assert found.start(found.numbers[0]) <= since < found.start(found.numbers[0] + 1)
        assert found.start(found.numbers[-1]) <= last < found.start(found.numbers[-1] + 1)
    else:
        assert not found.numbers
