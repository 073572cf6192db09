"""How real chargers connect: each fact of the field is a case here, or in the test named with it.

- No `Sec-WebSocket-Protocol`: `TestHandshakes`; taken as 1.6: test_gateway `test_none_offered`, and
  test_gateway_security `test_no_subprotocol_where_the_charger_may`.
- No `Connection: Upgrade`: `TestHandshakes`, test_gateway `test_without_connection_upgrade`.
- Probes with 1.6, then 2.0.1; another one each time: `test_probes_with_one_subprotocol_after_the_other`.
- Ids that are encoded, with dots or digits only; doubled and trailing slashes: `TestHandshakes`, `test_spellings_of_ids`.
- Keys that are raw bytes, empty passwords, user names of their own: `TestHandshakes` has what needs no record;
  test_gateway_security `test_a_key_as_raw_bytes`, `test_a_user_name_that_is_not_the_charger_id`; unit test_auth.
- Two sockets for one id: `test_a_close_of_the_older_connection_leaves_the_newer_one_alone`, test_gateway, test_gateway_replicas.
- Never answers a ping, silent for long: `test_never_answers_a_ping`. (That a silence of 19 minutes is no other than one of many
  pings follows from there being no other timeout.)
- No BootNotification on reconnect; flapping: `test_flapping_without_a_boot_notification`.
- Compression, fragments, limits: test_gateway_quirks_frames.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
from websockets.typing import Subprotocol

from integration.gateway_support import (
    CONNECT,
    DISCONNECT,
    HEARTBEAT,
    REFUSE,
    Upstream,
    join,
    listening,
    until,
)
from integration.quirks_support import CORPUS, KNOWN, Yard, raw_client, yard
from ocpplog_common import records, topics
from ocpplog_common.envelope import Source
from ocpplog_common.records import ConnectionEvent
from support.raw_websocket import CLOSE, CONT, PING, PONG, TEXT, close, frame

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


@dataclass
class Answered:
    """To each file of tests/corpus/handshakes: the first line of the answer, and what is on `ocpp.connections`."""

    lines: dict[str, bytes] = field(default_factory=dict)
    events: dict[str, list[ConnectionEvent]] = field(default_factory=dict)


HANDSHAKES = sorted(path.name for path in (CORPUS / "handshakes").iterdir())


@pytest.fixture(scope="module")
def answered(quirks: Yard) -> Answered:
    return asyncio.run(_answers(quirks))


async def _answers(quirks: Yard) -> Answered:
    found, peers = Answered(), {}
    system = Upstream(KNOWN)
    async with listening(system, quirks.bench.upstream_port):
        for name in HANDSHAKES:
            reader, writer = await asyncio.open_connection("127.0.0.1", quirks.gate.port)
            peers[f"127.0.0.1:{writer.get_extra_info('sockname')[1]}"] = name
            writer.write((CORPUS / "handshakes" / name).read_bytes())
            if name.startswith("cut"):
                # Some stop in the middle.
                writer.write_eof()
            with contextlib.suppress(ConnectionError):
                found.lines[name] = (await asyncio.wait_for(reader.readline(), 5)).strip()
            writer.transport.abort()
    for record in await quirks.bench.all_of(topics.CONNECTIONS):
        event = records.decode_connection_event(record.value)
        if name := peers.get(event.peer, ""):
            found.events.setdefault(name, []).append(event)
    return found


class TestHandshakes:
    @pytest.mark.parametrize("name", HANDSHAKES)
    def test_answer_and_event(self, answered: Answered, name: str) -> None:
        """A file's name begins with the status it is answered with, or `cut`: no HTTP that we know, recorded as 400."""
        expected = name.partition("_")[0]
        line, events = answered.lines.get(name, b""), answered.events[name]
        if expected == "101":
            assert line == b"HTTP/1.1 101 Switching Protocols"
            assert [event.kind for event in events] == [CONNECT, DISCONNECT]
            assert {(event.charger_id, event.subprotocol) for event in events} <= {("HANDSHAKE", known) for known in KNOWN}
            return
        [event] = events
        status = 400 if expected == "cut" else int(expected)
        assert (event.kind, event.close_code) == (REFUSE, status)
        assert event.reason.partition(":")[2]
        if expected != "cut":
            assert line.startswith(b"HTTP/1.1 %d " % status)

    async def test_probes_with_one_subprotocol_after_the_other(self, quirks: Yard, upstream: Upstream) -> None:
        upstream.known = ("ocpp2.0.1",)
        async with join(quirks.gate, "/FOXESS", [Subprotocol("ocpp1.6")]) as probe:
            await asyncio.wait_for(probe.wait_closed(), 5)
            assert (probe.subprotocol, probe.close_code) == (None, 1002)
        upstream.known = KNOWN
        for known in ("ocpp2.0.1", "ocpp1.6", "ocpp2.1"):
            async with join(quirks.gate, "/FOXESS", [Subprotocol(known)]) as point:
                assert point.subprotocol == known
                await point.send(HEARTBEAT.format(known))
                await point.recv()
        found = await quirks.bench.frames("FOXESS", 6)
        assert [e.subprotocol for e in found] == ["ocpp2.0.1"] * 2 + ["ocpp1.6"] * 2 + ["ocpp2.1"] * 2
        assert len({e.connection_id for e in found}) == 3

    @pytest.mark.parametrize(
        ("target", "charger_id"),
        [
            ("/0042", "0042"),
            ("/a.b-c_d", "a.b-c_d"),
            ("/CP%20one", "CP one"),
            ("/%30%30%34%33//", "0043"),
            ("//EVSE%3A1%7C2", "EVSE:1|2"),
            ("/x@y+z=", "x@y+z="),
        ],
    )
    async def test_spellings_of_ids(self, quirks: Yard, upstream: Upstream, target: str, charger_id: str) -> None:
        async with join(quirks.gate, target) as point:
            await point.send(HEARTBEAT.format(1))
            await point.recv()
        assert len(upstream.connections[charger_id]) == 1
        assert (await quirks.bench.frames(charger_id, 2))[0].frame == HEARTBEAT.format(1).encode()


