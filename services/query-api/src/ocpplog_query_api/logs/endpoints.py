"""GET /v1/logs and /v1/logs/{id}."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from ocpplog_query_api.auth import Caller, CurrentCaller
from ocpplog_query_api.database import CurrentDatabase
from ocpplog_query_api.errors import RESPONSES, InvalidParameter, NotFound, ProblemBody
from ocpplog_query_api.logs import entries, summary_endpoints
from ocpplog_query_api.logs.identity import CursorError, Cursors, EntryId, Place
from ocpplog_query_api.logs.message_ids import told_apart
from ocpplog_query_api.logs.repository import COUNT_AT_MOST, LogRepository
from ocpplog_query_api.logs.schemas import LIST_COLUMNS, LogEntryDetail, LogPage, LogPageQuery

router = APIRouter(prefix="/v1/logs", tags=["log"], responses=RESPONSES)
# Before /{entry_id}: they are no ids.
router.include_router(summary_endpoints.router)
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
    found = await told_apart(database, caller.scope, query.search(now))
    repository = LogRepository(database, caller.scope)
    columns = [*chosen(query.columns), *payloads(query.fields)]
    fields = ["id", "datetime", *columns] if query.columns else entries.LISTED
    items, place = await repository.page(found, query.order, query.limit, after, columns)
    cursor = _continued(cursors, now, place, tied) if place else None
    if not query.count:
        return _json(entries.page(items, cursor, fields=fields))
    total, is_lower_bound = await repository.count_within(found, COUNT_AT_MOST, settings.api_count_seconds)
    # Where counting was too dear, there is still what stands on the page.
    return _json(entries.page(items, cursor, max(total, len(items)), is_lower_bound, fields))


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
    return _named("fields", fields, _PAYLOADS)


def chosen(columns: str) -> list[str]:
    """The columns of a list, payloads apart; all where none is named. Raises InvalidParameter."""
    return _named("columns", columns, LIST_COLUMNS) or LIST_COLUMNS


def _named(parameter: str, names: str, known: Sequence[str]) -> list[str]:
    wanted = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    for name in wanted:
        if name not in known:
            raise InvalidParameter(parameter, f"{name!r} is none of {', '.join(known)}")
    return wanted
