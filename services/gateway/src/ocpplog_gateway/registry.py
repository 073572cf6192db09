"""Who may connect, where they belong and where they are relayed to: from the compacted topics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ocpplog_common.records import Charger, Site
from ocpplog_gateway.errors import Refusal


@dataclass(frozen=True, slots=True)
class Registry:
    """`default_site`: the site of unknown chargers, empty to refuse them. `default_upstream`: the central system for all
    without their own."""

    sites: Mapping[str, Site]
    chargers: Mapping[str, Charger]
    default_site: str
    default_upstream: str

    def charger(self, charger_id: str) -> Charger:
        """Raises Refusal (404) for a charger that is not known."""
        if (found := self.chargers.get(charger_id)) is not None:
            return found
        if not self.default_site:
            raise Refusal(404, "unknown-charger", "unknown charger")
        return Charger(charger_id=charger_id, site_id=self.default_site)

    def site_of(self, charger_id: str) -> str:
        """The site that a refusal concerns; empty where it is nobody's."""
        found = self.chargers.get(charger_id)
        return found.site_id if found else self.default_site if charger_id else ""

    def upstream(self, charger: Charger) -> str:
        """The URL of the central system. Raises Refusal (503) where there is none."""
        site = self.sites.get(charger.site_id)
        found = charger.upstream or (site.upstream if site else "") or self.default_upstream
        if not found:
            raise Refusal(503, "no-upstream", "no central system is configured for this charger")
        return found
