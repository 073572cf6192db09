"""The answer that stays open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

# Asked of nginx by the second one: it would hold events back until it has some kilobytes of them.
_PIECE: Final = 64 * 1024
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class EventStream(StreamingResponse):
    """Ends with its client: when that goes, or takes nothing for `patience_s`. Then the events end and `released` is called."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes, None], released: Callable[[], None], patience_s: float) -> None:
        super().__init__(events, headers=_HEADERS)
        self._events = events
        self._released = released
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            for piece in _pieces(message):
                async with asyncio.timeout(self._patience_s):
                    await send(piece)

        try:
            await super().__call__(scope, receive, send_in_time)
        except (TimeoutError, ClientDisconnect):
            # The server sees an answer without an end, and closes the connection.
            return
        finally:
            self._released()
            await self._events.aclose()


def _pieces(message: Message) -> Iterator[Message]:
    """Who takes a page slowly takes something of it."""
    body = message.get("body", b"")
    if len(body) <= _PIECE:
        yield message
        return
    for start in range(0, len(body), _PIECE):
        end = start + _PIECE
        yield {**message, "body": body[start:end], "more_body": end < len(body) or message["more_body"]}
