"""The chargers of the load: many light connections in one process, each answer checked byte for byte."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import cast

from benchmarks import messages, wire

_CALLS = tuple(wire.Template.of(2, rest, masked=True) for rest in messages.CALLS)
_ANSWER = wire.Template.of(3, messages.ANSWER, masked=False)
_OPEN_WITHIN_S = 60.0
_NORMAL_CLOSURE = (1000).to_bytes(2, "big")
_ANSWER_BEGINS = len(wire.header(wire.TEXT, 0, masked=False))

Answered = Callable[["Charger", float], None]
"""Told of each answer: of which charger, and when its CALL was to be sent (seconds of the monotonic clock)."""


def nobody(_: Charger, __: float) -> None:
    """Listens to no answer."""


class Charger(asyncio.Protocol):
    """One charger's connection. `opened` completes with the handshake, and gives when; the fleet is told of every fault."""

    __slots__ = ("_head", "_open", "_reader", "_request", "_transport", "answered", "closing", "fleet", "opened", "turn")
    _transport: asyncio.Transport

    def __init__(self, fleet: Fleet, request: bytes, turn: int) -> None:
        self.fleet = fleet
        self.opened: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.answered: Answered = nobody
        self.closing = False
        self.turn = turn
        self._request = request
        self._reader: wire.Reader | None = None
        self._head = b""
        self._open: deque[tuple[bytes, float]] = deque()

    def call(self, at: float) -> None:
        """Send the next CALL, which was to be sent `at`. Raises WireError after the end of the connection."""
        if self._transport.is_closing():
            raise wire.WireError("a connection was lost")
        self.turn += 1
        template = _CALLS[self.turn % len(_CALLS)]
        message_id = self.fleet.next_id()
        self._open.append((_ANSWER.with_id(message_id)[_ANSWER_BEGINS:], at))
        self._transport.write(template.with_id(message_id))

    @property
    def idle(self) -> bool:
        return not self._open

    def close(self) -> None:
        self.closing = True
        if not self._transport.is_closing():
            self._transport.write(wire.frame(wire.CLOSE, _NORMAL_CLOSURE, masked=True))
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self.fleet.chargers.append(self)
        self._transport.write(self._request)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closing:
            self._fail(wire.WireError(f"a connection was lost: {error!r}"))

    def data_received(self, data: bytes) -> None:
        try:
            if self._reader is None:
                self._shake_hands(data)
                return
            for found in self._reader.feed(data):
                self._take(found)
        except wire.WireError as error:
            self._fail(error)

    def _shake_hands(self, data: bytes) -> None:
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if not end:
            return
        wire.check_upgrade_response(head)
        self._reader = wire.Reader()
        self._head = b""
        if not self.opened.done():
            self.opened.set_result(time.monotonic())
        if rest:
            self.data_received(rest)

    def _take(self, found: wire.Message) -> None:
        if found.opcode == wire.TEXT:
            if not self._open:
                raise wire.WireError("an answer to nothing")
            expected, at = self._open.popleft()
            if found.payload != expected:
                raise wire.WireError(f"{found.payload[:60]!r} instead of {expected[:60]!r}")
            self.fleet.answers += 1
            self.answered(self, at)
        elif found.opcode == wire.PING:
            self._transport.write(wire.frame(wire.PONG, found.payload, masked=True))
        elif found.opcode == wire.CLOSE and not self.closing:
            raise wire.WireError(f"closed: {found.payload!r}")

    def _fail(self, error: wire.WireError) -> None:
        self.fleet.fail(error)
        if not self.opened.done():
            self.opened.set_exception(error)


class Fleet:
    """The chargers of one relay. `answers` counts what came back; the first fault ends the measurement that runs."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers = 0
        self.chargers: list[Charger] = []
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.next_id = _ids()

    def fail(self, error: wire.WireError) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)

    async def connect(self, credentials: Sequence[tuple[str, str]], at_once: int) -> None:
        """Connect a charger for each id and password, `at_once` of them at a time. Raises WireError unless all come in."""
        room = asyncio.Semaphore(at_once)

        async def one(number: int, charger_id: str, password: str) -> None:
            request = wire.upgrade_request(f"/ocpp/{charger_id}", charger_id, password)
            async with room, asyncio.timeout(_OPEN_WITHIN_S):
                make = asyncio.get_running_loop().create_connection
                _, charger = await make(lambda: Charger(self, request, number), "127.0.0.1", self.port)
                await charger.opened

        handshakes = [one(number, *found) for number, found in enumerate(credentials)]
        ended = await asyncio.gather(*handshakes, return_exceptions=True)
        if failed := [error for error in ended if error]:
            raise wire.WireError(f"{len(ended) - len(failed)} of {len(ended)} accepted: {failed[0]!r}")

    async def call_once(self) -> None:
        """Each charger exchanges one message. Raises WireError."""
        for charger in self.chargers:
            charger.call(0.0)
        await self.drain()

    async def close(self) -> None:
        for charger in self.chargers:
            charger.close()
        if not self.failed.cancel():
            # Whoever waited for it knows by now; the loop would call it forgotten.
            self.failed.exception()
        await asyncio.sleep(0)

    async def sleep(self, seconds: float) -> None:
        """Sleep, unless something fails: then raises WireError."""
        await asyncio.wait({self.failed}, timeout=seconds)
        self.check()

    async def drain(self, within_s: float = 30.0) -> None:
        """Wait until every CALL is answered. Raises WireError where some are not in time."""
        deadline = time.monotonic() + within_s
        while not all(charger.idle for charger in self.chargers):
            if time.monotonic() > deadline:
                raise wire.WireError(f"answers missing after {within_s:.0f} s")
            await self.sleep(0.01)

    def check(self) -> None:
        if self.failed.done():
            self.failed.result()


def _ids() -> Callable[[], bytes]:
    numbers = count(1)
    return lambda: b"%010d" % next(numbers)