# Connections


async def test_a_close_of_the_older_connection_leaves_the_newer_one_alone(quirks: Yard, upstream: Upstream) -> None:
    async with raw_client(quirks.gate, "TWO") as older, raw_client(quirks.gate, "TWO") as newer:
        assert await older.close_code() == 1001
        await older.send(close(1000))
        older.writer.close()
        await until(lambda: upstream.opened == 1)
        await newer.send(frame(TEXT, b'[2,"still","Heartbeat",{}]'))
        while (received := await newer.receive())[0] == PING:
            pass
        assert received == (TEXT, b'[3,"still",{}]')


async def test_never_answers_a_ping(quirks: Yard, upstream: Upstream) -> None:
    """Nor says anything, for many pings: as heartbeats do whose interval is longer than a server's patience."""
    async with raw_client(quirks.gate, "MUTE") as point:
        pings = [await point.receive() for _ in range(10)]
        assert {opcode for opcode, _ in pings} == {PING}
        await point.send(frame(TEXT, b'[2,"1","Heartbeat",{}]'))
        while (received := await point.receive())[0] == PING:
            pass
        assert received == (TEXT, b'[3,"1",{}]')
        # A pong that nobody asked for, and one that answers nothing.
        await point.send(frame(PONG) + frame(PONG, b"x" * 125) + frame(TEXT, b'[2,"2","Heartbeat",{}]'))
        while (received := await point.receive())[0] == PING:
            pass
        assert received == (TEXT, b'[3,"2",{}]')
    await quirks.bench.events("MUTE", CONNECT, DISCONNECT)


