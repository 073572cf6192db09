"""Sites, as the tables and the records tell of them: what is logged now, and when those came last that are quiet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.fleet_support import Fleet, ago, running_fleet

TODAY, BEFORE = ago(hours=1), ago(hours=50)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """`busy` has entries of today and before, `quiet` of before alone, `new` none but a record."""
    with running_fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        for charger, moment in (("A1", TODAY), ("A1", ago(hours=2)), ("A2", ago(hours=3)), ("A3", ago(hours=40))):
            fleet.log.exchange("24 10:00", charger, "Heartbeat", site_id="busy", datetime=moment)
        for moment in (BEFORE, ago(hours=60)):
            fleet.log.exchange("24 10:00", "B1", "Heartbeat", site_id="quiet", datetime=moment)
        for number, charger in enumerate(("A1", "A2", "B1")):
            site = "quiet" if charger == "B1" else "busy"
            fleet.log.connection("24 10:00", charger, "connect", number, site_id=site)
        fleet.records.ready = True
        fleet.records.site("new", "info")
        yield fleet


def numbers(site: Any) -> tuple[str, int, int]:
    return site["site_id"], site["chargers"], site["entries_24h"]


def test_those_of_today_are_counted(fleet: Fleet) -> None:
    assert [numbers(site) for site in fleet.get("/v1/sites")] == [("busy", 2, 3), ("new", 0, 0), ("quiet", 1, 0)]


def test_a_quiet_site_says_when_it_was_last_heard(fleet: Fleet) -> None:
    last = {site["site_id"]: site["last_entry"] for site in fleet.get("/v1/sites")}
    assert (last["busy"], last["quiet"]) == tuple(moment.replace(" ", "T") + "Z" for moment in (TODAY, BEFORE))
    assert last["new"] is None


@pytest.mark.parametrize("site", ["busy", "quiet"])
def test_one_alone_says_the_same(fleet: Fleet, site: str) -> None:
    [listed] = [found for found in fleet.get("/v1/sites") if found["site_id"] == site]
    assert fleet.get(f"/v1/sites/{site}").items() >= listed.items()


def test_others_do_not_see_them(fleet: Fleet) -> None:
    assert [numbers(site) for site in fleet.get("/v1/sites", ("quiet",))] == [("quiet", 1, 0)]
    fleet.problem(404, "not-found", "/v1/sites/busy", ("quiet",))
