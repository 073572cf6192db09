"""The HTTP side: requests in, engine calls, responses out."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ocpplog_local.clickhouse import compression
from ocpplog_local.clickhouse.engine import Context, Engine, Result
from ocpplog_local.clickhouse.errors import BadRequest, EngineError
from ocpplog_local.clickhouse.statements import find_insert, has_result, output_format

_IN_MEMORY: Final = 32 * 1024 * 1024
"""Larger bodies wait in a file."""
_HEAD: Final = 256 * 1024
"""An INSERT's statement ends within so many bytes."""
_TRANSPORT: Final = frozenset(
    (
        *("add_http_cors_header", "buffer_size", "client_protocol_version", "compress", "database", "decompress"),
        *("default_format", "enable_http_compression", "http_headers_progress_interval_ms", "http_zlib_compression_level"),
        *("password", "query", "query_id", "quota_key", "role", "send_progress_in_http_headers", "session_check"),
        *("session_id", "session_timeout", "stacktrace", "user", "wait_end_of_query"),
    )
)
"""URL parameters that are no settings of the query."""
_CONTENT_TYPES: Final = {
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
    "RowBinaryWithNamesAndTypes": "application/octet-stream",
    "Parquet": "application/octet-stream",
    "Arrow": "application/vnd.apache.arrow.file",
    "ArrowStream": "application/vnd.apache.arrow.stream",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNames": "text/tab-separated-values; charset=UTF-8",
}


def create_app(engine: Engine, spool: Path, threads: int = 16) -> Starlette:
    """The application. `spool` is the directory for large request bodies; `threads` how many statements run at once."""
    handler = _Handler(engine, spool, CapacityLimiter(threads))
    return Starlette(
        routes=[
            Route("/ping", _ok, methods=["GET", "HEAD"]),
            Route("/replicas_status", _ok, methods=["GET", "HEAD"]),
            Route("/", handler.handle, methods=["GET", "HEAD", "POST"]),
        ]
    )


async def _ok(_: Request) -> Response:
    return PlainTextResponse("Ok.\n")


@dataclass(frozen=True, slots=True)
class _Job:
    """A request, read whole."""

    url_query: bytes
    body: IO[bytes]
    encoding: str
    context: Context
    default_format: str
    stream: bool

    def text(self) -> Iterator[bytes]:
        """URL query and body, one after the other, as ClickHouse joins them."""
        if self.url_query:
            yield self.url_query + b"\n"
        yield from compression.decoded(self.body, self.encoding)


class _Handler:
    def __init__(self, engine: Engine, spool: Path, limiter: CapacityLimiter) -> None:
        self._engine = engine
        self._spool = spool
        self._limiter = limiter

    async def handle(self, request: Request) -> Response:
        query_id = request.query_params.get("query_id") or str(uuid.uuid4())
        headers = {"X-ClickHouse-Server-Display-Name": "ocpplog-local", "X-ClickHouse-Query-Id": query_id}
        # Closed below, once the statement has run.
        body: IO[bytes] = tempfile.SpooledTemporaryFile(mode="w+b", max_size=_IN_MEMORY, dir=str(self._spool))  # noqa: SIM115
        try:
            parameters = await self._receive(request, body)
            if not parameters.get("query") and body.tell() == 0:
                return PlainTextResponse("Ok.\n", headers=headers)
            job = _job(request, parameters, body)
            return await to_thread.run_sync(self._run, job, request, headers, limiter=self._limiter)
        except EngineError as error:
            return PlainTextResponse(f"{error}\n", error.status, headers | {"X-ClickHouse-Exception-Code": str(error.code)})
        except BadRequest as error:
            return PlainTextResponse(f"{error}\n", error.status, headers)
        except ClientDisconnect:
            return Response(status_code=499)
        finally:
            body.close()

    async def _receive(self, request: Request, body: IO[bytes]) -> dict[str, str]:
        parameters = dict(request.query_params)
        # Only this one: curl -d calls any body a form (application/x-www-form-urlencoded).
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            return parameters | await _form(request)
        async for chunk in request.stream():
            body.write(chunk)
        return parameters

    def _run(self, job: _Job, request: Request, headers: dict[str, str]) -> Response:
        job.body.seek(0)
        pieces = job.text()
        head = _first(pieces, _HEAD)
        if insert := find_insert(head):
            data = _skip(head, pieces, insert.data_at)
            result = self._engine.insert(insert.statement, insert.format, data, job.context)
            return Response(b"", headers=headers | _summary(result))
        statement = _decode(b"".join([head, *pieces]))
        output = output_format(statement, job.default_format)
        result = self._engine.query(statement, output, job.context, job.stream)
        return _respond(request, statement, output, result, headers)


