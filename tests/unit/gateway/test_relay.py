"""The relay: in order, after the acknowledgement, bounded, and closed on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Close

from ocpplog_common.envelope import Envelope, Opcode, Source
from ocpplog_common.records import ConnectionEvent
from ocpplog_gateway.errors import NotRecorded
from ocpplog_gateway.relay import Closing, Relay


class FakeSocket:
    """A WebSocket whose incoming messages a test feeds."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[str | bytes | Exception] = asyncio.Queue()
        self.sent: list[str] = []
        self.closed: tuple[int, str] | None = None
        self.received = 0

    async def recv(self) -> str | bytes:
        found = await self.incoming.get()
        if isinstance(found, Exception):
            self.incoming.put_nowait(found)
            raise found
        self.received += 1
        return found

    async def send(self, message: bytes, *, text: bool) -> None:
        if self.closed:
            raise ConnectionClosedOK(None, Close(*self.closed))
        assert text
        self.sent.append(message.decode())

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self.closed is None:
            self.closed = (code, reason)
            self.incoming.put_nowait(ConnectionClosedOK(None, Close(code, reason)))

    def end(self, code: int | None, reason: str = "") -> None:
        """The other side closes; None: the connection breaks."""
        self.closed = (code or 1006, reason)
        error = ConnectionClosedOK(Close(code, reason), Close(code, reason), True) if code else ConnectionClosedError(None, None)
        self.incoming.put_nowait(error)


class FakePublisher:
    """Acknowledges when told to."""

    def __init__(self, automatic: bool = True) -> None:
        self.automatic = automatic
        self.envelopes: list[Envelope] = []
        self.acknowledgements: list[asyncio.Future[None]] = []

    async def publish(self, envelope: Envelope) -> Awaitable[None]:
        self.envelopes.append(envelope)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.acknowledgements.append(future)
        if self.automatic:
            future.set_result(None)
        return future

    def announce(self, event: ConnectionEvent) -> None: ...


class Scene:
    def __init__(self, automatic: bool = True, max_in_flight: int = 8, csms: FakeSocket | None = None) -> None:
        self.charger, self.csms, self.publisher = FakeSocket(), csms or FakeSocket(), FakePublisher(automatic)
        self.count = 0
        self.relay = Relay(self.charger, self.csms, self.publisher, self.wrap, max_in_flight)
        self.task = asyncio.create_task(self.relay.run())

    def wrap(self, source: Source, data: bytes, opcode: Opcode) -> Envelope:
        self.count += 1
        return Envelope("CP1", "s", source, "ocpp1.6", "c", self.count, 0, "g", data, opcode)

    async def settle(self) -> None:
        for _ in range(30):
            await asyncio.sleep(0)

    async def end(self) -> Closing:
        return await asyncio.wait_for(self.task, 5)


async def test_both_directions_in_order() -> None:
    scene = Scene()
    for n in range(5):
        scene.charger.incoming.put_nowait(f"a{n}")
        scene.csms.incoming.put_nowait(f"b{n}")
    await scene.settle()
    scene.charger.end(1000, "bye")
    assert await scene.end() == Closing(Source.CHARGER, 1000, "bye")
    assert scene.csms.sent == [f"a{n}" for n in range(5)]
    assert scene.charger.sent == [f"b{n}" for n in range(5)]
    assert [e.sequence for e in scene.publisher.envelopes] == list(range(1, 11))
    assert scene.csms.closed == (1000, "bye")


async def test_nothing_passes_before_its_acknowledgement_and_order_is_kept() -> None:
    scene = Scene(automatic=False)
    for n in range(3):
        scene.charger.incoming.put_nowait(f"a{n}")
    await scene.settle()
    assert len(scene.publisher.envelopes) == 3
    scene.publisher.acknowledgements[1].set_result(None)
    scene.publisher.acknowledgements[2].set_result(None)
    await scene.settle()
    assert scene.csms.sent == []
    scene.publisher.acknowledgements[0].set_result(None)
    await scene.settle()
    assert scene.csms.sent == ["a0", "a1", "a2"]
    scene.charger.end(1000)
    await scene.end()


async def test_what_was_received_before_the_end_is_passed_on() -> None:
    scene = Scene(automatic=False)
    scene.charger.incoming.put_nowait("last words")
    scene.charger.end(None)
    await scene.settle()
    assert scene.csms.closed is None
    scene.publisher.acknowledgements[0].set_result(None)
    assert (await scene.end()).code == 1006
    assert scene.csms.sent == ["last words"]
    assert scene.csms.closed == (1001, "charger connection lost")


async def test_a_slow_side_slows_the_other() -> None:
    scene = Scene(automatic=False, max_in_flight=4)
    for n in range(50):
        scene.charger.incoming.put_nowait(f"a{n}")
    await scene.settle()
    assert scene.charger.received <= 4 + 2
    scene.publisher.automatic = True
    for acknowledgement in scene.publisher.acknowledgements:
        acknowledgement.set_result(None)
    await scene.settle()
    scene.charger.end(1000)
    await scene.end()
    assert scene.csms.sent == [f"a{n}" for n in range(50)]


