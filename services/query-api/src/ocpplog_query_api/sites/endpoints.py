"""Sites and their log levels: /v1/sites."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Response

from ocpplog_common.records import Site
from ocpplog_query_api.auth import CurrentCaller, SupportCaller
from ocpplog_query_api.database import CurrentDatabase
from ocpplog_query_api.errors import RESPONSES, NotFound, documented
from ocpplog_query_api.registry import CurrentRegistry
from ocpplog_query_api.sites import levels
from ocpplog_query_api.sites.administration import SiteAdministration
from ocpplog_query_api.sites.repository import SiteRepository
from ocpplog_query_api.sites.schemas import LogLevel, LogLevelBody, SiteBody, SiteDetail, SiteSummary, SiteWritten
from ocpplog_query_api.writing import OF_PUT, PROBLEMS, CurrentChanges, GivenPreconditions, KnownRegistry, etag

router = APIRouter(prefix="/v1/sites", tags=["fleet"], responses=RESPONSES)
SiteId = Annotated[str, Path(max_length=256, description="Site id")]
_MISSING: Final = documented(NotFound)


def _now() -> datetime:
    return datetime.now(UTC)


async def repository(caller: CurrentCaller, database: CurrentDatabase, records: CurrentRegistry) -> SiteRepository:
    return SiteRepository(database, caller.scope, caller.role, records)


async def administration(caller: SupportCaller, records: KnownRegistry, conditions: GivenPreconditions) -> SiteAdministration:
    return SiteAdministration(records, caller, conditions, _now)


Sites = Annotated[SiteRepository, Depends(repository)]
Administration = Annotated[SiteAdministration, Depends(administration)]


@router.get("", summary="Sites", response_model=list[SiteSummary])
async def list_sites(sites: Sites) -> list[SiteDetail]:
    """All that may be seen: those that are registered, and those that only have entries."""
    return await sites.sites(_now())


@router.get("/{site_id}", summary="A site", responses=_MISSING)
async def read(site_id: SiteId, sites: Sites, records: CurrentRegistry, response: Response) -> SiteDetail:
    """With an ETag for the role support: what a change of it names in If-Match."""
    record = records.sites.get(site_id)
    found = await sites.sites(_now(), [site_id])
    if not found:
        raise NotFound("There is no such site.")
    if record and found[0].upstream is not None:
        response.headers["ETag"] = etag(record)
    return found[0]


@router.put("/{site_id}", summary="Create or replace a site", responses=PROBLEMS | OF_PUT | {201: {"model": SiteWritten}})
async def put(
    site_id: SiteId, body: SiteBody, to: Administration, changes: CurrentChanges, sites: Sites, response: Response
) -> SiteWritten:
    """201 for a new one. Whoever replaces one sends its ETag as If-Match. Answered once Kafka has acknowledged, from the record:
    while the log cannot be read, its numbers are null."""
    record, is_new = await changes.make(lambda: to.put(site_id, body))
    response.status_code = 201 if is_new else 200
    response.headers["ETag"] = etag(record)
    return await sites.written(record, _now())


@router.delete("/{site_id}", summary="Remove a site", status_code=204, response_class=Response, responses=PROBLEMS)
async def remove(site_id: SiteId, to: Administration, changes: CurrentChanges) -> None:
    """409 while chargers belong to it. Its entries stay, and go on at level info where chargers still come."""
    await changes.make(lambda: to.remove(site_id))


@router.get("/{site_id}/log-level", summary="A site's log level, and its changes", responses=_MISSING)
async def read_level(site_id: SiteId, sites: Sites, records: KnownRegistry) -> LogLevel:
    record = records.sites.get(site_id)
    if not await sites.sites(_now(), [site_id]):
        raise NotFound("There is no such site.")
    return levels.described(record or Site(site_id), _now())


@router.put("/{site_id}/log-level", summary="Change a site's log level", responses=PROBLEMS)
async def put_level(site_id: SiteId, body: LogLevelBody, to: Administration, changes: CurrentChanges) -> LogLevel:
    """With `until`, the site falls back then to what it had. Answered once Kafka has acknowledged; takes effect within 2 s."""
    changed = await changes.make(lambda: to.change_level(site_id, body))
    return levels.described(changed, _now())