def _respond(request: Request, statement: str, output: str, result: Result, headers: dict[str, str]) -> Response:
    headers = headers | _summary(result) | {"X-ClickHouse-Timezone": "UTC"}
    if has_result(statement):
        headers["X-ClickHouse-Format"] = output
    media_type = _CONTENT_TYPES.get(output, "text/plain; charset=UTF-8")
    chunks: Iterable[bytes] = result.chunks
    wanted = request.query_params.get("enable_http_compression", "0") == "1"
    if wanted and (encoding := compression.choose(request.headers.get("accept-encoding", ""))):
        headers["Content-Encoding"] = encoding
        chunks = compression.encoded(chunks, encoding)
    if isinstance(chunks, list):
        return Response(b"".join(chunks), headers=headers, media_type=media_type)
    return StreamingResponse(chunks, headers=headers, media_type=media_type)


def _job(request: Request, parameters: Mapping[str, str], body: IO[bytes]) -> _Job:
    if parameters.get("decompress", "0") == "1":
        raise BadRequest("decompress=1 (ClickHouse's own block compression) is not supported here: use Content-Encoding", 501)
    is_setting = {name: value for name, value in parameters.items() if name not in _TRANSPORT and not name.startswith("param_")}
    context = Context(
        database=parameters.get("database") or request.headers.get("x-clickhouse-database", ""),
        settings=is_setting,
        parameters={name[6:]: value for name, value in parameters.items() if name.startswith("param_")},
        read_only=request.method != "POST",
    )
    return _Job(
        url_query=parameters.get("query", "").encode(),
        body=body,
        encoding=request.headers.get("content-encoding", "").strip().lower(),
        context=context,
        default_format=parameters.get("default_format") or request.headers.get("x-clickhouse-format", "TabSeparated"),
        stream=parameters.get("wait_end_of_query", "0") != "1",
    )


async def _form(request: Request) -> dict[str, str]:
    """The parameters of a form: clickhouse-connect sends long ones so. External tables are not supported."""
    try:
        form: FormData = await request.form()
    except Exception as error:
        raise BadRequest(f"the form cannot be read: {error}") from error
    fields = {}
    for name, value in form.multi_items():
        if not isinstance(value, str):
            raise BadRequest(f"external data ({name}) are not supported here", 501)
        fields[name] = value
    return fields


def _summary(result: Result) -> dict[str, str]:
    nothing = dict.fromkeys(("read_rows", "read_bytes", "written_rows", "written_bytes", "result_rows", "elapsed_ns"), "0")
    return {"X-ClickHouse-Summary": json.dumps(nothing | result.summary, separators=(",", ":"))}


def _decode(statement: bytes) -> str:
    try:
        return statement.decode()
    except UnicodeDecodeError as error:
        raise EngineError(
            f"Code: 62. DB::Exception: Syntax error: the statement is not UTF-8: {error}. (SYNTAX_ERROR)"
        ) from error


def _first(pieces: Iterator[bytes], size: int) -> bytes:
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= size:
            break
    return head


def _skip(head: bytes, pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    if rest := head[size:]:
        yield rest
    yield from pieces
