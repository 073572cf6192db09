"""Whatever comes over the wire: the gateway goes on, serves the others, records what was whole, and keeps nothing of it.

The examples are the same in each run. What is found in the field belongs into tests/corpus, where other fuzzers find it too.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.gateway_support import Traffic, Upstream, handshake, listening
from integration.quirks_support import CORPUS, KNOWN, LIMIT, Yard, yard
from ocpplog_common import topics
from ocpplog_common.envelope import Envelope, Source
from support.raw_websocket import BINARY, CLOSE, CONT, DEFLATE, PING, PONG, RSV1, TEXT, Deflater, RawClient, close, frame, head

pytestmark = pytest.mark.integration
EXAMPLES: Final = 600
GROWTH: Final = 48 * 1024 * 1024
"""What the process may have grown by after hundreds of broken connections, in bytes: allocators keep what they had at the peak,
of a few connections at a time with a few MiB each. Had each left 100 KiB behind, it would be over."""
DESCRIPTORS: Final = 8
"""Likewise: the clients of Kafka open one for each broker and use, whenever they like. Each connection has two."""
HANDSHAKES: Final = [path.read_bytes() for path in sorted((CORPUS / "handshakes").iterdir())]
FRAMES: Final = [path.read_bytes() for path in sorted((CORPUS / "frames").iterdir())]
fuzzed = settings(max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    with yard(tmp_path_factory.mktemp("fuzz"), gateway_open_timeout_s=3, gateway_ping_interval_s=5) as found:
        yield found


Play = Callable[[Any], Coroutine[Any, Any, None]]


class World:
    """A gateway under fuzz, in between its central system and chargers that behave."""

    def __init__(self, yard: Yard, runner: asyncio.Runner) -> None:
        self.gate = yard.narrow
        self.bench = yard.bench
        self.runner = runner
        self.upstream = Upstream(KNOWN)
        self._open = contextlib.AsyncExitStack()

    def fuzz(self, examples: st.SearchStrategy[Any], play: Play) -> None:
        """Play all examples, and assert that nothing is left of them."""
        run = self.runner.run
        run(self._begin())
        try:
            fuzzed(given(examples)(lambda example: run(play(example))))()
            run(self._check())
        finally:
            run(self._open.aclose())

    async def _begin(self) -> None:
        await self._open.enter_async_context(listening(self.upstream, self.bench.upstream_port))
        self._calm = Traffic(self.gate, [f"CALM-{number}" for number in range(3)], 0.01)
        await self._calm.flowing()
        self._before = {name: await self.gate.metric(name) for name in ("process_open_fds", "process_resident_memory_bytes")}
        self._served = {charger_id: len(found) for charger_id, found in self._calm.received.items()}

    async def _check(self) -> None:
        assert (await self.gate.get("/readyz"))[0] == 200
        assert not self._calm.codes
        for charger_id, found in self._calm.received.items():
            assert len(found) > self._served[charger_id] + 20
        await self.gate.reaches("ocpplog_gateway_connections", 3, 3)
        await self.gate.reaches("ocpplog_gateway_sockets", 3, 3)
        await self.gate.reaches("process_open_fds", 0, self._before["process_open_fds"] + DESCRIPTORS)
        most = self._before["process_resident_memory_bytes"] + GROWTH
        await self.gate.reaches("process_resident_memory_bytes", 0, most)
        await self._calm.stop()
        await self.upstream.gone()


@pytest.fixture
def world(fuzz: Yard) -> Iterator[World]:
    with asyncio.Runner() as runner:
        yield World(fuzz, runner)


async def _ended(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> bytes:
    """Send `data` in two parts, and the end; what is answered up to the end, which has to come."""
    with contextlib.suppress(OSError):
        writer.write(data[: len(data) // 2])
        await writer.drain()
        writer.write(data[len(data) // 2 :])
        writer.write_eof()
    with contextlib.suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(), 10)
    return b""


# Handshakes


@st.composite
def spoilt(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """One of `seeds`, spoilt in a few places."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        size = draw(st.integers(0, 20))
        more = draw(
            st.one_of(st.binary(max_size=20), st.sampled_from([b"\r\n", b"\n", b"\x00", b": ", b"\r\n\r\n", b"%", b"\xff"]))
        )
        data = draw(
            st.sampled_from([data[:at] + more + data[at + size :], data[:at] + data[at : at + size] * 2 + data[at:], data[:at]])
        )
    return data


