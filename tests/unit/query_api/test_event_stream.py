"""The answer that stays open: it ends with its client, however that ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from starlette.types import Message, Scope

from ocpplog_query_api.live.response import EventStream

SCOPES: tuple[Scope, ...] = ({"type": "http", "asgi": {"spec_version": "2.3"}}, {"type": "http", "asgi": {"spec_version": "2.4"}})


class Connection:
    """`gone`: set once the client is; `stuck`: it takes nothing any more."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.stuck = False
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        if self.stuck:
            await asyncio.Event().wait()


class Events:
    """Endless, or two of them; `ended`: they know that they are over."""

    def __init__(self, endless: bool = True) -> None:
        self.ended = False
        self._endless = endless

    async def __call__(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b"one"
            yield b"two"
            while self._endless:
                await asyncio.sleep(0.001)
                yield b"more"
        finally:
            self.ended = True


async def served(scope: Scope, connection: Connection, events: Events, patience_s: float = 60) -> list[str]:
    released: list[str] = []
    async with asyncio.timeout(5):
        await EventStream(events(), lambda: released.append("released"), patience_s)(scope, connection.receive, connection.send)
    return released


@pytest.mark.parametrize("scope", SCOPES)
async def test_events_that_end(scope: Scope) -> None:
    connection, events = Connection(), Events(endless=False)
    assert await served(scope, connection, events) == ["released"]
    assert [message.get("body") for message in connection.sent] == [None, b"one", b"two", b""]


async def test_a_client_that_goes() -> None:
    connection, events = Connection(), Events()
    asyncio.get_running_loop().call_later(0.01, connection.gone.set)
    assert await served(SCOPES[0], connection, events) == ["released"]
    assert events.ended


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_client_that_takes_nothing(scope: Scope) -> None:
    connection, events = Connection(), Events()
    connection.stuck = True
    assert await served(scope, connection, events, patience_s=0.01) == ["released"]


async def test_one_that_goes_while_it_takes_nothing() -> None:
    connection, events = Connection(), Events()

    async def stuck_after_the_first(message: dict[str, Any]) -> None:
        connection.stuck = len(connection.sent) > 1
        await Connection.send(connection, message)

    connection.send = stuck_after_the_first  # type: ignore[method-assign, assignment]
    asyncio.get_running_loop().call_later(0.01, connection.gone.set)
    assert await served(SCOPES[0], connection, events) == ["released"]
    assert events.ended


async def test_a_page_goes_out_in_pieces_and_whole() -> None:
    """Each has its time: who takes a page slowly takes something."""
    connection = Connection()
    page = bytes(range(256)) * 600

    async def events() -> AsyncGenerator[bytes, None]:
        yield page
        yield b"after"

    await EventStream(events(), lambda: None, 60)(SCOPES[1], connection.receive, connection.send)
    bodies = [message["body"] for message in connection.sent if message["type"] == "http.response.body"]
    assert b"".join(bodies) == page + b"after"
    assert max(map(len, bodies)) == 64 * 1024
    assert [message["more_body"] for message in connection.sent[1:]] == [True] * (len(bodies) - 1) + [False]
