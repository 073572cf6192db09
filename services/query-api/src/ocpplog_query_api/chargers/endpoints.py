"""GET /v1/chargers, /v1/chargers/{id} and its timeline."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from ocpplog_query_api.auth import CurrentCaller
from ocpplog_query_api.chargers.query import Filters
from ocpplog_query_api.chargers.repository import ChargerRepository
from ocpplog_query_api.chargers.schemas import ChargerDetail, ChargerPage, ChargerQuery, Site
from ocpplog_query_api.chargers.timeline import TimelineRepository
from ocpplog_query_api.chargers.timeline_schemas import Timeline, TimelineQuery
from ocpplog_query_api.database import CurrentDatabase
from ocpplog_query_api.errors import RESPONSES, NotFound, ProblemBody
from ocpplog_query_api.paging import Pages
from ocpplog_query_api.registry import CurrentRegistry

router = APIRouter(prefix="/v1/chargers", tags=["fleet"], responses=RESPONSES)
_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": ProblemBody, "description": "Unknown, or not yours to see"}}


@router.get("", summary="Chargers")
async def list_chargers(
    query: Annotated[ChargerQuery, Query()],
    request: Request,
    caller: CurrentCaller,
    database: CurrentDatabase,
    records: CurrentRegistry,
) -> ChargerPage:
    """By site and id, in pages: what is registered, and what ever came. A charger that moved is listed at each of its sites."""
    pages = Pages(request, caller.scope, ["chargers", query.identity()])
    pages.check(query.limit)
    repository = ChargerRepository(database, caller.scope, records)
    chosen = Filters(query.site, query.q, query.online, query.status)
    after = pages.after(query.cursor)
    items, place = await repository.page(chosen, (after[0], after[1]) if after else None, query.limit, datetime.now(UTC))
    return ChargerPage(items=list(items), next_cursor=pages.cursor(place))


@router.get("/{charger_id}", summary="A charger", responses=_MISSING)
async def read(
    charger_id: str, caller: CurrentCaller, database: CurrentDatabase, records: CurrentRegistry, site: Site = ""
) -> ChargerDetail:
    """Of several sites where it is or was, that where it is registered, or else was seen last."""
    repository = ChargerRepository(database, caller.scope, records)
    found = await repository.details(await repository.named(charger_id, [site] if site else []), datetime.now(UTC))
    if not found:
        raise NotFound("There is no such charger.")
    return max(found, key=lambda charger: (charger.registered is True, charger.last_seen or ""))


@router.get("/{charger_id}/timeline", summary="What happened to a charger", responses=_MISSING)
async def timeline(
    charger_id: str,
    query: Annotated[TimelineQuery, Query()],
    request: Request,
    caller: CurrentCaller,
    database: CurrentDatabase,
    records: CurrentRegistry,
) -> Timeline:
    """Newest first, in pages: connections, states, sessions, boots and failed exchanges, of all sites that may be seen."""
    pages = Pages(request, caller.scope, ["timeline", charger_id, query.identity()])
    pages.check(query.limit)
    sites = [query.site] if query.site else []
    found = query.search(charger_id, sites, datetime.now(UTC))
    items, place = await TimelineRepository(database, caller.scope).page(found, query.limit, pages.after(query.cursor))
    if not items and not await ChargerRepository(database, caller.scope, records).named(charger_id, sites):
        raise NotFound("There is no such charger.")
    return Timeline(items=items, next_cursor=pages.cursor(place))