def test_handshakes(world: World) -> None:
    async def play(data: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", world.gate.port)
        answer = await _ended(reader, writer, data)
        assert not answer or answer.startswith(b"HTTP/1.1 ")
        writer.close()

    world.fuzz(spoilt(HANDSHAKES), play)


# Frames


@dataclass(frozen=True)
class Conversation:
    """`whole`: the text messages that are sent first, and have to be recorded, in `data`; then come `odd` bytes."""

    compressed: bool
    whole: list[bytes]
    data: bytes
    odd: bytes


masks = st.binary(min_size=4, max_size=4)
opcodes = st.sampled_from([CONT, TEXT, BINARY, CLOSE, PING, PONG, 0x3, 0x7, 0xB, 0xF])
payloads = st.one_of(st.binary(max_size=200), st.sampled_from([data for data in FRAMES if len(data) < 5000]))
any_frame = st.builds(frame, opcodes, payloads, fin=st.booleans(), bits=st.sampled_from([0, 0, 0, RSV1, 0x20, 0x10]), mask=masks)
bombs = st.integers(1, 64).map(lambda n: frame(TEXT, Deflater()(bytes(n * 16 * 1024)), bits=RSV1))
odd = st.one_of(
    st.binary(max_size=300),
    any_frame,
    st.builds(frame, opcodes, payloads, mask=st.none()),
    # Lengths that lie.
    st.builds(lambda opcode, size, data: head(opcode, size) + bytes(4) + data, opcodes, st.integers(0, 2**63 - 1), payloads),
    st.builds(lambda size: struct.pack("!BBQ", 0x81, 0xFF, size), st.integers(2**63, 2**64 - 1)),
    # Fragments in each other, control messages in parts and too long.
    st.lists(st.builds(frame, st.sampled_from([TEXT, BINARY, CONT]), payloads, fin=st.booleans()), max_size=5).map(b"".join),
    st.builds(frame, st.sampled_from([PING, PONG, CLOSE]), st.binary(min_size=126, max_size=400)),
    st.builds(close, st.integers(0, 65535), st.binary(max_size=123)),
    # Deflate data that is none, and what means more than it weighs.
    st.builds(lambda data: frame(TEXT, data, bits=RSV1), st.binary(min_size=1, max_size=300)),
    bombs,
    st.lists(bombs, min_size=5, max_size=20).map(b"".join),
    spoilt([frame(TEXT, data) for data in FRAMES[:60]]),
)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    compressed = draw(st.booleans())
    texts = [data for data in FRAMES if len(data) < LIMIT and _is_text(data)]
    whole = draw(st.lists(st.sampled_from(texts), max_size=4))
    deflate, data = Deflater(), b""
    for text in whole:
        deflated = compressed and draw(st.booleans())
        data += _in_parts(draw, deflate(text) if deflated else text, RSV1 if deflated else 0)
    return Conversation(compressed, whole, data, b"".join(draw(st.lists(odd, min_size=1, max_size=3))))


def _is_text(data: bytes) -> bool:
    try:
        return bool(data.decode())
    except UnicodeDecodeError:
        return False


def _in_parts(draw: st.DrawFn, data: bytes, bits: int) -> bytes:
    """A message in a frame or several, with pings in between."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=3)))
    parts = [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    found = b""
    for number, part in enumerate(parts):
        first, last = number == 0, number == len(parts) - 1
        found += frame(TEXT if first else CONT, part, fin=last, bits=bits if first else 0, mask=draw(masks))
        if not last and draw(st.booleans()):
            found += frame(PING, b"between")
    return found


def test_frames(world: World) -> None:
    played: list[Conversation] = []

    async def play(conversation: Conversation) -> None:
        lines = [DEFLATE] if conversation.compressed else []
        request = handshake(f"/FUZZ-{len(played)}", "Sec-WebSocket-Protocol: ocpp1.6", *lines)
        played.append(conversation)
        async with await RawClient.connect(world.gate.port, request) as client:
            await _ended(client.reader, client.writer, conversation.data + conversation.odd)

    world.fuzz(conversations(), play)
    recorded = world.runner.run(_recorded(world))
    for number, conversation in enumerate(played):
        found = recorded.get(f"FUZZ-{number}", [])
        assert found[: len(conversation.whole)] == conversation.whole, number


async def _recorded(world: World) -> dict[str, list[bytes]]:
    """What chargers sent, by charger, as it is on Kafka."""
    found: dict[str, list[bytes]] = {}
    for record in await world.bench.all_of(topics.FRAMES):
        envelope = Envelope.from_record(record.key, record.value, record.headers)
        if envelope.source is Source.CHARGER:
            found.setdefault(envelope.charger_id, []).append(envelope.frame)
    return found
