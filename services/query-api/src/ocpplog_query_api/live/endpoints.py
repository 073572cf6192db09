"""GET /v1/logs/tail."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, Field

from ocpplog_query_api.auth import Caller, CurrentCaller
from ocpplog_query_api.database import Database
from ocpplog_query_api.errors import RESPONSES, InvalidParameter, ProblemBody, TooManyStreamsOfCaller
from ocpplog_query_api.live import repository
from ocpplog_query_api.live.repository import TailRepository
from ocpplog_query_api.live.response import EventStream
from ocpplog_query_api.live.slots import Slots
from ocpplog_query_api.live.tail import Pace, Tail, Wish
from ocpplog_query_api.live.watch import Watch
from ocpplog_query_api.logs.endpoints import payloads
from ocpplog_query_api.logs.identity import CursorError, Cursors
from ocpplog_query_api.logs.schemas import LogFilters
from ocpplog_query_api.settings import ApiSettings

router = APIRouter(prefix="/v1/logs", tags=["log"], responses=RESPONSES)
_LOOK_EVERY_S: Final = 1.0
_PATIENCE_S: Final = 60.0
_QUERIES_AT_ONCE: Final = 4
"""Of all streams of a process: however many there are, searches come first."""
_PAGE: Final = 200
_PAGE_WITH_PAYLOADS: Final = 20
"""Each may have two payloads of a megabyte."""


class Live:
    """What all streams of a process share."""

    def __init__(self, database: Database, settings: ApiSettings) -> None:
        self.watch = Watch(lambda since_ms: repository.look(database, since_ms), _LOOK_EVERY_S)
        self.slots = Slots(settings.api_max_tails, settings.api_max_tails_per_caller)
        self.turns = asyncio.Semaphore(_QUERIES_AT_ONCE)
        self.database = database
        self.ping_s = settings.api_tail_ping_s


def _not_here(value: str) -> str:
    if value:
        raise ValueError("not for the tail, which begins now and comes as stored: search /v1/logs instead")
    return value


NotHere = Annotated[str, AfterValidator(_not_here), Field(description="Not for the tail", deprecated=True)]


class TailQuery(LogFilters):
    from_: NotHere = Field("", alias="from")
    to: NotHere = ""
    order: NotHere = ""
    fields: str = Field("", max_length=200, description="More fields, comma-separated: request, response")
    backlog: int = Field(0, ge=0, le=100, description="Begin with so many of the newest entries, oldest first")
    last_event_id: str = Field("", max_length=1024, description="As the header Last-Event-ID, for clients that cannot set it")


@router.get(
    "/tail",
    summary="Follow the log",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "The stream"},
        429: {"model": ProblemBody, "description": TooManyStreamsOfCaller.title},
    },
)
async def tail(
    query: Annotated[TailQuery, Query()],
    request: Request,
    caller: CurrentCaller,
    last_event_id: Annotated[str, Header(alias="Last-Event-ID", max_length=1024)] = "",
) -> EventStream:
    """Server-Sent Events: each entry that matches, in the order in which they are stored, within about two seconds.

    * `entry`: an entry as in lists. It comes once its exchange is complete, so its `datetime` may be earlier than that before.
    * `live`: there is nothing more for now. `waiting`: the log cannot be read at the moment; nothing is lost.
    * `missed`, `{"missed": 12, "from": "...", "to": "..."}`: so many entries, or more, were stored between the two and left out:
      the client reads too slowly, or was away for too long.
    * `end`, `{"reason": "token-expired"}` or `"server-stops"`: connect again, with a new token or as it is.

    Silence is broken by a comment with an `id` of its own. Who connects again with the last id as `Last-Event-ID`, within 10
    minutes and with the same filters, misses nothing, up to 100 inserts a second; entries of the 15 seconds before may come
    again: `id` in the data tells.
    """
    live: Live = request.app.state.live
    cursors: Cursors = request.app.state.cursors
    tied = _tied(query, caller)
    search = query.search(datetime.now(UTC))
    visible = caller.scope.among(list(search.sites))
    resume_ms = _resumed(cursors, last_event_id or query.last_event_id, tied)
    wish = Wish(None if visible is None else frozenset(visible), resume_ms, query.backlog, caller.expires_at)
    more = payloads(query.fields)
    pace = Pace(page=_PAGE_WITH_PAYLOADS if more else _PAGE, ping_s=live.ping_s)
    reader = TailRepository(live.database, live.turns, caller.scope, search, more)
    stream = Tail(live.watch, reader, wish, pace, lambda at_ms: cursors.seal([at_ms], tied), lambda: datetime.now(UTC))
    live.slots.take(caller.subject)
    return EventStream(stream.events(), lambda: live.slots.give_back(caller.subject), _PATIENCE_S)


def _tied(query: TailQuery, caller: Caller) -> list[Any]:
    """What an event id belongs to."""
    sites = caller.scope.sites
    return ["tail", query.identity(), None if sites is None else sorted(sites)]


def _resumed(cursors: Cursors, event_id: str, tied: list[Any]) -> int | None:
    if not event_id:
        return None
    try:
        [at_ms] = cursors.unseal(event_id, tied)
    except CursorError:
        raise InvalidParameter("last_event_id", "not an id of this stream: keep the filters, or start again without it") from None
    return int(at_ms)
