"""What is sent to harm the gateway: it ends, costs a bounded amount of memory, and a charger beside it notices nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest

from integration import bogus
from integration.gateway_support import Upstream, listening
from integration.hostile_support import charger, resident
from integration.quirks_support import KNOWN, Yard, raw_client, yard
from support.raw_websocket import CONT, PING, PONG, TEXT, frame, head

pytestmark = pytest.mark.integration
MIB: Final = 1024 * 1024
HANDSHAKES: Final = 3000
FAILURES: Final = 50
GROWTH: Final = 64 * MIB


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    limits = {"gateway_peer_failures": FAILURES, "gateway_peer_failures_per_minute": 1, "gateway_hold_s": 30}
    with yard(tmp_path_factory.mktemp("hostile"), **limits) as found:
        yield found


@pytest.fixture
async def upstream(hostile: Yard) -> AsyncIterator[Upstream]:
    system = Upstream(KNOWN)
    async with listening(system, hostile.bench.upstream_port):
        yield system


async def test_bogus_handshakes_of_one_address(hostile: Yard, upstream: Upstream) -> None:
    """Each is answered; from a few on without being looked at, nor told of one by one."""
    gate = hostile.gate
    async with charger(gate, "BESIDE"):
        before, written = resident(gate.process.child.pid), gate.log.stat().st_size
        found = await bogus.knock(gate.port, "127.0.0.66", HANDSHAKES, 20, bogus.requests())
        assert found.total() == HANDSHAKES and found["429"] > HANDSHAKES // 2
        assert not {status for status in found if status.startswith(("1", "2", "3", "5")) and status != "505"}, found
        assert resident(gate.process.child.pid) < before + GROWTH
    # A line for each that counted, and for what is no HTTP: a few hundred bytes each; none for the thousands of others.
    assert gate.log.stat().st_size - written < 200 * HANDSHAKES


async def test_frames_that_do_not_end(hostile: Yard, upstream: Upstream) -> None:
    """Half a frame, fragments without end, control frames: what is kept is what was sent, up to a message."""
    gate = hostile.gate
    before = resident(gate.process.child.pid)
    async with charger(gate, "BESIDE"), contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(raw_client(gate, f"HALF-{number}")) for number in range(20)]
        for number, client in enumerate(clients):
            match number % 4:
                case 0:
                    await client.send(head(TEXT, MIB) + bytes(4) + b"x" * 100_000)
                case 1:
                    await client.send(frame(TEXT, b"x", fin=False) + frame(CONT, b"", fin=False) * 5000)
                case 2:
                    await client.send(frame(PONG, b"nobody asked") * 5000)
                case _:
                    client.writer.write(frame(PING, b"") * 500)
        await asyncio.sleep(1)
        assert resident(gate.process.child.pid) < before + GROWTH


async def test_a_message_in_fragments_without_end(hostile: Yard, upstream: Upstream) -> None:
    async with charger(hostile.gate, "BESIDE"), raw_client(hostile.gate, "ENDLESS") as client:
        with contextlib.suppress(ConnectionError):
            await client.send(frame(TEXT, b"x", fin=False))
            for _ in range(40):
                await client.send(frame(CONT, bytes(65536), fin=False))
        assert await client.close_code() in (1009, 1006)
    assert upstream.received["ENDLESS"] == []