async def test_pings_are_answered_and_not_handed_on(quirks: Yard, upstream: Upstream) -> None:
    """Between the fragments of a message too."""
    async with raw_client(quirks.gate, "PINGS") as point:
        data = frame(TEXT, b'[2,"1",', fin=False) + frame(PING, b"in between") + frame(CONT, b'"Heartbeat",{}]') + frame(PING)
        await point.send(data)
        received: list[tuple[int, bytes]] = []
        while len(received) < 3:
            opcode, payload = await point.receive()
            received += [(opcode, payload)] if opcode != PING else []
        assert sorted(received) == [(TEXT, b'[3,"1",{}]'), (PONG, b""), (PONG, b"in between")]
        # The central system is answered by the gateway likewise.
        await asyncio.wait_for(await upstream.connections["PINGS"][0].ping(), 5)
    assert upstream.received["PINGS"] == [b'[2,"1","Heartbeat",{}]']
    assert len(await quirks.bench.frames("PINGS", 2)) == 2


async def test_flapping_without_a_boot_notification(quirks: Yard, upstream: Upstream) -> None:
    """Each connection starts in the middle of something, and most break without a word."""
    for number in range(20):
        async with raw_client(quirks.gate, "FLAPS") as point:
            await point.send(frame(TEXT, b'[2,"same","MeterValues",{"n":%d}]' % number))
            while (await point.receive())[0] == PING:
                pass
            if number % 4 == 0:
                await point.send(close(1000))
                await point.close_code()
    await upstream.gone()
    found = await quirks.bench.frames("FLAPS", 40)
    assert [e.frame for e in found if e.source is Source.CHARGER] == upstream.received["FLAPS"]
    assert len({e.connection_id for e in found}) == 20
    assert [e.sequence for e in found] == [1, 2] * 20
    await quirks.bench.events("FLAPS", *[CONNECT] * 20, where=lambda e: e.kind is CONNECT)
    ended = await quirks.bench.events("FLAPS", *[DISCONNECT] * 20, where=lambda e: e.kind is DISCONNECT)
    assert sorted({event.close_code or 0 for event in ended}) == [1000, 1006]


@pytest.mark.parametrize(
    ("sent", "answered", "recorded"),
    [
        (close(1000, b"bye"), 1000, (1000, "charger", "bye")),
        (close(4999), 4999, (4999, "charger", "")),
        (frame(CLOSE), 1005, (1005, "charger", "")),
        (close(1005), 1002, (1002, "gateway", "invalid status code")),
        (close(999), 1002, (1002, "gateway", "invalid status code")),
        (frame(CLOSE, b"\x03"), 1002, (1002, "gateway", "close frame too short")),
        (close(1000, b"\xff"), 1007, (1007, "gateway", "invalid start byte at position 0")),
        (close(1000, b"x" * 124), 1002, (1002, "gateway", "control frame too long")),
        (frame(TEXT, b"x", mask=None), 1002, (1002, "gateway", "incorrect masking")),
        (frame(0x3, b"x"), 1002, (1002, "gateway", "invalid opcode")),
        (frame(CONT, b"x"), 1002, (1002, "gateway", "unexpected continuation frame")),
        (frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002, (1002, "gateway", "expected a continuation frame")),
        (frame(PING, fin=False), 1002, (1002, "gateway", "fragmented control frame")),
    ],
    ids=lambda value: value[:8].hex() if isinstance(value, bytes) else None,
)
async def test_how_connections_end(
    quirks: Yard, upstream: Upstream, sent: bytes, answered: int, recorded: tuple[int, str, str]
) -> None:
    charger_id = f"END-{sent[:16].hex()[:40]}"
    async with raw_client(quirks.gate, charger_id) as point:
        await point.send(sent)
        assert await point.close_code() == answered
    [_, ended] = await quirks.bench.events(charger_id, CONNECT, DISCONNECT)
    assert (ended.close_code, ended.closed_by, ended.reason) == recorded
    await upstream.gone()
