"""What the gateway makes its libraries do differently."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from ocpplog_common.envelope import Opcode
from ocpplog_gateway import libraries
from ocpplog_gateway.libraries import WEBSOCKET_LOG, quiet
from ocpplog_gateway.sides import Ending
from ocpplog_gateway.sockets import ChargerConnection, UpstreamConnection

HANDSHAKE = b"""GET / HTTP/1.1\r
Host: x\r
Connection: Upgrade\r
Upgrade: websocket\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r
\r
"""


async def test_pings_that_are_never_answered_are_forgotten() -> None:
    kept: list[int] = []

    async def watch(connection: ServerConnection) -> None:
        for _ in range(20):
            await asyncio.sleep(0.01)
            kept.append(len(connection.pending_pings))

    quiet()
    async with serve(
        *(watch, "127.0.0.1", 0),
        ping_interval=0.002,
        ping_timeout=None,
        close_timeout=0.1,
        create_connection=ChargerConnection,
        logger=WEBSOCKET_LOG,
    ) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.write(HANDSHAKE)
        pings = b""
        while len(kept) < 20:
            pings += await reader.read(1000)
        writer.close()
    assert pings.count(b"\x89\x04") > 10
    assert max(kept) <= 4


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux only")
async def test_a_peer_whose_tcp_takes_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "_LOST_AFTER_MS", 300)
    ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def flood(connection: ServerConnection) -> None:
        connection.transport.write(b"\x8a\x00" * 10_000_000)
        await connection.wait_closed()
        ended.set_result(connection.close_code)

    async with serve(
        flood, "127.0.0.1", 0, ping_interval=None, create_connection=ChargerConnection, logger=WEBSOCKET_LOG
    ) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        try:
            writer.write(HANDSHAKE)
            # It takes what its buffers hold, and then nothing.
            assert await asyncio.wait_for(ended, 5) == 1006
        finally:
            writer.transport.abort()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux only")
async def test_central_systems_that_are_lost_are_noticed_too() -> None:
    async with (
        serve(lambda connection: connection.wait_closed(), "127.0.0.1", 0) as server,
        connect(
            f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", proxy=None, create_connection=UpstreamConnection
        ) as connection,
    ):
        tcp = connection.transport.get_extra_info("socket")
        assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 120_000


def test_an_outage_of_kafka_does_not_flood_the_log() -> None:
    quiet()
    log = logging.getLogger("aiokafka")
    line = logging.LogRecord("aiokafka", logging.ERROR, "", 0, "Unable connect to node with id %s: %s", (1, "x"), None)
    assert not log.filter(line)
    line.msg = "Unexpected error in sender routine"
    assert log.filter(line)
    assert not log.isEnabledFor(logging.DEBUG)


class Holding:
    """A listener that takes one message at a time."""

    def __init__(self, connection: ChargerConnection) -> None:
        self.taken: list[bytes] = []
        self._connection = connection

    def message(self, data: bytes, opcode: Opcode) -> None:
        self.taken.append(data)
        self._connection.hold()

    def violation(self, data: bytes, opcode: Opcode) -> None: ...

    def ended(self, ending: Ending) -> None: ...

    def writable(self) -> None: ...


async def test_a_listener_that_holds_gets_one_portion_at_a_time_and_never_within_its_call_to_resume() -> None:
    texts = [str(number) * 5000 for number in range(8)]
    told: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()

    async def listen(connection: ServerConnection) -> None:
        assert isinstance(connection, ChargerConnection)
        # Until it is held back, with some that came before there is a listener.
        while connection.transport.is_reading():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        listener = Holding(connection)
        connection.attach(listener)
        counts = [len(listener.taken)]
        while len(listener.taken) < len(texts):
            await asyncio.sleep(0.01)
            counts.append(len(listener.taken))
            connection.resume()
            assert len(listener.taken) == counts[-1]
            while len(listener.taken) == counts[-1]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert listener.taken == [text.encode() for text in texts]
        told.set_result(sorted({*counts, len(listener.taken)}))
        connection.resume()
        await connection.wait_closed()

    async with (
        serve(listen, "127.0.0.1", 0, create_connection=ChargerConnection, logger=WEBSOCKET_LOG) as server,
        connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", proxy=None, compression=None) as point,
    ):
        await asyncio.gather(*(point.send(text) for text in texts))
        # Four early ones, at which it was held back, and then each by itself.
        assert await asyncio.wait_for(told, 10) == [4, 5, 6, 7, 8]
