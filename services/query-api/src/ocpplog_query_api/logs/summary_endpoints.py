"""GET /v1/logs/count, /v1/logs/histogram and /v1/logs/facets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request

from ocpplog_query_api.auth import CurrentCaller
from ocpplog_query_api.database import CurrentDatabase
from ocpplog_query_api.errors import InvalidParameter
from ocpplog_query_api.logs import summaries, times
from ocpplog_query_api.logs.message_ids import told_apart
from ocpplog_query_api.logs.repository import COUNT_AT_MOST, LogRepository
from ocpplog_query_api.logs.schemas import LogFilters
from ocpplog_query_api.logs.summary_repository import SummaryRepository
from ocpplog_query_api.logs.summary_schemas import Facets, FacetsQuery, Histogram, HistogramQuery, Total

router = APIRouter()


@router.get("/count", summary="How many there are")
async def count(
    query: Annotated[LogFilters, Query()], request: Request, caller: CurrentCaller, database: CurrentDatabase
) -> Total:
    """Entries that match: what `count=true` says on a page, without the page."""
    seconds = request.app.state.settings.api_count_seconds
    search = await told_apart(database, caller.scope, query.search(datetime.now(UTC)))
    total, is_lower_bound = await LogRepository(database, caller.scope).count_within(search, COUNT_AT_MOST, seconds)
    return Total(total=total, total_is_lower_bound=is_lower_bound)


@router.get("/histogram", summary="Count over time")
async def histogram(query: Annotated[HistogramQuery, Query()], caller: CurrentCaller, database: CurrentDatabase) -> Histogram:
    """Entries that match, in buckets of time. Without `from`, the 24 hours before `to`; without `to`, until now."""
    now = datetime.now(UTC)
    search = await told_apart(database, caller.scope, query.search(now))
    scale = summaries.scale(search, now, query.buckets)
    buckets = await SummaryRepository(database, caller.scope).histogram(search, query.by, scale)
    span = {"from": times.iso(scale.since), "to": times.iso(scale.until)}
    return Histogram(**span, bucket_seconds=scale.seconds, buckets=buckets)


@router.get("/facets", summary="The most frequent values")
async def facets(
    query: Annotated[FacetsQuery, Query()], request: Request, caller: CurrentCaller, database: CurrentDatabase
) -> Facets:
    """Values of fields among the entries that match: what to filter by next, and suggestions with `contains`.

    All filters count, that of the field itself too. Where too many match, the newest ones are counted (`is_sample`)."""
    if query.contains and len(set(query.field)) > 1:
        raise InvalidParameter("contains", "goes with one `field`")
    at_most = request.app.state.settings.api_facet_rows
    search = await told_apart(database, caller.scope, query.search(datetime.now(UTC)))
    found = await SummaryRepository(database, caller.scope).facets(search, query.field, query.top, query.contains, at_most)
    return Facets(facets=found)
