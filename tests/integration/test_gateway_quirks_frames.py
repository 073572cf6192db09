"""What real chargers send: each fact of the field is a case here, or in the test named with it.

- Blanks; odd message ids; truncated JSON, null, backslashes; odd CALLERRORs; a 2.0.1 that looks like 1.6; types 5 and 6; long
  values; empty strings; odd timestamps: `TestFrames`, a file each in tests/corpus/frames. What the log makes of them is tested
  with the enricher.
- Binary frames, text that is not UTF-8: `TestFrames`, test_gateway `test_binary` and `test_not_utf8`.
- The same id on another charger, from the other side, and once more: `test_ids_that_are_used_again`.
- CALLs that cross and overtake, answers nobody asked for: `test_calls_that_cross`.
- Compression offered and not, context takeover, RSV1 all the same: `TestCompression`.
- Fragments; limits from 32 KiB to none: `TestSizes`, test_gateway `test_too_long`.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from integration.gateway_support import (
    CONNECT,
    DISCONNECT,
    HEARTBEAT,
    Upstream,
    join,
    listening,
    until,
)
from integration.quirks_support import CORPUS, KNOWN, LIMIT, Yard, raw_client, yard
from ocpplog_common import topics
from ocpplog_common.envelope import Envelope, Opcode, Source
from support.raw_websocket import BINARY, CONT, DEFLATE, PING, RSV1, TEXT, Deflater, frame

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def quirks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    with yard(tmp_path_factory.mktemp("quirks")) as found:
        yield found


@pytest.fixture
async def upstream(quirks: Yard) -> AsyncIterator[Upstream]:
    system = Upstream(KNOWN)
    async with listening(system, quirks.bench.upstream_port):
        yield system


@dataclass(frozen=True)
class Seen:
    """What became of the files of tests/corpus/frames: at the other side, and on Kafka."""

    at_upstream: dict[str, list[bytes]]
    at_charger: dict[str, list[bytes]]
    codes: dict[str, int]
    frames: dict[str, list[Envelope]]


FRAMES = {path.name: path.read_bytes() for path in sorted((CORPUS / "frames").iterdir())}
PASSED_ON = [name for name in FRAMES if name.startswith("ocpp")]
REFUSED = [name for name in FRAMES if name not in PASSED_ON]
_LAST = b"that was all"


@pytest.fixture(scope="module")
def seen(quirks: Yard) -> Seen:
    return asyncio.run(_exchange(quirks))


async def _exchange(quirks: Yard) -> Seen:
    """Send all of a subprotocol on one connection, from either side, and what is refused on one each."""
    system = Upstream(KNOWN)
    at_charger: dict[str, list[bytes]] = {}
    codes = {}
    async with listening(system, quirks.bench.upstream_port):
        for known in KNOWN:
            data = [FRAMES[name] for name in PASSED_ON if name.startswith(f"{known}_")]
            async with raw_client(quirks.gate, f"ODD-{known}", subprotocol=known) as point:
                await point.send(b"".join(frame(TEXT, each) for each in [*data, _LAST]))
                await until(lambda known=known: _LAST in system.received[f"ODD-{known}"])  # type: ignore[misc]
                for each in [*data, _LAST]:
                    await system.connections[f"ODD-{known}"][0].send(each, text=True)
                received: list[bytes] = []
                at_charger[known] = received
                while not received or received[-1] != _LAST:
                    opcode, payload = await point.receive()
                    received += [payload] if opcode == TEXT else []
        for number, name in enumerate(REFUSED):
            async with raw_client(quirks.gate, f"BAD-{number}") as point:
                await point.send(frame(BINARY if name.startswith("1003") else TEXT, FRAMES[name]))
                codes[name] = await point.close_code()
    frames: dict[str, list[Envelope]] = {}
    for record in await quirks.bench.all_of(topics.FRAMES):
        envelope = Envelope.from_record(record.key, record.value, record.headers)
        frames.setdefault(envelope.charger_id, []).append(envelope)
    return Seen(system.received, at_charger, codes, frames)


class TestFrames:
    @pytest.mark.parametrize("name", PASSED_ON)
    def test_byte_for_byte_in_both_directions(self, seen: Seen, name: str) -> None:
        known = name.partition("_")[0]
        data, charger_id = FRAMES[name], f"ODD-{known}"
        found = {(e.source, e.opcode, e.subprotocol) for e in seen.frames[charger_id] if e.frame == data}
        assert found == {(source, Opcode.TEXT, known) for source in Source}
        assert data in seen.at_upstream[charger_id] and data in seen.at_charger[known]

    @pytest.mark.parametrize("known", KNOWN)
    def test_in_order_and_nothing_else(self, seen: Seen, known: str) -> None:
        sent = [*(FRAMES[name] for name in PASSED_ON if name.startswith(f"{known}_")), _LAST]
        found = seen.frames[f"ODD-{known}"]
        assert [e.frame for e in found if e.source is Source.CHARGER] == sent == seen.at_upstream[f"ODD-{known}"]
        assert [e.frame for e in found if e.source is Source.CSMS] == seen.at_charger[known]
        assert [data for data in seen.at_charger[known] if data in sent][-len(sent) :] == sent

    @pytest.mark.parametrize("name", REFUSED)
    def test_refused_and_recorded(self, seen: Seen, name: str) -> None:
        charger_id = f"BAD-{REFUSED.index(name)}"
        assert seen.codes[name] == int(name.partition("_")[0])
        opcode = Opcode.BINARY if name.startswith("1003") else Opcode.TEXT
        assert [(e.frame, e.opcode) for e in seen.frames[charger_id]] == [(FRAMES[name], opcode)]
        assert not seen.at_upstream.get(charger_id)

    @pytest.mark.parametrize(
        ("data", "text", "code"),
        [(b"\x00\xff", False, 1003), (b"", False, 1003), (b'[2,"\xe9"]', True, 1007)],
        ids=["binary", "empty-binary", "not-utf8"],
    )
    async def test_of_a_central_system_refused_and_recorded(
        self, quirks: Yard, upstream: Upstream, data: bytes, text: bool, code: int, request: pytest.FixtureRequest
    ) -> None:
        name = f"CSMS-{request.node.callspec.id}"
        async with raw_client(quirks.gate, name) as point:
            await point.send(frame(TEXT, b'[2,"1","Heartbeat",{}]'))
            await until(lambda: bool(upstream.received[name]))
            await upstream.connections[name][0].send(data, text=text)
            assert await point.close_code() == code
        [_, _, last] = await quirks.bench.frames(name, 3)
        assert (last.source, last.frame) == (Source.CSMS, data)
        assert last.opcode is (Opcode.TEXT if text else Opcode.BINARY)
        [_, ended] = await quirks.bench.events(name, CONNECT, DISCONNECT)
        assert (ended.close_code, ended.closed_by) == (code, "gateway")
        await upstream.gone()

    async def test_ids_that_are_used_again(self, quirks: Yard, upstream: Upstream) -> None:
        """On another charger, from the other side, and for a retry: frames are told apart by what stands beside them."""
        call = b'[2,"same","Heartbeat",{}]'
        for charger_id in ("SAME-1", "SAME-2"):
            async with raw_client(quirks.gate, charger_id) as point:
                await point.send(frame(TEXT, call) * 2)
                await until(lambda charger_id=charger_id: len(upstream.received[charger_id]) == 2)  # type: ignore[misc]
                await upstream.connections[charger_id][0].send(call, text=True)
                received: list[bytes] = []
                while len(received) < 3:
                    opcode, payload = await point.receive()
                    received += [payload] if opcode == TEXT else []
                assert received[-1] == call
        names = set()
        for charger_id in ("SAME-1", "SAME-2"):
            found = await quirks.bench.frames(charger_id, 5)
            assert sorted((e.source, e.frame) for e in found) == sorted(
                [*[(Source.CHARGER, call)] * 2, (Source.CSMS, call), *[(Source.CSMS, b'[3,"same",{}]')] * 2]
            )
            names |= {(e.connection_id, e.sequence) for e in found}
        assert len(names) == 10

    async def test_calls_that_cross(self, quirks: Yard, upstream: Upstream) -> None:
        """Both ask at once and often; each direction keeps its order, whatever the other one does."""
        upstream.greeting = [f'[2,"{number}","TriggerMessage",{{}}]' for number in range(100)]
        async with join(quirks.gate, "/CROSS") as point:
            for number in range(100):
                await point.send(HEARTBEAT.format(number))
            received = [str(await asyncio.wait_for(point.recv(), 5)).encode() for _ in range(200)]
            # Answers to what the central system asked come after its CALLs were overtaken by its results.
            for number in reversed(range(100)):
                await point.send(f'[3,"{number}",{{}}]')
            await until(lambda: len(upstream.received["CROSS"]) == 200)
        found = await quirks.bench.frames("CROSS", 400)
        assert [e.frame for e in found if e.source is Source.CSMS] == received
        assert [e.frame for e in found if e.source is Source.CHARGER] == upstream.received["CROSS"]
        assert [text for text in received if text.startswith(b"[2,")] == [text.encode() for text in upstream.greeting]
        assert [e.sequence for e in found] == sorted(e.sequence for e in found)


class TestCompression:
    async def test_offered_to_who_asks(self, quirks: Yard, upstream: Upstream) -> None:
        """And to the central system then: as if there were no gateway."""
        async with raw_client(quirks.gate, "DEFLATE", DEFLATE, subprotocol="ocpp2.0.1") as point:
            assert b"permessage-deflate" in point.head
            assert "permessage-deflate" in (upstream.extensions["DEFLATE"] or "")
        async with raw_client(quirks.gate, "PLAIN", subprotocol="ocpp2.0.1") as point:
            assert b"permessage-deflate" not in point.head
            assert upstream.extensions["PLAIN"] is None

    @pytest.mark.parametrize("takeover", [True, False])
    async def test_compressed_and_fragmented(self, quirks: Yard, upstream: Upstream, takeover: bool) -> None:
        """A client may begin each message anew though nobody asked it to, and may leave some uncompressed."""
        charger_id, deflate = f"PARTS-{takeover}", Deflater(takeover=takeover)
        texts = [b'[2,"%d","DataTransfer",{"data":"%s"}]' % (n, b"0123456789" * 300) for n in range(5)]
        async with raw_client(quirks.gate, charger_id, DEFLATE) as point:
            for text in texts:
                data = deflate(text)
                first, middle, last = data[:7], data[7:20], data[20:]
                await point.send(frame(TEXT, first, fin=False, bits=RSV1) + frame(PING, b"x"))
                await point.send(frame(CONT, middle, fin=False) + frame(CONT, b"", fin=False) + frame(CONT, last))
            await point.send(frame(TEXT, texts[0]))
            await until(lambda: len(upstream.received[charger_id]) == 6)
        assert upstream.received[charger_id] == [*texts, texts[0]]
        found = await quirks.bench.frames(charger_id, 6)
        assert [e.frame for e in found if e.source is Source.CHARGER] == [*texts, texts[0]]

    @pytest.mark.parametrize(
        ("name", "lines", "data"),
        [
            ("not-negotiated", (), frame(TEXT, b"x", bits=RSV1)),
            ("rsv2", (DEFLATE,), frame(TEXT, b"x", bits=0x20)),
            ("no-deflate-data", (DEFLATE,), frame(TEXT, b"\xff" * 50, bits=RSV1)),
            # It refers to what a context before would have had.
            ("context-of-nobody", (DEFLATE,), frame(TEXT, b"\x02\x02\x00" + b"\xaa" * 9, bits=RSV1)),
            ("rsv1-on-a-continuation", (DEFLATE,), frame(TEXT, b"x", fin=False) + frame(CONT, b"y", bits=RSV1)),
            ("rsv1-on-a-ping", (DEFLATE,), frame(PING, b"x", bits=RSV1)),
        ],
    )
    async def test_faults(self, quirks: Yard, upstream: Upstream, name: str, lines: tuple[str, ...], data: bytes) -> None:
        """Nothing to be understood: closed with 1002, and what came before is on Kafka and handed on."""
        before, charger_id = b'[2,"1","Heartbeat",{}]', f"FAULT-{name}"
        async with raw_client(quirks.gate, charger_id, *lines) as point:
            await point.send(frame(TEXT, before) + data)
            assert await point.close_code() == 1002
        await until(lambda: upstream.received[charger_id] == [before])
        assert (await quirks.bench.frames(charger_id, 1))[0].frame == before
        [_, ended] = await quirks.bench.events(charger_id, CONNECT, DISCONNECT)
        assert (ended.close_code, ended.closed_by) == (1002, "gateway") and ended.reason


class TestSizes:
    @pytest.mark.parametrize("parts", [1, 3])
    @pytest.mark.parametrize("compressed", [False, True])
    @pytest.mark.parametrize("more", [0, 1])
    async def test_at_the_limit_and_over_it(
        self, quirks: Yard, upstream: Upstream, parts: int, compressed: bool, more: int
    ) -> None:
        """What counts is the message as it is read, not what it weighs on the way nor in how many frames it comes."""
        charger_id = f"LIMIT-{parts}-{compressed}-{more}"
        text = b"x" * (LIMIT + more)
        data = Deflater()(text) if compressed else text
        size = -(-len(data) // parts)
        pieces = [data[n : n + size] for n in range(0, len(data), size)]
        async with raw_client(quirks.narrow, charger_id, *([DEFLATE] if compressed else [])) as point:
            await point.send(frame(TEXT, b"before"))
            for number, piece in enumerate(pieces):
                first, last = number == 0, number == len(pieces) - 1
                bits = RSV1 if compressed and first else 0
                with contextlib.suppress(ConnectionError):
                    await point.send(frame(TEXT if first else CONT, piece, fin=last, bits=bits))
            if more:
                assert await point.close_code() == 1009
            expected = [b"before"] if more else [b"before", text]
            await until(lambda: upstream.received[charger_id] == expected)
        found = await quirks.bench.frames(charger_id, len(expected))
        assert [e.frame for e in found] == expected

    @pytest.mark.parametrize("size", [125, 126, 32 * 1024, 65535, 65536, 256 * 1024, 1024 * 1024])
    async def test_sizes_that_others_refuse(self, quirks: Yard, upstream: Upstream, size: int) -> None:
        text, charger_id = b"x" * size, f"SIZE-{size}"
        async with raw_client(quirks.gate, charger_id) as point:
            await point.send(frame(TEXT, text))
            await until(lambda: upstream.received[charger_id] == [text])
        assert [e.frame for e in await quirks.bench.frames(charger_id, 1)] == [text]

    async def test_a_length_that_is_a_lie(self, quirks: Yard, upstream: Upstream) -> None:
        """Refused at its head: nobody waits for what was announced."""
        async with raw_client(quirks.narrow, "LIE") as point:
            await point.send(frame(TEXT, b"before") + struct.pack("!BBQ", 0x81, 0xFF, 2**62))
            assert await point.close_code() == 1009
        [_, ended] = await quirks.bench.events("LIE", CONNECT, DISCONNECT)
        assert (ended.close_code, ended.closed_by, ended.frames_from_charger) == (1009, "gateway", 1)
