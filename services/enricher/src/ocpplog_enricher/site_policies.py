"""What is logged of a site, and how: from the records of `ocpp.sites`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

import structlog

from ocpplog_common import id_tags
from ocpplog_common.envelope import Envelope
from ocpplog_common.levels import Level, admits
from ocpplog_common.records import UNKNOWN_SITE_LEVEL, IdTags, Site
from ocpplog_enricher import metrics
from ocpplog_enricher.domain.policy import Policy, Retention

_log = structlog.get_logger(__name__)
_UNKNOWN_SITE: Final = f"log: the site is not in ocpp.sites: logged at level {UNKNOWN_SITE_LEVEL}"


class SitePolicies:
    """`sites` follows the records; `key` is that of the hashes of RFID tags, empty: there is none. `retention` is that of sites
    without their own, `hide_unknown` what becomes of tags of sites without a record; None: they stay."""

    def __init__(
        self,
        sites: Mapping[str, Site],
        key: bytes,
        retention: Retention | None = None,
        hide_unknown: Callable[[bytes], str] | None = None,
    ) -> None:
        self._sites = sites
        self._hashed = partial(id_tags.hashed, key=key) if key else None
        self._retention = retention or Retention()
        self._hide_unknown = hide_unknown
        self._said: set[tuple[str, str]] = set()
        self._usual: dict[str, tuple[Site, Policy]] = {}
        """Of each site that was met: its record, and what that says. Thousands of rows ask the same."""

    def admits(self, site_id: str, action: str, at_us: int) -> bool:
        """Whether the site's level at that moment (microseconds, UTC) wants the action logged."""
        return admits(self._level(site_id, at_us), action)

    def policy(self, envelope: Envelope) -> Policy:
        """How the row that is written now has to look, of the exchange that began with this frame. The level is that of then,
        all else as the site's record is now."""
        site = self._sites.get(envelope.site_id)
        notes = self._notes(envelope, site)
        if site is None:
            return Policy(self._hide_unknown, notes, self._retention)
        usual = self._usual.get(site.site_id)
        if usual is None or usual[0] is not site:
            usual = self._usual[site.site_id] = site, Policy(self._hide_tag(site), (), self._retention_of(site))
        return replace(usual[1], notes=notes) if notes else usual[1]

    def knows(self, site_id: str) -> bool:
        """Whether the site has a record."""
        return site_id in self._sites

    def lacks_key(self, site_ids: Iterable[str]) -> list[str]:
        """Which of these sites hash their RFID tags, while there is no key to do it with."""
        if self._hashed is not None:
            return []
        return sorted(name for name in site_ids if (site := self._sites.get(name)) and site.id_tags is IdTags.HASHED)

    def event_days(self, site_id: str) -> int:
        """How long the site wants the rows of its connection events kept, in days. An event has no action, and counts as `info`
        like all such."""
        site = self._sites.get(site_id)
        return (self._retention_of(site) if site else self._retention).info

    def _retention_of(self, site: Site) -> Retention:
        days = site.retention_days
        return self._retention if days is None else Retention(days, days, days)

    def _level(self, site_id: str, at_us: int) -> Level:
        site = self._sites.get(site_id)
        return site.level_at(datetime.fromtimestamp(at_us / 1_000_000, UTC)) if site else UNKNOWN_SITE_LEVEL

    def _notes(self, envelope: Envelope, site: Site | None) -> tuple[str, ...]:
        if site is not None and envelope.registered:
            return ()
        found = []
        if site is None:
            metrics.UNKNOWN_SITE.inc()
            tags = "hidden" if self._hide_unknown else "as they are"
            self._say_once(f"unknown site: logged at the default level, tags {tags}", envelope.site_id)
            found.append(_UNKNOWN_SITE)
        if not envelope.registered:
            metrics.UNKNOWN_CHARGER.inc()
            level = self._level(envelope.site_id, envelope.received_at_us)
            found.append(f"log: the charger is not in ocpp.chargers: logged at level {level}")
        return tuple(found)

    def _hide_tag(self, site: Site) -> Callable[[bytes], str] | None:
        if site.id_tags is IdTags.PLAIN:
            return None
        if site.id_tags is IdTags.HASHED and self._hashed is None:
            self._say_once("no key to hash RFID tags with (OCPPLOG_ENRICHER_ID_TAG_KEY_FILE): masked", site.site_id)
        return (self._hashed if site.id_tags is IdTags.HASHED else None) or id_tags.masked

    def _say_once(self, what: str, site_id: str) -> None:
        if (what, site_id) not in self._said:
            self._said.add((what, site_id))
            _log.warning(what, site=site_id)
