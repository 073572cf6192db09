"""GET /v1/me and /v1/sites."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from ocpplog_common.tokens import ALL_SITES, Role
from ocpplog_query_api.auth import CurrentCaller
from ocpplog_query_api.database import CurrentDatabase
from ocpplog_query_api.errors import RESPONSES
from ocpplog_query_api.logs import query, times

router = APIRouter(prefix="/v1", tags=["caller"], responses=RESPONSES)


class Me(BaseModel):
    subject: str
    role: Role
    sites: list[str] = Field(description="Sites that may be seen; * means all")


class SiteSummary(BaseModel):
    site_id: str
    entries_24h: int = Field(description="Entries of the last 24 hours")
    last_entry: str = Field(description="When the newest entry came, UTC")


@router.get("/me", summary="Who am I")
async def me(caller: CurrentCaller) -> Me:
    sites = caller.scope.sites
    return Me(subject=caller.subject, role=caller.role, sites=[ALL_SITES] if sites is None else sorted(sites))


@router.get("/sites", summary="Sites with entries")
async def list_sites(caller: CurrentCaller, database: CurrentDatabase) -> list[SiteSummary]:
    statement = query.sites(database.name, caller.scope)
    rows = await database.rows("sites", statement.sql, statement.parameters)
    return [
        SiteSummary(site_id=row["site_id"], entries_24h=row["entries_24h"], last_entry=times.iso(row["last_entry"]))
        for row in rows
    ]
