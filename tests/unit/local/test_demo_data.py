"""The demo's sites and chargers as the records that the services read."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from ocpplog_common.levels import Level
from ocpplog_common.records import decode_charger, decode_site, encode
from ocpplog_common.secrets import verify_password
from ocpplog_local.demo.data import CHARGERS, demo_chargers, demo_sites
from ocpplog_local.demo.meter import MeterStyle

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_there_is_one_site_at_each_level() -> None:
    assert {site.site_id: site.level_at(NOW) for site in demo_sites()} == {
        "harbour-depot": Level.MINIMAL,
        "city-garage": Level.INFO,
        "test-lab": Level.DEBUG,
    }


def test_each_site_has_four_chargers() -> None:
    assert Counter(charger.site_id for charger in demo_chargers()) == {site.site_id: 4 for site in demo_sites()}


def test_the_records_survive_their_topic() -> None:
    assert [decode_site(encode(site)) for site in demo_sites()] == demo_sites()
    assert [decode_charger(encode(charger)) for charger in demo_chargers()] == demo_chargers()


def test_each_start_writes_the_same_records() -> None:
    assert demo_chargers() == demo_chargers()


def test_the_password_that_a_charger_sends_is_the_one_on_record() -> None:
    records = {record.charger_id: record for record in demo_chargers()}
    secured = [charger for charger in CHARGERS if charger.secured]
    assert secured
    for charger in secured:
        assert 16 <= len(charger.password) <= 20
        assert verify_password(charger.password.encode(), records[charger.charger_id].password_hash)


def test_a_charger_without_password_has_no_hash() -> None:
    open_ones = {charger.charger_id for charger in CHARGERS if not charger.secured}
    assert {record.charger_id for record in demo_chargers() if not record.password_hash} == open_ones


def test_the_fleet_has_variety() -> None:
    assert {charger.profile.meter_style for charger in CHARGERS} == set(MeterStyle)
    assert any(charger.connectors > 1 for charger in CHARGERS)
    assert any("*" in charger.charger_id for charger in CHARGERS)
    assert any(charger.profile.utc_offset_minutes for charger in CHARGERS)
    assert sum(charger.odd for charger in CHARGERS) == 1
