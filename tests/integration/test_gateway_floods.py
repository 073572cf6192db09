"""Peers that send more than they weigh, or read nothing: the gateway's memory stays bounded, and nobody else loses a frame."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
from websockets.asyncio.server import ServerConnection

from integration.gateway_support import CONNECT, DISCONNECT, HEARTBEAT, Gate, Upstream, handshake, join, listening, until
from integration.quirks_support import KNOWN, Yard, raw_client, yard
from support.raw_websocket import DEFLATE, PING, RSV1, TEXT, Deflater, RawClient, frame

pytestmark = pytest.mark.integration
MIB = 1024 * 1024
BUFFER = 32 * MIB
ROOM = 96 * MIB
"""What the gateway may grow by in a test: the buffer for Kafka (32 MiB), of each of four connections what a direction may have
(1 MiB) and what a portion of 4 KiB may mean when it is read (4 MiB), each once or twice. What is sent means 800 MiB."""


@pytest.fixture(scope="module")
def floods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    # With time for a broker on a busy machine: what floods here is what peers send, not what is passed on without it.
    with yard(tmp_path_factory.mktemp("floods"), gateway_buffer_bytes=BUFFER, gateway_hold_s=30) as found:
        yield found


class Deaf(Upstream):
    """A central system that reads nothing, until it is told to."""

    async def handle(self, connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await super().handle(connection)

    def listen(self) -> None:
        for connections in self.connections.values():
            for connection in connections:
                connection.transport.resume_reading()


@pytest.fixture
async def deaf(floods: Yard) -> AsyncIterator[Deaf]:
    system = Deaf(KNOWN)
    # Compressed again, the bombs would fit into the buffers of TCP.
    async with listening(system, floods.bench.upstream_port, compression=None):
        yield system


class Memory:
    """Watches how much a gateway grows."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.grown = 0.0

    async def __aenter__(self) -> Memory:
        self._before = await self._gate.metric("process_resident_memory_bytes")
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        assert self.grown < ROOM, f"{self.grown / MIB:.0f} MiB"

    async def _watch(self) -> None:
        while True:
            self.grown = max(self.grown, await self._gate.metric("process_resident_memory_bytes") - self._before)
            await asyncio.sleep(0.02)


async def others_are_served(gate: Gate) -> None:
    async with join(gate, "/OTHER") as other:
        await other.ping()


async def push(client: RawClient, data: bytes) -> bool:
    """Send for a while; whether all was taken."""
    with contextlib.suppress(TimeoutError, ConnectionError):
        await asyncio.wait_for(client.send(data), 1.5)
        return True
    return False


async def test_compression_bombs_for_a_central_system_that_reads_nothing(floods: Yard, deaf: Deaf) -> None:
    """200 messages of 1 MiB in 200 KiB, from each of four chargers."""
    deflate = Deflater()
    data = b"".join(frame(TEXT, deflate(bytes(MIB)), bits=RSV1) for _ in range(200))
    assert len(data) < 250_000
    async with Memory(floods.gate), contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(raw_client(floods.gate, f"BOMB-{n}", DEFLATE)) for n in range(4)]
        await asyncio.gather(*(push(client, data) for client in clients))
        await asyncio.sleep(1)
        await others_are_served(floods.gate)
        # They are held back: what has been read of each is a few messages.
        assert await floods.gate.metric("ocpplog_gateway_frame_bytes_total") < 4 * 8 * MIB
        # One goes on when it is read, and gets all it has through.
        deaf.listen()
        async with asyncio.timeout(20):
            while len(deaf.received["BOMB-0"]) < 20:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert set(deaf.received["BOMB-0"]) == {bytes(MIB)}
    await deaf.gone()
    assert await floods.gate.metric("ocpplog_gateway_dropped_frames_total") == 0


async def test_a_bomb_that_breaks_off(floods: Yard, deaf: Deaf) -> None:
    """The end of a connection is no way round the limits."""
    deflate = Deflater()
    data = b"".join(frame(TEXT, deflate(bytes(MIB)), bits=RSV1) for _ in range(200))
    async with Memory(floods.gate):
        for number in range(4):
            async with raw_client(floods.gate, f"BROKEN-{number}", DEFLATE) as client:
                await push(client, data)
        await asyncio.sleep(1)
        await others_are_served(floods.gate)


async def test_empty_messages_push_nobody_s_frames_out_of_the_buffer(floods: Yard) -> None:
    """A message costs the buffer 900 bytes, however empty it is: a hundred thousand fill it three times over."""
    before = await floods.gate.metric("ocpplog_gateway_dropped_frames_total")
    upstream = Upstream(KNOWN)
    async with listening(upstream, floods.bench.upstream_port), Memory(floods.gate), contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(raw_client(floods.gate, f"EMPTY-{n}")) for n in range(4)]
        flooding = asyncio.gather(*(push(client, frame(TEXT) * 30_000) for client in clients))
        async with join(floods.gate, "/FULL") as point:
            for number in range(20):
                await point.send(HEARTBEAT.format(number))
                assert await asyncio.wait_for(point.recv(), 10) == f'[3,"{number}",{{}}]'
        await flooding
        # Who leaves before is believed what was read of it, all at once.
        await until(lambda: all(len(upstream.received[f"EMPTY-{n}"]) == 30_000 for n in range(4)), 60)
    assert await floods.gate.metric("ocpplog_gateway_dropped_frames_total") == before


async def test_messages_that_come_before_there_is_a_central_system(floods: Yard, deaf: Deaf) -> None:
    """Sent along with the handshake: they count like any others."""
    deaf.delay_s = 0.5
    data = frame(TEXT, bytes(300_000)) * 200
    async with Memory(floods.gate):
        reader, writer = await asyncio.open_connection("127.0.0.1", floods.gate.port)
        async with RawClient(reader, writer) as client:
            await push(client, handshake("/EARLY", "Sec-WebSocket-Protocol: ocpp1.6") + data)
            await asyncio.sleep(1)
            before = await floods.gate.metric("ocpplog_gateway_buffer_bytes")
            assert before < BUFFER
            deaf.listen()
            await until(lambda: len(deaf.received["EARLY"]) > 20, 10)
        assert set(deaf.received["EARLY"]) == {bytes(300_000)}


async def test_pongs_that_are_not_read(floods: Yard) -> None:
    """A side that sends pings and reads nothing is broken off, for that reason."""
    async with listening(Upstream(KNOWN), floods.bench.upstream_port), Memory(floods.gate):
        async with raw_client(floods.gate, "PONGS") as client:
            data = frame(PING, bytes(125)) * 10_000
            with pytest.raises((ConnectionError, TimeoutError)):
                async with asyncio.timeout(10):
                    while True:
                        await client.send(data)
        [_, ended] = await floods.bench.events("PONGS", CONNECT, DISCONNECT)
    assert (ended.close_code, ended.reason) == (1006, "1000 pongs were not read")
