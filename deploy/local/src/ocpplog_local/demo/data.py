"""The demo's sites and chargers: one site a log level, four chargers a site."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from ocpplog_common.records import Charger, Connectivity, LevelChange, LevelName, Site
from ocpplog_common.secrets import hash_password
from ocpplog_local.demo.profiles import AMPERIA, HELIX, NORDKRAFT, VOLTARA, Profile


@dataclass(frozen=True)
class DemoCharger:
    """A charger of the fleet. `secured`: it sends a Basic password. `odd`: now and then it sends what is no OCPP."""

    charger_id: str
    site_id: str
    profile: Profile
    connectors: int = 1
    secured: bool = False
    odd: bool = False

    @property
    def password(self) -> str:
        """20 characters, the same on every machine: this is a demo and guards nothing. Empty: none is sent."""
        return _digest("password", self.charger_id).hex()[:20] if self.secured else ""


HARBOUR_DEPOT = Site(site_id="harbour-depot", name="Harbour depot", connectivity=Connectivity.WIRELESS)
CITY_GARAGE = Site(site_id="city-garage", name="City garage", connectivity=Connectivity.LAN)
TEST_LAB = Site(
    site_id="test-lab",
    name="Test lab",
    connectivity=Connectivity.LAN,
    level=LevelName.DEBUG,
    history=(
        LevelChange(
            who="demo",
            at=datetime(2026, 1, 1, tzinfo=UTC),
            before=LevelName.INFO,
            after=LevelName.DEBUG,
            why="The lab wants to see everything",
        ),
    ),
)

SITES = (HARBOUR_DEPOT, CITY_GARAGE, TEST_LAB)

CHARGERS = (
    DemoCharger("HARBOUR-01", "harbour-depot", HELIX),
    DemoCharger("HARBOUR-02", "harbour-depot", HELIX, secured=True),
    DemoCharger("HARBOUR-03", "harbour-depot", NORDKRAFT),
    DemoCharger("HARBOUR-04", "harbour-depot", AMPERIA),
    DemoCharger("GARAGE-01", "city-garage", NORDKRAFT, secured=True),
    DemoCharger("GARAGE-02", "city-garage", HELIX, connectors=3),
    DemoCharger("GARAGE-03", "city-garage", AMPERIA),
    DemoCharger("DE*HUB*E0042", "city-garage", VOLTARA, connectors=2),
    DemoCharger("LAB-01", "test-lab", HELIX),
    DemoCharger("LAB-02", "test-lab", VOLTARA, connectors=2, secured=True),
    DemoCharger("LAB-03", "test-lab", AMPERIA),
    DemoCharger("LAB-04", "test-lab", NORDKRAFT, odd=True),
)


def demo_sites() -> list[Site]:
    """The records of `ocpp.sites`."""
    return list(SITES)


def demo_chargers() -> list[Charger]:
    """The records of `ocpp.chargers`."""
    return [Charger(charger.charger_id, charger.site_id, _password_hash(charger)) for charger in CHARGERS]


def _password_hash(charger: DemoCharger) -> str:
    # The salt is derived, so that every start writes the same records and a compacted topic does not change.
    return hash_password(charger.password.encode(), _digest("salt", charger.charger_id)[:16]) if charger.secured else ""


def _digest(purpose: str, charger_id: str) -> bytes:
    return hashlib.sha256(f"ocpplog demo {purpose} {charger_id}".encode()).digest()
