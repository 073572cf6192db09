"""What is logged of a site, and how: from the records of `ocpp.sites` as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final

import structlog

from ocpplog_common import id_tags
from ocpplog_common.levels import admits
from ocpplog_common.records import UNKNOWN_SITE_LEVEL, IdTags, Site
from ocpplog_enricher import metrics
from ocpplog_enricher.domain.policy import AS_IT_IS, Policy

_log = structlog.get_logger(__name__)
_MASKED: Final = Policy(hide_tag=id_tags.masked)
_UNKNOWN: Final = Policy(notes=(f"log: the site is not in ocpp.sites: logged at level {UNKNOWN_SITE_LEVEL}",))


class SitePolicies:
    """`sites` follows the records; `key` is that of the hashes of RFID tags, empty: there is none."""

    def __init__(self, sites: Mapping[str, Site], key: bytes) -> None:
        self._sites = sites
        self._hashed = Policy(hide_tag=partial(id_tags.hashed, key=key)) if key else None
        self._said: set[tuple[str, str]] = set()

    def admits(self, site_id: str, action: str, at_us: int) -> bool:
        """Whether the site's level at that moment (microseconds, UTC) wants the action logged."""
        site = self._sites.get(site_id)
        level = site.level_at(datetime.fromtimestamp(at_us / 1_000_000, UTC)) if site else UNKNOWN_SITE_LEVEL
        return admits(level, action)

    def policy(self, site_id: str) -> Policy:
        """How a row of the site that is written now has to look."""
        site = self._sites.get(site_id)
        if site is None:
            metrics.UNKNOWN_SITE.inc()
            self._say_once("unknown site: logged at the default level, tags as they are", site_id)
            return _UNKNOWN
        if site.id_tags is IdTags.PLAIN:
            return AS_IT_IS
        if site.id_tags is IdTags.HASHED and self._hashed is None:
            self._say_once("no key to hash RFID tags with (OCPPLOG_ENRICHER_ID_TAG_KEY_FILE): masked", site_id)
        return (self._hashed if site.id_tags is IdTags.HASHED else None) or _MASKED

    def _say_once(self, what: str, site_id: str) -> None:
        if (what, site_id) not in self._said:
            self._said.add((what, site_id))
            _log.warning(what, site=site_id)
