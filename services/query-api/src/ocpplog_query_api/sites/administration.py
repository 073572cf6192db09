"""Changes of sites: what is to be written, as ocpplog_common.record_writer asks for it. Each may be asked again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ocpplog_common import record_changes, topics
from ocpplog_common.level_changes import change_level
from ocpplog_common.record_changes import Records, Removal
from ocpplog_common.record_writer import Write
from ocpplog_common.records import Site
from ocpplog_query_api.errors import Forbidden, InvalidParameter, NotFound
from ocpplog_query_api.sites import levels
from ocpplog_query_api.sites.schemas import LogLevelBody, SiteBody
from ocpplog_query_api.verification import Caller
from ocpplog_query_api.writing import Preconditions


@dataclass(frozen=True, slots=True)
class SiteAdministration:
    """By one caller, who may change the sites that their token names."""

    records: Records
    caller: Caller
    conditions: Preconditions
    clock: Callable[[], datetime]

    def check_scope(self, site_id: str) -> None:
        """Raises NotFound, whether the site is there or not."""
        if not self.caller.scope.has(site_id):
            raise NotFound("There is no such site.")

    def put(self, site_id: str, body: SiteBody) -> tuple[Sequence[Write], tuple[Site, bool]]:
        """The record, and whether it is new. Raises ApiError and ValueErrors of ocpplog_common."""
        if not self.caller.scope.has(site_id):
            raise Forbidden("Your token does not name this site.")
        found = self.records.sites.get(site_id)
        self.conditions.check_replacing(found)
        line = Site(
            site_id,
            name=body.name,
            connectivity=body.connectivity,
            retention_days=body.retention_days,
            upstream=body.upstream,
            upstream_credentials=body.upstream_credentials,
            id_tags=body.id_tags,
        )
        changed = record_changes.put_site(self.records, line, who=self.caller.subject, now=self.clock())
        return [changed] if changed != found else [], (changed, found is None)

    def remove(self, site_id: str) -> tuple[Sequence[Write], None]:
        self.check_scope(site_id)
        self.conditions.check(self.records.sites.get(site_id))
        record_changes.check_site_unused(self.records, site_id)
        return [Removal(topics.SITES, site_id)], None

    def change_level(self, site_id: str, body: LogLevelBody) -> tuple[Sequence[Write], Site]:
        self.check_scope(site_id)
        now = self.clock()
        site = record_changes.site(self.records, site_id)
        self.conditions.check(site)
        changed = change_level(site, body.level, who=self.caller.subject, why=body.reason, now=now, until=_until(body, now))
        return [changed], changed


def _until(body: LogLevelBody, now: datetime) -> datetime | None:
    try:
        return levels.parse_until(body.until, now) if body.until else None
    except ValueError as error:
        raise InvalidParameter("until", str(error)) from None
