"""GET /v1/logs/export."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from ocpplog_common.clickhouse.tables import EXPORT_COLUMNS
from ocpplog_query_api import metrics
from ocpplog_query_api.auth import CurrentCaller
from ocpplog_query_api.database import CurrentDatabase
from ocpplog_query_api.errors import RESPONSES, InvalidParameter, TooMany
from ocpplog_query_api.exports import csv
from ocpplog_query_api.logs.repository import LogRepository
from ocpplog_query_api.logs.schemas import LogFilters

router = APIRouter(prefix="/v1/logs", tags=["log"], responses=RESPONSES)


class ExportQuery(LogFilters):
    format: Literal["csv"] = Field("csv", description="Format of the file")
    columns: str = Field("", max_length=2000, description="Headers or names, comma-separated, in the order wanted; empty: all")
    truncate: bool = Field(False, description="Where too many match, the newest ones instead of an error")
    bom: bool = Field(False, description="Begin with a byte order mark, which some spreadsheets need to see UTF-8")
    separator: Literal["comma", "semicolon", "tab"] = Field("comma", description="Between the columns")


@router.get(
    "/export",
    summary="Download entries",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}, "description": "The file"}},
)
async def export(
    query: Annotated[ExportQuery, Query()], request: Request, caller: CurrentCaller, database: CurrentDatabase
) -> StreamingResponse:
    """Newest first. More entries than an export may hold are refused with their number, unless `truncate=true`."""
    try:
        headers = csv.choose(query.columns)
    except ValueError as error:
        raise InvalidParameter("columns", str(error)) from None
    maximum = request.app.state.settings.api_max_export
    found = query.search(datetime.now(UTC))
    repository = LogRepository(database, caller.scope)
    matched = await repository.count(found)
    truncated = matched > maximum
    if truncated and not query.truncate:
        advice = "Narrow the filters (a shorter time range, a charger, an action), or ask for the newest with truncate=true."
        raise TooMany(f"{matched} entries match; an export holds {maximum} at most. {advice}", matched=matched, maximum=maximum)
    rows = await repository.export(found, [EXPORT_COLUMNS[header] for header in headers], maximum)
    metrics.EXPORTED.inc(len(rows))
    name = csv.file_name(query.site, found.since, found.until, maximum if truncated else None)
    more = {"X-Ocpplog-Truncated": "true"} if truncated else {}
    return StreamingResponse(
        csv.write(headers, rows, csv.SEPARATORS[query.separator], query.bom),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Ocpplog-Matched": str(matched), **more},
    )
