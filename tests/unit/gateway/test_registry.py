"""Where a charger belongs and is relayed to."""

from __future__ import annotations

import pytest

from ocpplog_common.records import Charger, Site
from ocpplog_gateway.errors import Refusal
from ocpplog_gateway.registry import Registry

SITES = {"s1": Site(site_id="s1", upstream="ws://site"), "s2": Site(site_id="s2")}
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
    registry = Registry(SITES, CHARGERS, "", "ws://all")
    assert registry.upstream(registry.charger(charger_id)) == upstream


def test_without_any() -> None:
    registry = Registry(SITES, CHARGERS, "", "")
    with pytest.raises(Refusal) as refusal:
        registry.upstream(registry.charger("default"))
    assert refusal.value.status == 503


def test_unknown_chargers() -> None:
    with pytest.raises(Refusal) as refusal:
        Registry(SITES, CHARGERS, "", "").charger("nobody")
    assert refusal.value.status == 404
    found = Registry(SITES, CHARGERS, "s2", "").charger("nobody")
    assert (found.site_id, found.password_hash) == ("s2", "")


@pytest.mark.parametrize(
    ("default", "charger_id", "site"),
    [("", "own", "s1"), ("", "nobody", ""), ("s2", "nobody", "s2"), ("s2", "own", "s1"), ("s2", "", "")],
)
def test_the_site_that_a_refusal_concerns(default: str, charger_id: str, site: str) -> None:
    assert Registry(SITES, CHARGERS, default, "").site_of(charger_id) == site
