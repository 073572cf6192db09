"""Chargers and central systems as sides of a relay, over real connections."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.protocol import State

from ocpplog_common.envelope import Opcode
from ocpplog_gateway import sockets
from ocpplog_gateway.central_system import CentralSystem
from ocpplog_gateway.libraries import WEBSOCKET_LOG
from ocpplog_gateway.sides import Ending
from ocpplog_gateway.sockets import ChargerConnection
from ocpplog_gateway.stand_in import StandIn


class FakeListener:
    """Holds its side when it has `room` messages."""

    def __init__(self, side: ChargerConnection, room: int = 1_000_000) -> None:
        self.side = side
        self.room = room
        self.heard: list[str] = []

    def message(self, data: bytes, opcode: Opcode) -> None:
        self.heard.append(data.decode())
        if len(self.heard) == self.room:
            self.side.hold()

    def violation(self, data: bytes, opcode: Opcode) -> None: ...

    def ended(self, ending: Ending) -> None:
        self.heard.append(f"ended {ending.code} {'ours' if ending.ours else 'theirs'}")

    def writable(self) -> None: ...


Scene = Callable[[ChargerConnection], Awaitable[None]]


@asynccontextmanager
async def charger(scene: Scene, compression: str | None = None) -> AsyncIterator[tuple[ClientConnection, asyncio.Future[None]]]:
    """A client, and what `scene` does with its connection at the gateway."""
    started: asyncio.Future[asyncio.Future[None]] = asyncio.get_running_loop().create_future()

    async def handle(connection: ServerConnection) -> None:
        assert isinstance(connection, ChargerConnection)
        task = asyncio.ensure_future(scene(connection))
        started.set_result(task)
        await asyncio.wait({task})

    server = await serve(
        *(handle, "127.0.0.1", 0),
        create_connection=ChargerConnection,
        compression=compression,
        ping_interval=None,
        logger=WEBSOCKET_LOG,
    )
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, connect(url, compression=compression, proxy=None) as client:
        yield client, await started


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("not within five seconds")


async def test_nothing_is_delivered_during_resume() -> None:
    """Who resumes is in the middle of passing on what came before: a message in between would overtake it."""

    async def scene(side: ChargerConnection) -> None:
        listener = FakeListener(side, room=2)
        side.attach(listener)
        await _until(lambda: len(listener.heard) >= 2)
        known = list(listener.heard)
        side.resume()
        assert listener.heard == known != messages
        await _until(lambda: listener.heard == messages)

    # Written at once, and longer than what is taken at once: what is compressed and unread is the gateway's to keep.
    messages = [secrets.token_hex(2000) for _ in range(8)]
    async with charger(scene, "deflate") as (client, task):
        for message in messages:
            client.protocol.send_text(message.encode())
        client.transport.write(b"".join(client.protocol.data_to_send()))
        await task


async def test_a_listener_that_early_messages_are_too_many_for_stays_held() -> None:
    some_came = asyncio.Event()

    async def scene(side: ChargerConnection) -> None:
        await some_came.wait()
        await asyncio.sleep(0.05)
        listener = FakeListener(side, room=3)
        side.attach(listener)
        known = len(listener.heard)
        assert known >= 4
        await asyncio.sleep(0.05)
        assert len(listener.heard) == known
        side.resume()
        await _until(lambda: len(listener.heard) == 40)

    async with charger(scene) as (client, task):
        for number in range(40):
            await client.send(str(number))
            await asyncio.sleep(0.002)
            if number == 10:
                some_came.set()
        await task


async def test_what_comes_before_the_answer_to_our_close_frame_is_still_delivered() -> None:
    listeners: list[FakeListener] = []

    async def scene(side: ChargerConnection) -> None:
        listeners.append(FakeListener(side))
        side.attach(listeners[0])
        await _until(lambda: listeners[0].heard == ["0"])
        await side.end(1001, "the gateway is stopping")

    async with charger(scene) as (client, task):
        client.transport.pause_reading()
        await client.send("0")
        await _until(lambda: listeners[0].side.protocol.state is State.CLOSING)
        await client.send("1")
        await _until(lambda: listeners[0].heard[-1:] == ["1"])
        await client.send("2")
        await _until(lambda: listeners[0].heard[-1:] == ["2"])
        client.transport.resume_reading()
        await task
    assert listeners[0].heard == ["0", "1", "2", "ended 1001 ours"]


async def test_a_reason_too_long_for_a_close_frame_is_cut() -> None:
    async def scene(side: ChargerConnection) -> None:
        side.attach(FakeListener(side))
        await side.end(1001, "replaced by a newer connection to " + "\u00e9" * 100)

    async with charger(scene) as (client, task):
        await task
    assert client.close_reason == "replaced by a newer connection to " + "\u00e9" * 44


class Emptying:
    """A transport whose buffer has so much left each time somebody looks."""

    def __init__(self, *left: int) -> None:
        self._left = list(left)
        self.aborted = asyncio.Event()

    def get_write_buffer_size(self) -> int:
        return self._left.pop(0)

    def abort(self) -> None:
        self.aborted.set()


@pytest.mark.parametrize("left", [(9, 9), (9, 8, 7, 7)])
async def test_a_slow_reader_is_no_stuck_one(monkeypatch: pytest.MonkeyPatch, left: tuple[int, ...]) -> None:
    """A long message takes minutes on a slow link: it is given up once nothing more of it was taken."""
    monkeypatch.setattr(sockets, "_STUCK_AFTER_S", 0.01)
    done = asyncio.Event()

    async def scene(side: ChargerConnection) -> None:
        real, emptying = side.transport, Emptying(*left)
        monkeypatch.setattr(side, "transport", emptying)
        side.pause_writing()
        async with asyncio.timeout(5):
            await emptying.aborted.wait()
        assert not emptying._left
        monkeypatch.setattr(side, "transport", real)
        done.set()

    async with charger(scene) as (_, handled):
        async with asyncio.timeout(5):
            await done.wait()
        await handled


async def test_a_stand_in_ends_before_anybody_listens() -> None:
    """As where a handshake breaks off."""
    await StandIn(cast(CentralSystem, None)).end(1001, "charger handshake failed")
