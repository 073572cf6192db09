"""GET /v1/sessions and /v1/sessions/{id}."""

from __future__ import annotations

from dataclasses import astuple
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request

from ocpplog_query_api.auth import CurrentCaller
from ocpplog_query_api.database import CurrentDatabase
from ocpplog_query_api.errors import RESPONSES, NotFound, ProblemBody
from ocpplog_query_api.paging import Pages
from ocpplog_query_api.sessions.identity import SessionId
from ocpplog_query_api.sessions.query import Place
from ocpplog_query_api.sessions.repository import SessionRepository
from ocpplog_query_api.sessions.schemas import SessionDetail, SessionPage, SessionQuery

router = APIRouter(prefix="/v1/sessions", tags=["fleet"], responses=RESPONSES)


@router.get("", summary="Charging sessions")
async def list_sessions(
    query: Annotated[SessionQuery, Query()], request: Request, caller: CurrentCaller, database: CurrentDatabase
) -> SessionPage:
    """By when their first message came, newest first, in pages. Sites that log at level minimal have none."""
    pages = Pages(request, caller.scope, ["sessions", query.identity()])
    pages.check(query.limit)
    now = datetime.now(UTC)
    after = pages.after(query.cursor)
    repository = SessionRepository(database, caller.scope)
    items, place = await repository.page(query.wanted(now), query.limit, Place(*after) if after else None, now)
    return SessionPage(items=items, next_cursor=pages.cursor(astuple(place) if place else None))


@router.get(
    "/{session_id}",
    summary="A session with its meter curve",
    responses={404: {"model": ProblemBody, "description": "Unknown, or not yours to see"}},
)
async def read(session_id: str, caller: CurrentCaller, database: CurrentDatabase) -> SessionDetail:
    """What was measured: power, current, voltage, energy, state of charge; averaged where there are more than 1,000 moments."""
    try:
        wanted = SessionId.parse(session_id)
    except ValueError:
        raise NotFound("There is no such session.") from None
    found = await SessionRepository(database, caller.scope).session(wanted, datetime.now(UTC))
    if found is None:
        raise NotFound("There is no such session.")
    return found
