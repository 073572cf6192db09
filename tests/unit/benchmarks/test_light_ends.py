"""The light ends of the load speak WebSocket as the library under test does, and notice a relay that does not relay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from benchmarks import messages, wire
from benchmarks.chargers import Charger, Fleet
from benchmarks.upstream import CentralSystem, Counts

OCPP16 = [Subprotocol("ocpp1.6")]
SIZES = st.one_of(st.integers(0, 130), st.sampled_from([125, 126, 127, 65535, 65536, 70000]))


def server(heard: bytes) -> ServerProtocol:
    """The library's server, after what it heard."""
    protocol = ServerProtocol(subprotocols=OCPP16)
    protocol.receive_data(heard)
    return protocol


@given(sizes=st.lists(SIZES, max_size=6), masked=st.booleans(), cuts=st.lists(st.integers(1, 5000), max_size=30))
def test_reads_what_the_library_writes_however_it_is_cut(sizes: list[int], masked: bool, cuts: list[int]) -> None:
    payloads = [bytes([number]) * size for number, size in enumerate(sizes)]
    stream = b"".join(Frame(Opcode.TEXT, payload).serialize(mask=masked) for payload in payloads)
    reader, found = wire.Reader(), []
    for cut in [*cuts, len(stream)]:
        found += reader.feed(stream[:cut])
        stream = stream[cut:]
    assert [(message.opcode, message.data()) for message in found] == [(wire.TEXT, payload) for payload in payloads]


