"""What goes out together."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from ocpplog_query_api.connections import ConnectionLimits, GuardedConnection, Joined

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Wire(asyncio.Transport):
    """Remembers each packet."""

    def __init__(self) -> None:
        super().__init__()
        self.packets: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        assert not self.closed
        self.packets.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def joined() -> tuple[Wire, Joined]:
    wire = Wire()
    return wire, Joined(wire, asyncio.get_running_loop())


async def test_a_head_and_its_body_are_one_packet() -> None:
    wire, transport = joined()
    for data in (HEAD, b"x" * 100_000, b""):
        transport.write(data)
    assert wire.packets == [HEAD + b"x" * 100_000]


async def test_a_head_alone_does_not_wait_for_a_body_that_takes_long() -> None:
    wire, transport = joined()
    transport.write(HEAD)
    assert wire.packets == []
    await asyncio.sleep(0)
    assert wire.packets == [HEAD]
    transport.write(b"a")
    await asyncio.sleep(0)
    assert wire.packets == [HEAD, b"a"]


async def test_of_a_stream_no_more_is_held_than_a_head() -> None:
    """Else nobody would notice that the reader takes nothing."""
    wire, transport = joined()
    for _ in range(10):
        transport.write(b"x" * 5000)
    assert len(wire.packets) == 10


async def test_what_is_held_goes_out_before_the_end_and_nothing_after_it() -> None:
    wire, transport = joined()
    transport.write(HEAD)
    transport.close()
    assert wire.packets == [HEAD]
    assert transport.is_closing()
    await asyncio.sleep(0)
    assert wire.packets == [HEAD]


async def test_a_connection_that_broke_takes_what_is_held_with_it() -> None:
    wire, transport = joined()
    transport.write(HEAD)
    wire.closed = True
    await asyncio.sleep(0)
    assert wire.packets == []


class Emptying(Wire):
    """Has so much left each time somebody looks."""

    def __init__(self, *left: int) -> None:
        super().__init__()
        self._left = list(left)
        self.aborted = asyncio.Event()

    def get_write_buffer_size(self) -> int:
        return self._left.pop(0)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def abort(self) -> None:
        self.aborted.set()


@pytest.mark.parametrize("left", [(9, 9), (9, 8, 7, 7)])
async def test_a_slow_reader_is_no_stuck_one(left: tuple[int, ...]) -> None:
    """A long answer takes minutes on a slow link: it is given up once nothing more of it was taken."""
    config = uvicorn.Config(lambda: None, log_config=None)
    config.load()
    wire = Emptying(*left)
    limits = ConnectionLimits(most=1, request_s=60, stuck_s=0.01)
    connection = GuardedConnection(config, ServerState(), {}, limits=limits)
    connection.connection_made(wire)
    connection.pause_writing()
    async with asyncio.timeout(5):
        await wire.aborted.wait()
    assert not wire._left
    connection.connection_lost(None)
