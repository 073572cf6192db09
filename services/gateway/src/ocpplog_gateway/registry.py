"""Who may connect, where they belong and where they are relayed to: from the compacted topics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ocpplog_common.records import Charger, Site
from ocpplog_gateway.errors import Refusal


@dataclass(frozen=True, slots=True)
class Upstream:
    """A central system: its URL, to which the charger id is added, and the name of the gateway's credentials for it, if any."""

    url: str = ""
    credentials: str = ""


@dataclass(frozen=True, slots=True)
class Registry:
    """`default_site`: the site of unknown chargers, empty to refuse them. `default_upstream`: the central system for all
    without their own."""

    sites: Mapping[str, Site]
    chargers: Mapping[str, Charger]
    default_site: str
    default_upstream: Upstream

    def charger(self, charger_id: str, sites: frozenset[str] | None = None) -> Charger:
        """Raises Refusal (404) for a charger that is not known, or at none of `sites` (None: any)."""
        found = self.chargers.get(charger_id)
        if found is None and self.default_site:
            found = Charger(charger_id=charger_id, site_id=self.default_site)
        if found is None or (sites is not None and found.site_id not in sites):
            raise Refusal(404, "unknown-charger", "unknown charger")
        return found

    def site_of(self, charger_id: str) -> str:
        """The site that a refusal concerns; empty where it is nobody's."""
        found = self.chargers.get(charger_id)
        return found.site_id if found else self.default_site if charger_id else ""

    def upstream(self, charger: Charger) -> Upstream | None:
        """The central system: the charger's, else the site's, else the default; None where none is configured."""
        site = self.sites.get(charger.site_id)
        narrow = [Upstream(charger.upstream, charger.upstream_credentials)]
        if site:
            narrow.append(Upstream(site.upstream, site.upstream_credentials))
        credentials = ""
        for found in [*narrow, self.default_upstream]:
            # A charger may have credentials of its own for its site's central system. Never the other way round: a site's
            # must not go to the central system of one charger, which may be anybody's.
            credentials = credentials or found.credentials
            if found.url:
                return Upstream(found.url, credentials)
        return None
