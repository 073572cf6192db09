"""GET /v1/overview."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from ocpplog_query_api.auth import CurrentCaller
from ocpplog_query_api.database import CurrentDatabase
from ocpplog_query_api.errors import RESPONSES
from ocpplog_query_api.overview.repository import OverviewRepository
from ocpplog_query_api.overview.schemas import Overview, OverviewQuery
from ocpplog_query_api.registry import CurrentRegistry

router = APIRouter(prefix="/v1/overview", tags=["fleet"], responses=RESPONSES)


@router.get("", summary="The state of the fleet")
async def overview(
    query: Annotated[OverviewQuery, Query()], caller: CurrentCaller, database: CurrentDatabase, records: CurrentRegistry
) -> Overview:
    """Of the sites that may be seen, or of those named."""
    return await OverviewRepository(database, caller.scope, records).overview(query.site, datetime.now(UTC))
