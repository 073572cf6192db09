"""GET /v1/logs and /v1/logs/{id}."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request

from ocpplog_query_api.auth import CurrentCaller
from ocpplog_query_api.database import CurrentDatabase
from ocpplog_query_api.errors import RESPONSES, InvalidParameter, NotFound, ProblemBody
from ocpplog_query_api.logs.identity import CursorError, Cursors, EntryId, Place
from ocpplog_query_api.logs.repository import LogRepository
from ocpplog_query_api.logs.schemas import LogEntryDetail, LogPage, LogPageQuery

router = APIRouter(prefix="/v1/logs", tags=["log"], responses=RESPONSES)
_COUNT_AT_MOST = 100_000
_PAYLOADS = ("request", "response")


@router.get("", summary="Search the log", response_model_exclude_unset=False)
async def search(
    query: Annotated[LogPageQuery, Query()], request: Request, caller: CurrentCaller, database: CurrentDatabase
) -> LogPage:
    """Newest first, in pages. Every term of `q` must be in the entry, and every filter must fit."""
    maximum = request.app.state.settings.api_max_page
    if query.limit > maximum:
        raise InvalidParameter("limit", f"at most {maximum}")
    cursors: Cursors = request.app.state.cursors
    found = query.search(datetime.now(UTC))
    repository = LogRepository(database, caller.scope)
    items, place = await repository.page(found, query.order, query.limit, _after(cursors, query), _more(query))
    answer = LogPage(items=items, next_cursor=cursors.encode(place, _identity(query)) if place else None)
    if query.count:
        answer.total = await repository.count(found, _COUNT_AT_MOST)
        answer.total_is_lower_bound = answer.total == _COUNT_AT_MOST
    return answer


@router.get(
    "/{entry_id}", summary="Read an entry", responses={404: {"model": ProblemBody, "description": "Unknown, or not yours to see"}}
)
async def read(entry_id: str, caller: CurrentCaller, database: CurrentDatabase) -> LogEntryDetail:
    """One exchange with its payloads, as they were sent and parsed."""
    try:
        wanted = EntryId.parse(entry_id)
    except ValueError:
        raise NotFound("There is no such entry.") from None
    found = await LogRepository(database, caller.scope).entry(wanted)
    if found is None:
        raise NotFound("There is no such entry.")
    return found


def _identity(query: LogPageQuery) -> list[object]:
    return [query.identity(), query.order]


def _after(cursors: Cursors, query: LogPageQuery) -> Place | None:
    if not query.cursor:
        return None
    try:
        return cursors.decode(query.cursor, _identity(query))
    except CursorError as error:
        raise InvalidParameter("cursor", str(error)) from None


def _more(query: LogPageQuery) -> list[str]:
    wanted = [name.strip() for name in query.fields.split(",") if name.strip()]
    for name in wanted:
        if name not in _PAYLOADS:
            raise InvalidParameter("fields", f"{name!r} is none of {', '.join(_PAYLOADS)}")
    return wanted
