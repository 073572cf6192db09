"""GET /v1/sites."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from ocpplog_query_api.auth import CurrentCaller
from ocpplog_query_api.database import CurrentDatabase
from ocpplog_query_api.errors import RESPONSES
from ocpplog_query_api.logs import query, times

router = APIRouter(prefix="/v1", tags=["caller"], responses=RESPONSES)


class SiteSummary(BaseModel):
    site_id: str
    entries_24h: int = Field(description="Entries of the last 24 hours")
    last_entry: str = Field(description="When the newest entry came, UTC")


@router.get("/sites", summary="Sites with entries")
async def list_sites(caller: CurrentCaller, database: CurrentDatabase) -> list[SiteSummary]:
    statement = query.sites(database.name, caller.scope)
    rows = await database.rows("sites", statement.sql, statement.parameters)
    return [
        SiteSummary(site_id=row["site_id"], entries_24h=row["entries_24h"], last_entry=times.iso(row["last_entry"]))
        for row in rows
    ]