@pytest.mark.parametrize("begin", [b"\x01\x00", b"\x00\x00", b"\xc1\x00"], ids=["first fragment", "continuation", "compressed"])
def test_refuses_what_no_relay_has_a_reason_to_send(begin: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.Reader().feed(begin)


@pytest.mark.parametrize("rest", messages.CALLS)
def test_the_library_reads_a_call(rest: str) -> None:
    protocol = server(wire.upgrade_request("/ocpp/CP-1", "CP-1", "secret"))
    [request] = protocol.events_received()
    assert isinstance(request, Request) and request.headers["Authorization"] == "Basic Q1AtMTpzZWNyZXQ="
    protocol.send_response(protocol.accept(request))
    call = wire.Template.of(2, rest, masked=True).with_id(b"0000000042")
    protocol.receive_data(call)
    [frame] = protocol.events_received()
    assert isinstance(frame, Frame)
    assert (frame.opcode, frame.fin, frame.data) == (Opcode.TEXT, True, f'[2,"0000000042"{rest}'.encode())


def test_the_library_reads_a_long_frame() -> None:
    protocol = server(wire.upgrade_request("/", "", ""))
    [request] = protocol.events_received()
    assert isinstance(request, Request)
    protocol.send_response(protocol.accept(request))
    protocol.receive_data(wire.frame(wire.TEXT, b"x" * 70000, masked=True))
    [frame] = protocol.events_received()
    assert isinstance(frame, Frame) and frame.data == b"x" * 70000


def test_takes_the_libraries_acceptance_and_nothing_else() -> None:
    protocol = server(wire.upgrade_request("/ocpp/CP-1", "CP-1", "secret"))
    [request] = protocol.events_received()
    assert isinstance(request, Request)
    head = protocol.accept(request).serialize().removesuffix(b"\r\n\r\n")
    wire.check_upgrade_response(head)
    for wrong in (
        head.replace(b" 101 ", b" 401 "),
        head.replace(b"ocpp1.6", b"ocpp2.1"),
        head + b"\r\nSec-WebSocket-Extensions: x",
    ):
        assert wrong != head
        with pytest.raises(wire.WireError):
            wire.check_upgrade_response(wrong)


def test_the_library_takes_the_central_systems_acceptance() -> None:
    protocol = ClientProtocol(parse_uri("ws://127.0.0.1/csms/CP-1"), subprotocols=OCPP16)
    protocol.send_request(protocol.connect())
    [head] = protocol.data_to_send()
    protocol.receive_data(wire.upgrade_response(head))
    [response] = protocol.events_received()
    assert isinstance(response, Response) and response.status_code == 101
    assert protocol.handshake_exc is None and protocol.subprotocol == "ocpp1.6"


class Wire(asyncio.Transport):
    """A transport that hands on what is written."""

    def __init__(self, to: Callable[[bytes], None] = lambda _: None) -> None:
        super().__init__()
        self._to = to
        self.written = b""
        self.closing = False

    def write(self, data: Any) -> None:
        self.written += data
        self._to(data)

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True


def joined() -> tuple[Charger, CentralSystem, Counts, Wire]:
    """A charger and the central system, without a relay between them: what the charger says arrives, what it is answered is
    left on the central system's wire."""
    fleet, counts = Fleet(0), Counts()
    charger, central = Charger(fleet, wire.upgrade_request("/ocpp/CP-1", "CP-1", "secret"), 0), CentralSystem(counts)
    answers = Wire()
    central.connection_made(answers)
    charger.connection_made(Wire(central.data_received))
    charger.data_received(answers.written)
    answers.written = b""
    return charger, central, counts, answers


async def test_a_call_and_its_answer() -> None:
    charger, _, counts, answers = joined()
    heard = []
    charger.answered = lambda _, at: heard.append(at)
    for number in range(len(messages.CALLS)):
        charger.call(float(number))
    assert not charger.idle
    charger.data_received(answers.written)
    assert heard == [float(number) for number in range(len(messages.CALLS))]
    assert charger.idle and charger.fleet.answers == len(messages.CALLS)
    assert (counts.open, counts.calls, counts.wrong) == (1, len(messages.CALLS), 0)
    charger.fleet.check()


@pytest.mark.parametrize("fault", ["other id", "order", "twice", "never asked", "changed", "lost", "closed"])
async def test_a_fault_of_the_relay_ends_the_measurement(fault: str) -> None:
    charger, _, _, answers = joined()
    charger.call(0.0)
    charger.call(0.0)
    one, other = answers.written[: len(answers.written) // 2], answers.written[len(answers.written) // 2 :]
    {
        "other id": lambda: charger.data_received(one.replace(b"0000000001", b"0000000009")),
        "order": lambda: charger.data_received(other + one),
        "twice": lambda: charger.data_received(one + one),
        "never asked": lambda: charger.data_received(one + other + other),
        "changed": lambda: charger.data_received(one.replace(b"T12", b"T13")),
        "lost": lambda: charger.connection_lost(None),
        "closed": lambda: charger.data_received(wire.frame(wire.CLOSE, b"\x03\xe9", masked=False)),
    }[fault]()
    with pytest.raises(wire.WireError):
        charger.fleet.check()


async def test_says_nothing_on_a_connection_that_ended() -> None:
    charger, _, _, answers = joined()
    ended = Wire()
    charger.connection_made(ended)
    ended.close()
    ended.written = b""
    with pytest.raises(wire.WireError):
        charger.call(0.0)
    assert not ended.written and not answers.written


async def test_the_central_system_notices_a_changed_call() -> None:
    _, central, counts, _ = joined()
    call = wire.Template.of(2, messages.CALLS[0], masked=True).with_id(b"0000000001")
    central.data_received(call.replace(b"1387299", b"1387298"))
    assert (counts.calls, counts.wrong) == (1, 1)


async def test_both_answer_pings() -> None:
    charger, central, _, answers = joined()
    central.data_received(wire.frame(wire.PING, b"abc", masked=True))
    assert answers.written == wire.frame(wire.PONG, b"abc", masked=False)
    heard = Wire()
    charger.connection_made(heard)
    heard.written = b""
    charger.data_received(wire.frame(wire.PING, b"abc", masked=False))
    assert heard.written == wire.frame(wire.PONG, b"abc", masked=True)
