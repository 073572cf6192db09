"""Responses of ClickHouse's HTTP interface: headers, errors, and results as they come."""

from __future__ import annotations

import asyncio
import json
import random
import string
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import anyio
from anyio import CapacityLimiter, to_thread
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ocpplog_local.clickhouse.compression import Encoder
from ocpplog_local.clickhouse.engine import Result
from ocpplog_local.clickhouse.errors import EngineError

_T = TypeVar("_T")
_HELD_BACK: Final = 512 * 1024
"""So much of a result is there before the headers go: an error up to then has its proper status."""
_CONTENT_TYPES: Final = {
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "CSVWithNamesAndTypes": "text/csv; charset=UTF-8; header=present",
    "HTML": "text/html; charset=UTF-8",
    "JSON": "application/json; charset=UTF-8",
    "JSONColumns": "application/json; charset=UTF-8",
    "JSONColumnsWithMetadata": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONCompactColumns": "application/json; charset=UTF-8",
    "JSONCompactEachRow": "application/x-ndjson; charset=UTF-8",
    "JSONCompactEachRowWithNames": "application/x-ndjson; charset=UTF-8",
    "JSONCompactEachRowWithNamesAndTypes": "application/x-ndjson; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "JSONLines": "application/x-ndjson; charset=UTF-8",
    "JSONStrings": "application/json; charset=UTF-8",
    "Native": "application/octet-stream",
    "NDJSON": "application/x-ndjson; charset=UTF-8",
    "RowBinary": "application/octet-stream",
    "RowBinaryWithNames": "application/octet-stream",
    "RowBinaryWithNamesAndTypes": "application/octet-stream",
    "Parquet": "application/octet-stream",
    "Arrow": "application/vnd.apache.arrow.file",
    "ArrowStream": "application/vnd.apache.arrow.stream",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNames": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNamesAndTypes": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "TSVWithNames": "text/tab-separated-values; charset=UTF-8",
    "XML": "application/xml; charset=UTF-8",
}
_COUNTS: Final = (
    *("read_rows", "read_bytes", "written_rows", "written_bytes", "total_rows_to_read"),
    *("result_rows", "result_bytes", "elapsed_ns"),
)


def common_headers(query_id: str) -> dict[str, str]:
    """What every answer carries."""
    return {
        "X-ClickHouse-Server-Display-Name": "ocpplog-local",
        "X-ClickHouse-Query-Id": query_id,
        "X-ClickHouse-Timezone": "UTC",
        "X-ClickHouse-Exception-Tag": "".join(random.choices(string.ascii_lowercase, k=16)),
    }


def summary(counts: dict[str, int]) -> dict[str, str]:
    found = {name: str(counts.get(name, 0)) for name in _COUNTS}
    return {"X-ClickHouse-Summary": json.dumps(found, separators=(",", ":"))}


def content_type(output: str) -> str:
    return _CONTENT_TYPES.get(output, "text/plain; charset=UTF-8")


def error_response(error: EngineError, headers: dict[str, str]) -> Response:
    headers = headers | {"X-ClickHouse-Exception-Code": str(error.code)}
    return Response(f"{error}\n", error.status, headers, "text/plain; charset=UTF-8")


@dataclass(slots=True)
class Begun:
    """The beginning of a result. `ended`: it is all of it."""

    result: Result
    encoder: Encoder
    head: bytes
    ended: bool


def begin(result: Result, encoder: Encoder, whole: bool) -> Begun:
    """Run the statement, up to its first rows or to its end. Raises EngineError. Blocks."""
    held: list[bytes] = []
    size = 0
    try:
        for chunk in result.chunks:
            held.append(encoder.compress(chunk))
            size += len(chunk)
            if size >= _HELD_BACK and not whole:
                return Begun(result, encoder, b"".join(held), ended=False)
    except BaseException:
        result.chunks.close()
        raise
    return Begun(result, encoder, b"".join([*held, encoder.flush()]), ended=True)


class StreamedResult(Response):
    """Sends a result as it comes. An error breaks the connection off, after a block that says what happened.

    The block is ClickHouse's: `__exception__`, the tag of the header, the text, its length and the tag, `__exception__`.
    """

    def __init__(
        self, begun: Begun, headers: dict[str, str], media_type: str, limiter: CapacityLimiter, stop: Callable[[], None]
    ) -> None:
        # No body yet: Starlette would announce its length.
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)
        self._begun = begun
        self._tag = headers["X-ClickHouse-Exception-Tag"]
        self._limiter = limiter
        self._stop = stop
        self._gone = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await while_connected(receive, lambda: self._send(send), self._give_up)
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(self._begun.result.chunks.close)

    async def _give_up(self) -> None:
        self._gone = True
        await to_thread.run_sync(self._stop)

    async def _send(self, send: Send) -> None:
        chunk: bytes | None = self._begun.head
        while chunk is not None and not self._gone:
            if chunk:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            try:
                chunk = await to_thread.run_sync(self._next, limiter=self._limiter)
            except EngineError as error:
                # Returning without an end makes the server break off.
                await send({"type": "http.response.body", "body": self._last_words(error), "more_body": True})
                return
        if not self._gone:
            await send({"type": "http.response.body", "body": self._begun.encoder.flush(), "more_body": False})

    def _next(self) -> bytes | None:
        chunk = next(self._begun.result.chunks, None)
        return None if chunk is None else self._begun.encoder.compress(chunk)

    def _last_words(self, error: EngineError) -> bytes:
        text = str(error).encode()[:16_000] + b"\n"
        tag = self._tag.encode()
        block = b"__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n" % (tag, text, len(text), tag)
        return self._begun.encoder.compress(block) + self._begun.encoder.flush()


async def while_connected(receive: Receive, work: Callable[[], Awaitable[_T]], gone: Callable[[], Awaitable[None]]) -> _T:
    """Do `work`, and call `gone` as soon as the client hangs up during it. The request's body must have been read."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        await gone()

    watcher = asyncio.create_task(watch())
    try:
        return await work()
    finally:
        watcher.cancel()
