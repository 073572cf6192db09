"""A site's level at any moment, and the changes that made it so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplog_common import records
from ocpplog_common.level_changes import MOST_CHANGES, LevelChangeError, change_level, put_over
from ocpplog_common.levels import Level
from ocpplog_common.records import Connectivity, LevelChange, LevelName, RecordError, Site

MINIMAL, INFO, DEBUG = LevelName.MINIMAL, LevelName.INFO, LevelName.DEBUG
T0 = datetime(2026, 11, 24, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def changed(site: Site, level: LevelName | None, minute: float, until: float | None = None) -> Site:
    return change_level(site, level, who="anna", why="looking", now=at(minute), until=None if until is None else at(until))


def levels(site: Site, *minutes: float) -> list[str]:
    return [str(site.level_at(at(minute))) for minute in minutes]


SITE = Site(site_id="s")


class TestAtAnyMoment:
    def test_a_change_concerns_what_comes_after_it(self) -> None:
        site = changed(changed(SITE, DEBUG, 10), MINIMAL, 20)
        assert levels(site, 0, 9.99, 10, 19.99, 20, 99) == ["info", "info", "debug", "debug", "minimal", "minimal"]

    def test_after_the_expiry_it_is_the_level_that_the_site_had(self) -> None:
        for before in (None, MINIMAL):
            site = changed(Site(site_id="s", level=before), DEBUG, 10, until=20)
            had = str(before or INFO)
            assert levels(site, 0, 10, 19.99, 20, 99) == [had, "debug", "debug", had, had]

    def test_prolonged(self) -> None:
        site = changed(changed(SITE, DEBUG, 10, until=20), DEBUG, 15, until=30)
        assert levels(site, 16, 20, 29.99, 30) == ["debug", "debug", "debug", "info"]

    def test_a_shorter_one_within_a_longer_one(self) -> None:
        site = changed(changed(SITE, DEBUG, 10, until=60), MINIMAL, 20, until=30)
        assert levels(site, 15, 25, 30, 59, 60) == ["debug", "minimal", "debug", "debug", "info"]

    def test_when_the_level_in_force_ends(self) -> None:
        site = changed(changed(SITE, DEBUG, 10, until=60), MINIMAL, 20, until=30)
        assert [site.level_ends_at(at(minute)) for minute in (5, 15, 25, 30, 59, 60)] == [
            None,
            None,
            at(30),
            at(60),
            at(60),
            None,
        ]
        assert changed(site, INFO, 40).level_ends_at(at(50)) is None
        of_old = msgspec.structs.replace(changed(SITE, DEBUG, 10, until=60), history=())
        assert [of_old.level_ends_at(at(minute)) for minute in (15, 60)] == [at(60), None]

    def test_a_change_for_good_ends_what_has_an_expiry(self) -> None:
        site = changed(changed(SITE, DEBUG, 10, until=60), INFO, 20)
        assert levels(site, 15, 20, 59, 60) == ["debug", "info", "info", "info"]
        assert (site.level, site.level_until, site.level_after) == (INFO, None, None)

    def test_the_past_stays_what_it_was_when_the_default_changes(self) -> None:
        site = changed(changed(SITE, DEBUG, 10, until=20), MINIMAL, 30)
        assert levels(msgspec.structs.replace(site, connectivity=Connectivity.WIRELESS), 0, 25) == ["info", "info"]

    def test_to_the_default_of_the_connectivity(self) -> None:
        site = changed(changed(Site(site_id="s", connectivity=Connectivity.WIRELESS), DEBUG, 10), None, 20)
        assert site.level is None
        assert levels(site, 15, 20) == ["debug", "minimal"]

    def test_a_record_says_the_same_without_its_history(self) -> None:
        """Who reads level, expiry and what comes after alone, as older releases do, finds what holds from now on."""
        for site in (changed(SITE, DEBUG, 10), changed(changed(SITE, DEBUG, 10, until=60), DEBUG, 20, until=30)):
            old = msgspec.structs.replace(site, history=())
            assert levels(old, 25, 70) == levels(site, 25, 70)

    def test_at_most_fifty_are_kept_and_before_them_it_is_what_the_oldest_found(self) -> None:
        site = SITE
        for minute in range(60):
            site = changed(site, (DEBUG, MINIMAL)[minute % 2], minute)
        assert len(site.history) == MOST_CHANGES
        assert [change.at for change in site.history] == sorted((at(minute) for minute in range(10, 60)), reverse=True)
        assert levels(site, 3, 10, 11) == ["minimal", "debug", "minimal"]


class TestChanges:
    def test_who_when_from_what_to_what_until_and_why(self) -> None:
        site = changed(SITE, DEBUG, 10, until=20)
        assert site.history == (LevelChange(who="anna", at=at(10), before=INFO, after=DEBUG, why="looking", until=at(20)),)
        assert records.decode_site(records.encode(site)) == site

    @pytest.mark.parametrize("until", [9, 10])
    def test_an_expiry_in_the_past(self, until: float) -> None:
        with pytest.raises(LevelChangeError, match="expiry in the past"):
            changed(SITE, DEBUG, 10, until=until)

    @pytest.mark.parametrize("missing", ["who", "why"])
    def test_somebody_for_some_reason(self, missing: str) -> None:
        said: dict[str, Any] = {"who": "anna", "why": "looking", missing: " "}
        with pytest.raises(LevelChangeError, match="who changes the level, and why"):
            change_level(SITE, DEBUG, now=T0, **said)

    def test_a_clock_that_is_behind_the_last_change(self) -> None:
        with pytest.raises(LevelChangeError, match="later than this clock"):
            changed(changed(SITE, DEBUG, 10), INFO, 9)

    def test_the_rest_of_the_record_stays(self) -> None:
        site = Site(site_id="s", name="S", upstream="ws://x", id_tags=records.IdTags.MASKED, retention_days=30)
        new = msgspec.to_builtins(changed(site, DEBUG, 1))
        assert {**new, **msgspec.to_builtins(site)} == new


_CHANGES = st.lists(st.tuples(st.sampled_from([None, MINIMAL, INFO, DEBUG]), st.integers(1, 9), st.none() | st.integers(1, 30)))


@given(_CHANGES)
def test_whatever_comes_later_what_was_stays(steps: list[tuple[LevelName | None, int, int | None]]) -> None:
    """The level that was in force at a moment, as the record of then said, is what every later record says of it."""
    site, now, known = SITE, 0, dict[float, Level]()
    for level, pause, lasts in steps[:MOST_CHANGES]:
        known |= {minute + 0.5: site.level_at(at(minute + 0.5)) for minute in range(now, now + pause)}
        now += pause
        site = changed(site, level, now, None if lasts is None else now + lasts)
        assert {minute: site.level_at(at(minute)) for minute in known} == known


class TestOldRecords:
    OLD = (
        b'{"site_id":"s","level":"debug","level_until":"2026-11-24T12:20:00Z","last_change":'
        b'{"who":"bert","at":"2026-11-24T12:10:00Z","before":"minimal","after":"debug","why":"x"}}'
    )

    def test_the_last_change_is_the_history(self) -> None:
        site = records.decode_site(self.OLD)
        assert [(change.who, change.until) for change in site.history] == [("bert", at(20))]
        assert levels(site, 9, 10, 19, 20) == ["minimal", "debug", "debug", "info"]
        assert records.decode_site(records.encode(site)) == site

    def test_one_that_is_at_odds_with_the_level_decides_nothing(self) -> None:
        site = records.decode_site(self.OLD.replace(b'"after":"debug"', b'"after":"info"'))
        assert levels(site, 9, 10, 20) == ["debug", "debug", "info"]

    @pytest.mark.parametrize(
        "field",
        [
            b'"level_until":"2026-11-24T12:20:00"',
            b'"retention_days":0',
            b'"retention_days":3651',
            b'"retention_days":"9"',
            b'"history":[{"who":"b","at":"2026-11-24T12:10:00","before":"info","after":"debug"}]',
        ],
    )
    def test_what_could_not_be_compared_is_no_record(self, field: bytes) -> None:
        with pytest.raises(RecordError):
            records.decode_site(b'{"site_id":"s",%b}' % field)


class TestPut:
    """`ocpplog-admin put sites` over a site that is there."""

    FOUND = changed(Site(site_id="s", name="old"), DEBUG, 10, until=60)

    def put(self, line: Site, found: Site | None = FOUND) -> Site:
        return put_over(found, line, who="carl", now=at(20))

    def test_a_line_without_a_level_keeps_level_and_history(self) -> None:
        site = self.put(Site(site_id="s", name="new", upstream="ws://x"))
        assert site == msgspec.structs.replace(self.FOUND, name="new", upstream="ws://x")

    def test_the_level_that_the_site_has_for_good_is_no_change(self) -> None:
        assert self.put(Site(site_id="s", name="old", level=INFO)) == self.FOUND

    def test_another_level_is_a_change_for_good(self) -> None:
        site = self.put(Site(site_id="s", level=MINIMAL))
        assert [(change.who, change.before, change.after) for change in site.history] == [
            ("carl", DEBUG, MINIMAL),
            ("anna", INFO, DEBUG),
        ]
        assert levels(site, 15, 20, 70) == ["debug", "minimal", "minimal"]

    def test_so_is_another_default(self) -> None:
        site = self.put(Site(site_id="s", connectivity=Connectivity.WIRELESS), found=SITE)
        assert levels(site, 15, 20) == ["info", "minimal"]
        back = put_over(site, SITE, who="carl", now=at(30))
        assert levels(back, 15, 25, 30) == ["info", "minimal", "info"]

    def test_a_default_does_not_touch_a_level_that_was_set(self) -> None:
        found = changed(SITE, DEBUG, 10)
        assert self.put(Site(site_id="s", connectivity=Connectivity.WIRELESS), found).history == found.history

    def test_an_expiry_is_refused_unless_it_is_the_one_there(self) -> None:
        with pytest.raises(LevelChangeError, match=r"s: level_until: .*ocpplog-admin level"):
            self.put(Site(site_id="s", level=DEBUG, level_until=at(61)))
        line = Site(site_id="s", name="old", level=DEBUG, level_until=at(60))
        assert self.put(line) == self.FOUND

    def test_a_copy_of_the_topic_and_a_new_site_are_taken_as_they_are(self) -> None:
        copy = changed(SITE, MINIMAL, 5)
        assert self.put(copy) is copy
        assert self.put(SITE, found=None) is SITE
