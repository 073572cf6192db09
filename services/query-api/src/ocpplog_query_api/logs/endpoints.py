"""GET /v1/logs and /v1/logs/{id}."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from ocpplog_query_api.auth import Caller, CurrentCaller
from ocpplog_query_api.database import CurrentDatabase
from ocpplog_query_api.errors import RESPONSES, InvalidParameter, NotFound, ProblemBody
from ocpplog_query_api.logs import entries, summary_endpoints
from ocpplog_query_api.logs.identity import CursorError, Cursors, EntryId, Place
from ocpplog_query_api.logs.repository import LogRepository
from ocpplog_query_api.logs.schemas import LogEntryDetail, LogPage, LogPageQuery

router = APIRouter(prefix="/v1/logs", tags=["log"], responses=RESPONSES)
# Before /{entry_id}: they are no ids.
router.include_router(summary_endpoints.router)
_COUNT_AT_MOST = 100_000
_PAYLOADS = ("request", "response")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@router.get("", summary="Search the log", response_model=LogPage)
async def search(
    query: Annotated[LogPageQuery, Query()], request: Request, caller: CurrentCaller, database: CurrentDatabase
) -> Response:
    """Newest first, in pages. Every term of `q` must be in the entry, and every filter must fit.

    Pages continue after the last entry of the one before: no entry comes twice and none is skipped, while new ones arrive.
    Relative times count from the first page.
    """
    settings = request.app.state.settings
    if query.limit > settings.api_max_page:
        raise InvalidParameter("limit", f"at most {settings.api_max_page}")
    cursors: Cursors = request.app.state.cursors
    tied = _tied(query, caller)
    now, after = _begun(cursors, query.cursor, tied)
    found = query.search(now)
    repository = LogRepository(database, caller.scope)
    items, place = await repository.page(found, query.order, query.limit, after, payloads(query.fields))
    cursor = _continued(cursors, now, place, tied) if place else None
    if not query.count:
        return _json(entries.page(items, cursor))
    total, is_lower_bound = await repository.count_within(found, _COUNT_AT_MOST, settings.api_count_seconds)
    # Where counting was too dear, there is still what stands on the page.
    return _json(entries.page(items, cursor, max(total, len(items)), is_lower_bound))


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


@router.get(
    "/{entry_id}", summary="Read an entry", responses={404: {"model": ProblemBody, "description": "Unknown, or not yours to see"}}
)
async def read(
    entry_id: Annotated[str, Path(description="`id` of an entry", examples=["1a20b4b42a0-01a20b4b00407cb2b1891fc12154b2e2-7"])],
    caller: CurrentCaller,
    database: CurrentDatabase,
    neighbours: Annotated[int, Query(ge=0, le=50, description="How many entries of its charger to give before and after it")] = 5,
) -> LogEntryDetail:
    """One exchange with its payloads, as they were sent and parsed, and what its charger exchanged before and after."""
    try:
        wanted = EntryId.parse(entry_id)
    except ValueError:
        raise NotFound("There is no such entry.") from None
    found = await LogRepository(database, caller.scope).entry(wanted, neighbours)
    if found is None:
        raise NotFound("There is no such entry.")
    return found


def _tied(query: LogPageQuery, caller: Caller) -> list[object]:
    """What a cursor is good for: this search of this caller, as long as they may see the same."""
    sites = caller.scope.sites
    return [query.identity(), query.order, caller.subject, None if sites is None else sorted(sites)]


def _continued(cursors: Cursors, now: datetime, place: Place, tied: list[object]) -> str:
    return cursors.seal([(now - _EPOCH) // _MILLISECOND, *place.values], tied)


def _begun(cursors: Cursors, cursor: str, tied: list[object]) -> tuple[datetime, Place | None]:
    """When the first page was asked for, to the millisecond, and where the last one ended."""
    if not cursor:
        return datetime.now(UTC), None
    try:
        milliseconds, *place = cursors.unseal(cursor, tied)
    except CursorError as error:
        raise InvalidParameter("cursor", str(error)) from None
    return _EPOCH + _MILLISECOND * milliseconds, Place(*place)


def payloads(fields: str) -> list[str]:
    """The columns that `fields` adds to a list. Raises InvalidParameter."""
    wanted = [name.strip() for name in fields.split(",") if name.strip()]
    for name in wanted:
        if name not in _PAYLOADS:
            raise InvalidParameter("fields", f"{name!r} is none of {', '.join(_PAYLOADS)}")
    return wanted
