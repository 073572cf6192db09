"""GET /v1/logs/export."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.types import Receive, Send
from starlette.types import Scope as ASGIScope

from ocpplog_query_api import metrics
from ocpplog_query_api.auth import Caller, CurrentCaller
from ocpplog_query_api.database import CurrentDatabase, Database
from ocpplog_query_api.errors import RESPONSES, InvalidParameter, TooMany
from ocpplog_query_api.exports import columns, locales, naming, xlsx
from ocpplog_query_api.exports.columns import Column
from ocpplog_query_api.exports.formats import Csv, File, Ndjson, Parquet, Xlsx
from ocpplog_query_api.exports.repository import ExportRepository, Matched, Opened
from ocpplog_query_api.logs.message_ids import told_apart
from ocpplog_query_api.logs.query import Search
from ocpplog_query_api.logs.schemas import LogFilters
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.settings import ApiSettings
from ocpplog_query_api.streaming import Download, unless_gone

router = APIRouter(prefix="/v1/logs", tags=["log"], responses=RESPONSES)
HEADERS: Final = (
    *("Content-Disposition", "X-Ocpplog-Entries", "X-Ocpplog-Truncated"),
    *("X-Ocpplog-Matched", "X-Ocpplog-Matched-Is-Lower-Bound"),
)
_ADVICE: Final = "Narrow the filters (a shorter time range, a charger, an action), or ask for the newest with truncate=true."
_MEDIA_TYPES: Final = {
    media_type: {"schema": {"type": "string", "format": "binary"}}
    for media_type in ("text/csv", "text/tab-separated-values", Ndjson.media_type, Xlsx.media_type, Parquet.media_type)
}
_FILE: Final = {
    "description": "The file. A connection that is closed before the body ends: the file is not complete",
    "content": _MEDIA_TYPES,
    "headers": {
        name: {"description": description, "schema": {"type": "string"}}
        for name, description in {
            "Content-Disposition": "A name that says what is in the file (RFC 6266)",
            "X-Ocpplog-Entries": "How many entries the file holds",
            "X-Ocpplog-Truncated": "`true` where more match, and these are the newest",
            "X-Ocpplog-Matched": "With it, how many match",
            "X-Ocpplog-Matched-Is-Lower-Bound": "`true` where counting stopped",
        }.items()
    },
}


class ExportQuery(LogFilters):
    format: Literal["csv", "xlsx", "ndjson", "parquet"] = Field(
        "csv",
        description="csv and xlsx are for spreadsheets; ndjson (an object a line) and parquet for programs: their keys are the"
        " columns' names, and text is as it was sent",
    )
    columns: str = Field(
        "",
        max_length=4000,
        description="Headers or names, comma-separated, in the order wanted (/v1/logs/export/columns); `all`: all there are;"
        " empty: those that an export usually has",
        examples=["Datetime,Charger ID,status,Request"],
    )
    truncate: bool = Field(False, description="Where too many match, the newest ones instead of an error")
    bom: bool = Field(False, description="csv: begin with a byte order mark, which some spreadsheets need to see UTF-8")
    separator: Literal["comma", "semicolon", "tab", "auto"] = Field(
        "comma", description="csv: between the columns; auto: what spreadsheets expect in the language of Accept-Language"
    )
    decimal: Literal["point", "comma", "auto"] = Field("point", description="csv: in numbers; auto: as for the separator")


class ExportColumn(BaseModel):
    """A column that can be asked for, by either of its names."""

    header: str = Field(description="In csv and xlsx", examples=["Charger ID"])
    column: str = Field(description="In ndjson and parquet", examples=["charger_id"])
    description: str
    is_default: bool = Field(description="Whether it is there when no columns are named")


@router.get("/export/columns", summary="Columns of a download")
async def export_columns(caller: CurrentCaller) -> list[ExportColumn]:
    """In their order: first those of a download that names none."""
    return [
        ExportColumn(
            header=column.header, column=column.name, description=column.description, is_default=column in columns.DEFAULT
        )
        for column in columns.ALL
    ]


@router.get("/export", summary="Download entries", status_code=200, response_class=Download, responses={200: _FILE})
async def export(
    query: Annotated[ExportQuery, Query()], request: Request, caller: CurrentCaller, database: CurrentDatabase
) -> Download:
    """Newest first. More entries than an export may hold are refused with their number, unless `truncate=true`.

    In csv, text is in quotes, and an apostrophe goes before what a spreadsheet would run as a formula. In xlsx, text of more
    than 32,767 characters is cut and says so; where too many are being made, one waits, then is told to try again. Times are UTC,
    in csv and xlsx to the second.
    """
    file = _file(query, caller.scope, request.headers.get("accept-language", ""), request.app.state.settings)
    async with AsyncExitStack() as held:
        if query.format == "xlsx":
            # Before ClickHouse is asked: who waits keeps nothing busy.
            place = request.app.state.spreadsheets.place(caller.subject)
            await unless_gone(request, held.enter_async_context(place))
        return await _download(query, file, request, caller, database, held)


async def _download(
    query: ExportQuery, file: File, request: Request, caller: Caller, database: Database, held: AsyncExitStack
) -> Download:
    """What is held stays so until the answer is sent."""
    settings = request.app.state.settings
    maximum = min(settings.api_max_export, xlsx.MOST_ROWS if query.format == "xlsx" else settings.api_max_export)
    found = await told_apart(database, caller.scope, query.search(datetime.now(UTC)))
    repository = ExportRepository(database, caller.scope, maximum, settings.api_max_seconds)
    opened = await unless_gone(request, repository.open(found, file))
    more = await _said(repository, found, opened, query.truncate) if opened.matched > maximum else {}
    entries = min(opened.matched, maximum)
    metrics.EXPORTED.labels(query.format).inc(entries)
    sites = caller.scope.among(query.site)
    name = naming.file_name(sites, found.since, found.until, maximum if more else None, file.suffix)
    headers = {"Content-Disposition": naming.disposition(name), "X-Ocpplog-Entries": str(entries), **more}
    options: dict[str, Any] = {"media_type": file.media_type, "headers": headers}
    return _Holding(held.pop_all(), file.body(opened.stream), opened.stream, settings.api_export_seconds, **options)


class _Holding(Download):
    """Keeps what is held until it is sent, or broke off."""

    def __init__(self, held: AsyncExitStack, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._held = held

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        async with self._held:
            await super().__call__(scope, receive, send)


async def _said(repository: ExportRepository, search: Search, opened: Opened, truncate: bool) -> dict[str, str]:
    """What the answer says of a file that leaves entries out. Raises TooMany where that was not asked for."""
    try:
        if truncate:
            return _as_headers(await repository.matched(search))
    except BaseException:
        await opened.stream.aclose()
        raise
    await opened.stream.aclose()
    matched = await repository.matched(search)
    raise TooMany(
        f"{matched} entries match; an export holds {repository.maximum:,} at most. {_ADVICE}",
        matched=matched.number,
        matched_is_lower_bound=matched.is_lower_bound,
        maximum=repository.maximum,
    )


def _as_headers(matched: Matched) -> dict[str, str]:
    bound = {"X-Ocpplog-Matched-Is-Lower-Bound": "true"} if matched.is_lower_bound else {}
    return {"X-Ocpplog-Truncated": "true", "X-Ocpplog-Matched": str(matched.number), **bound}


def _file(query: ExportQuery, scope: Scope, accept_language: str, settings: ApiSettings) -> File:
    chosen = _chosen(query.columns, scope)
    match query.format:
        case "csv":
            return _csv(query, chosen, locales.has_decimal_comma(accept_language))
        case "ndjson":
            return Ndjson(chosen)
        case "xlsx":
            return Xlsx(chosen, settings.api_max_spreadsheet_bytes)
        case "parquet":
            return Parquet(chosen)


def _chosen(wanted: str, scope: Scope) -> list[Column]:
    try:
        return columns.choose(wanted, scope.hidden)
    except ValueError as error:
        raise InvalidParameter("columns", str(error)) from None


def _csv(query: ExportQuery, chosen: list[Column], comma: bool) -> Csv:
    separator = query.separator if query.separator != "auto" else "semicolon" if comma else "comma"
    decimal_comma = comma if query.decimal == "auto" else query.decimal == "comma"
    return Csv(chosen, locales.SEPARATORS[separator], decimal_comma, query.bom)
