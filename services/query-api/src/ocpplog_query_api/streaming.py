"""Results too large to hold: read from ClickHouse as they come, and sent on in an answer that breaks off when they do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from typing import Any, Final, TypeVar

import aiohttp
import anyio
import structlog
from clickhouse_connect.driver.common import StreamContext
from clickhouse_connect.driver.exceptions import ClickHouseError
from fastapi import Request
from opentelemetry.trace import INVALID_SPAN, Span
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from ocpplog_query_api.errors import ApiError

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)
_HELD_BACK: Final = 17 * 1024
"""ClickHouse writes an error into the result, at its very end, and cuts the text off at 16 kB: it must not be passed on."""
_LAST_WORDS: Final = re.compile(rb"__exception__\r\n([a-z]{16})\r\n(.*)\n\d+ \1\r\n__exception__\r\n\Z", re.DOTALL)
_CODE: Final = re.compile(rb"Code: (\d+)")
_POLL_S: Final = 0.2


class Interrupted(ClickHouseError):
    """A result that broke off. `code` is ClickHouse's, where it said why."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class Gone(ApiError):
    """The caller hung up: nobody reads this answer."""

    status, kind, title = 499, "caller-gone", "The caller hung up"


class Stream:
    """The bytes of a result. To be closed by whoever has it: then ClickHouse ends the query if it still runs, and `span` ends."""

    def __init__(self, source: StreamContext, span: Span = INVALID_SPAN) -> None:
        self._source = source
        self._span = span
        self._pieces = self._read()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def line(self) -> bytes:
        """What comes before the first end of line, which is taken off; empty where nothing comes at all. Raises Interrupted."""
        held = b""
        async for piece in self._pieces:
            held += piece
            if b"\n" in held:
                break
        found, _, rest = held.partition(b"\n")
        self._pieces = _joined(rest, self._pieces)
        return found

    async def aclose(self) -> None:
        self._source.source.close()
        if self._span.is_recording():
            self._span.end()

    async def _read(self) -> AsyncIterator[bytes]:
        held = b""
        try:
            async with self._source as source:
                async for piece in source:
                    held += piece
                    if len(held) > _HELD_BACK:
                        yield held[:-_HELD_BACK]
                        held = held[-_HELD_BACK:]
        except (aiohttp.ClientError, OSError) as error:
            raise interrupted(held[max(held.rfind(b"__exception__\r\n", 0, -17), 0) :]) from error
        if found := _LAST_WORDS.search(held):
            raise interrupted(found[2])
        if held:
            yield held


def interrupted(words: bytes) -> Interrupted:
    """What ClickHouse says in these words, if it says anything."""
    code = _CODE.search(words)
    return Interrupted(words[:500].decode(errors="replace") if code else "the result broke off", int(code[1]) if code else None)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in rest:
        yield piece


class Download(StreamingResponse):
    """Sends a body as it comes, for `seconds` at most. Where it breaks off, the connection does too: half a file must not look
    like a whole one."""

    def __init__(self, body: AsyncGenerator[bytes, None], stream: Stream, seconds: float, **options: Any) -> None:
        super().__init__(body, **options)
        self._body = body
        self._stream = stream
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await self._body.aclose()
                await self._stream.aclose()

    async def stream_response(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            # ClickHouse's limit ends with its result: a file that is made of it whole may be read for long after.
            # Not asyncio's own timeout: a thread that writes a file is waited for, since it cannot be stopped.
            with anyio.fail_after(self._seconds):
                async for piece in self.body_iterator:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    # To who is gone everything can be sent without waiting: others get a turn, and whoever notices ends this.
                    await asyncio.sleep(0)
        except (ClickHouseError, OSError) as error:
            # Without an end: the server closes the connection in the middle of the answer.
            _log.error("download broke off", code=getattr(error, "code", None), error=str(error)[:500] or type(error).__name__)
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def unless_gone(request: Request, work: Awaitable[_T]) -> _T:
    """The result of `work`, which is cancelled when the caller hangs up. Raises Gone."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait([task], timeout=_POLL_S))[0]:
            # What was done while we looked is the answer's, which closes it when it finds nobody.
            if await request.is_disconnected() and not task.done():
                raise Gone
        return task.result()
    finally:
        task.cancel()
