"""The HTTP side: requests in, engine calls, responses out."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ocpplog_local.clickhouse.engine import Engine
from ocpplog_local.clickhouse.errors import BadRequest, EngineError
from ocpplog_local.clickhouse.requests import Job, receive
from ocpplog_local.clickhouse.responses import (
    Begun,
    StreamedResult,
    begin,
    common_headers,
    content_type,
    error_response,
    summary,
    while_connected,
)
from ocpplog_local.clickhouse.statements import Insert, Statement, find_insert, parse

_log = logging.getLogger(__name__)
_HEAD: Final = 256 * 1024
"""An INSERT's statement ends within so many bytes."""


def create_app(engine: Engine, spool: Path, threads: int = 16) -> Starlette:
    """The application. `spool` is the directory for large request bodies; `threads` how many statements run at once."""
    handler = _Handler(engine, spool, threads)
    return Starlette(
        routes=[
            Route("/ping", _ok, methods=["GET", "HEAD"]),
            Route("/replicas_status", _ok, methods=["GET", "HEAD"]),
            Route("/", handler.handle, methods=["GET", "HEAD", "POST"]),
        ],
        exception_handlers={404: _nothing_here},
    )


async def _ok(_: Request) -> Response:
    return PlainTextResponse("Ok.\n")


async def _nothing_here(request: Request, _: Exception) -> Response:
    text = f"There is no handle {request.url.path}\n\nUse /ping for health checks, / with POST or GET /?query= for queries.\n"
    return PlainTextResponse(text, 404)


class _Handler:
    def __init__(self, engine: Engine, spool: Path, threads: int) -> None:
        self._engine = engine
        self._spool = spool
        # Apart from each other: however many queries run, what comes in is stored.
        self._readers = CapacityLimiter(threads)
        self._writers = CapacityLimiter(threads)

    async def handle(self, request: Request) -> Response:
        headers = common_headers(request.query_params.get("query_id") or str(uuid.uuid4()))
        try:
            if request.headers.get("sec-fetch-site") == "cross-site":
                raise BadRequest("a page of another site may not send statements here", 403)
            job = await receive(request, self._spool)
            if job is None:
                return PlainTextResponse("Ok.\n", headers=headers)
            with job.body:
                return await self._answer(request, job, headers | {"X-ClickHouse-Query-Id": job.context.query_id})
        except EngineError as error:
            return error_response(error, headers)
        except BadRequest as error:
            return PlainTextResponse(f"{error}\n", error.status, headers)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:
            _log.exception("a request failed")
            return error_response(EngineError(f"Code: 1002. DB::Exception: {error!r}. (UNKNOWN_EXCEPTION)"), headers)

    async def _answer(self, request: Request, job: Job, headers: dict[str, str]) -> Response:
        pieces = job.text()
        head = await to_thread.run_sync(_first, pieces, _HEAD)
        if insert := find_insert(head):
            counts = await to_thread.run_sync(self._insert, insert, head, pieces, job, limiter=self._writers)
            return Response(b"", 200, headers | summary(counts), content_type(job.default_format))
        statement = await to_thread.run_sync(lambda: parse(b"".join([head, *pieces])))
        return await self._query(request, statement, job, headers)

    def _insert(self, insert: Insert, head: bytes, pieces: Iterator[bytes], job: Job) -> dict[str, int]:
        if job.context.read_only:
            raise EngineError("Code: 164. DB::Exception: Cannot execute query in readonly mode: use the POST method. (READONLY)")
        return self._engine.insert(insert, _rest(head, pieces, insert.data_at), job.context).summary

    async def _query(self, request: Request, statement: Statement, job: Job, headers: dict[str, str]) -> Response:
        output = statement.format or job.default_format
        limiter = self._writers if statement.verb == "INSERT" else self._readers

        async def run() -> Begun:
            result = self._engine.query(statement, output, job.context)
            return await to_thread.run_sync(begin, result, job.encoder(), job.whole, limiter=limiter)

        async def stop() -> None:
            if statement.has_result:
                await to_thread.run_sync(self._engine.kill, job.context)

        found = await while_connected(request.receive, run, stop)
        headers = headers | summary(found.result.summary)
        if statement.has_result:
            headers["X-ClickHouse-Format"] = output
        if job.encoding and not job.packs and found.head:
            headers["Content-Encoding"] = job.encoding
        if found.ended:
            return Response(found.head, 200, headers, content_type(output))
        return StreamedResult(found, headers, content_type(output), limiter, lambda: self._engine.kill(job.context))


def _first(pieces: Iterator[bytes], size: int) -> bytes:
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= size:
            break
    return head


def _rest(head: bytes, pieces: Iterator[bytes], start: int) -> Iterator[bytes]:
    if rest := head[start:]:
        yield rest
    yield from pieces
