"""Where a charger belongs and is relayed to."""

from __future__ import annotations

import pytest

from ocpplog_common.records import Charger, Site
from ocpplog_gateway.errors import Refusal
from ocpplog_gateway.registry import Registry, Upstream

SITES = {"s1": Site(site_id="s1", upstream="ws://site"), "s2": Site(site_id="s2")}
NONE = Upstream()
CHARGERS = {
    "own": Charger(charger_id="own", site_id="s1", upstream="ws://own"),
    "site": Charger(charger_id="site", site_id="s1"),
    "default": Charger(charger_id="default", site_id="s2"),
    "stray": Charger(charger_id="stray", site_id="no such site"),
}


@pytest.mark.parametrize(
    ("charger_id", "upstream"),
    [("own", "ws://own"), ("site", "ws://site"), ("default", "ws://all"), ("stray", "ws://all")],
)
def test_the_narrowest_central_system(charger_id: str, upstream: str) -> None:
    registry = Registry(SITES, CHARGERS, "", Upstream("ws://all"))
    assert registry.upstream(registry.charger(charger_id)) == Upstream(upstream)


def test_without_any() -> None:
    registry = Registry(SITES, CHARGERS, "", NONE)
    assert registry.upstream(registry.charger("default")) is None


@pytest.mark.parametrize(
    ("charger", "site", "used"),
    [
        (Upstream(), Upstream(), Upstream("ws://all", "all")),
        (Upstream(), Upstream("", "site"), Upstream("ws://all", "site")),
        (Upstream("", "own"), Upstream("ws://site", "site"), Upstream("ws://site", "own")),
        (Upstream("", "own"), Upstream(), Upstream("ws://all", "own")),
        # What belongs to more than the charger is not sent where only the charger goes.
        (Upstream("ws://own"), Upstream("ws://site", "site"), Upstream("ws://own")),
        (Upstream(), Upstream("ws://site"), Upstream("ws://site")),
    ],
)
def test_whose_credentials_go_to_a_central_system(charger: Upstream, site: Upstream, used: Upstream) -> None:
    sites = {"s": Site(site_id="s", upstream=site.url, upstream_credentials=site.credentials)}
    record = Charger(charger_id="c", site_id="s", upstream=charger.url, upstream_credentials=charger.credentials)
    assert Registry(sites, {"c": record}, "", Upstream("ws://all", "all")).upstream(record) == used


def test_a_site_in_the_path() -> None:
    registry = Registry(SITES, CHARGERS, "s2", NONE)
    assert registry.charger("own", frozenset({"s1"})).site_id == "s1"
    assert registry.charger("nobody", frozenset({"s1", "s2"})).site_id == "s2"
    for charger_id in ("own", "nobody"):
        with pytest.raises(Refusal) as refusal:
            registry.charger(charger_id, frozenset({"s3"}))
        assert (refusal.value.status, refusal.value.reason) == (404, "unknown-charger")


def test_unknown_chargers() -> None:
    with pytest.raises(Refusal) as refusal:
        Registry(SITES, CHARGERS, "", NONE).charger("nobody")
    assert refusal.value.status == 404
    found = Registry(SITES, CHARGERS, "s2", NONE).charger("nobody")
    assert (found.site_id, found.password_hash) == ("s2", "")


@pytest.mark.parametrize(
    ("default", "charger_id", "site"),
    [("", "own", "s1"), ("", "nobody", ""), ("s2", "nobody", "s2"), ("s2", "own", "s1"), ("s2", "", "")],
)
def test_the_site_that_a_refusal_concerns(default: str, charger_id: str, site: str) -> None:
    assert Registry(SITES, CHARGERS, default, NONE).site_of(charger_id) == site