async def test_long_messages_are_bounded_in_bytes() -> None:
    scene = Scene(automatic=False, max_in_flight=64)
    text = "x" * 600_000
    for _ in range(20):
        scene.charger.incoming.put_nowait(text)
    await scene.settle()
    assert scene.charger.received <= 3
    scene.publisher.automatic = True
    for acknowledgement in scene.publisher.acknowledgements:
        acknowledgement.set_result(None)
    await scene.settle()
    scene.charger.end(1000)
    await scene.end()
    assert scene.csms.sent == [text] * 20


async def test_what_is_passed_on_is_what_was_recorded() -> None:
    scene = Scene()
    texts = ["", "\ufeff[2,", "ä€\U0001f50c", "\x00", ' [ 2 , "1" ] ']
    for text in texts:
        scene.charger.incoming.put_nowait(text)
    await scene.settle()
    scene.charger.end(1000)
    await scene.end()
    assert [e.frame.decode() for e in scene.publisher.envelopes] == scene.csms.sent == texts


async def test_a_broken_connection_says_what_broke_it() -> None:
    scene = Scene()
    error = ConnectionClosedError(None, None)
    error.__cause__ = TimeoutError(110, "Connection timed out")
    scene.charger.closed = (1006, "")
    scene.charger.incoming.put_nowait(error)
    assert await scene.end() == Closing(Source.CHARGER, 1006, "[Errno 110] Connection timed out")
    assert scene.csms.closed == (1001, "charger connection lost")


async def test_what_is_not_recorded_is_not_passed_on() -> None:
    scene = Scene(automatic=False)
    for n in range(3):
        scene.charger.incoming.put_nowait(f"a{n}")
    await scene.settle()
    scene.publisher.acknowledgements[0].set_result(None)
    scene.publisher.acknowledgements[1].set_exception(NotRecorded("broker down"))
    scene.publisher.acknowledgements[2].set_result(None)
    closing = await scene.end()
    assert scene.csms.sent == ["a0"]
    assert (scene.charger.closed or (0,))[0] == (scene.csms.closed or (0,))[0] == 1013
    assert "not recorded" in closing.reason


async def test_binary_is_recorded_and_ends_the_connection() -> None:
    scene = Scene()
    scene.charger.incoming.put_nowait(b"\x00\xff")
    assert (await scene.end()).code == 1003
    assert [(e.frame, e.opcode) for e in scene.publisher.envelopes] == [(b"\x00\xff", Opcode.BINARY)]
    assert scene.csms.sent == []
    assert (scene.charger.closed or (0,))[0] == 1003


async def test_text_that_is_not_utf8_is_recorded() -> None:
    scene = Scene()
    error = ConnectionClosedError(None, Close(1007, "invalid"))
    error.__cause__ = UnicodeDecodeError("utf-8", b'[2,"\xff"]', 4, 5, "invalid start byte")
    scene.charger.closed = (1007, "")
    scene.charger.incoming.put_nowait(error)
    assert (await scene.end()).code == 1007
    assert scene.publisher.envelopes[0].frame == b'[2,"\xff"]'
    assert (scene.csms.closed or (0,))[0] == 1007


@pytest.mark.parametrize(("code", "told"), [(1000, 1000), (1001, 1001), (4001, 4001), (None, 1012), (1005, 1012)])
async def test_the_charger_is_told_how_its_central_system_ended(code: int | None, told: int) -> None:
    scene = Scene()
    scene.csms.end(code)
    await scene.end()
    assert (scene.charger.closed or (0,))[0] == told


async def test_a_side_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nobody would notice that the other one is gone: it is not read while its frames wait."""
    monkeypatch.setattr("ocpplog_gateway.relay._SEND_WITHIN_S", 0.05)
    stuck = Stuck()
    scene = Scene(max_in_flight=2, csms=stuck)
    for n in range(9):
        scene.charger.incoming.put_nowait(f"a{n}")
    await scene.end()
    assert stuck.aborted
    assert (scene.charger.closed or (0,))[0] == 1012


class Stuck(FakeSocket):
    """Takes nothing, and breaks only when it is aborted."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = False
        self.transport = self

    async def send(self, message: bytes, *, text: bool) -> None:
        await asyncio.Event().wait()

    def abort(self) -> None:
        self.aborted = True
        self.end(None)


async def test_a_fault_of_ours_ends_both_sides() -> None:
    scene = Scene()

    async def broken(envelope: Envelope) -> Awaitable[None]:
        raise RuntimeError("a fault")

    scene.publisher.publish = broken  # type: ignore[method-assign]
    scene.charger.incoming.put_nowait("x")
    with pytest.raises(BaseExceptionGroup):
        await scene.end()
    assert (scene.charger.closed or (0,))[0] == (scene.csms.closed or (0,))[0] == 1011
