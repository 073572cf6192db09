"""Passes messages between two WebSockets, each only once it is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog
from websockets.exceptions import ConnectionClosed

from ocpplog_common.envelope import Envelope, Opcode, Source
from ocpplog_gateway import metrics
from ocpplog_gateway.errors import NotRecorded
from ocpplog_gateway.in_flight import InFlight
from ocpplog_gateway.publisher import Publisher

_CLOSE_WITHIN_S: Final = 15.0
"""Longer than the closing handshake may take: this is for a side that reads nothing any more."""
_SEND_WITHIN_S: Final = 60.0
_MAX_BYTES_IN_FLIGHT: Final = 1024 * 1024
"""Of a direction, besides the limit in messages."""
_SENDABLE: Final = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
"""Close codes that may stand in a close frame (RFC 6455 section 7.4.1 and the IANA registry)."""
TRY_AGAIN_LATER: Final = 1013
UNSUPPORTED_DATA: Final = 1003
GOING_AWAY: Final = 1001
SERVICE_RESTART: Final = 1012
INTERNAL_ERROR: Final = 1011


class Socket(Protocol):
    """What of a websockets connection the relay needs."""

    async def recv(self) -> str | bytes: ...

    async def send(self, message: bytes, *, text: bool) -> None: ...

    async def close(self, code: int = 1000, reason: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class Closing:
    """Why a connection ended: whose end of it came first, and the close frame that side sent or, with `ours`, was sent."""

    by: Source
    code: int
    reason: str
    ours: bool = False


_Waiting = InFlight[tuple[bytes, Awaitable[None]] | None]
"""Messages and their acknowledgements, in the order received; None: no more come."""
Wrap = Callable[[Source, bytes, Opcode], Envelope]
"""Puts a received message into its envelope, with the next sequence number."""


@dataclass(slots=True)
class Relay:
    """One charger's connection: `charger` and `csms` are its two sides.

    `max_in_flight` bounds how many messages a direction holds between receiving and passing on, as a limit in bytes does: then
    its sender is read no further. `log` carries which connection it is.
    """

    charger: Socket
    csms: Socket
    publisher: Publisher
    wrap: Wrap
    max_in_flight: int
    log: Any = field(default_factory=lambda: structlog.get_logger(__name__))
    frames: dict[Source, int] = field(default_factory=lambda: {Source.CHARGER: 0, Source.CSMS: 0})
    closing: Closing | None = None

    async def run(self) -> Closing:
        """Relay until a side ends, and all that it sent before is passed on; closes both. Returns who ended it, and how."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._direction(Source.CHARGER, self.charger, self.csms))
                group.create_task(self._direction(Source.CSMS, self.csms, self.charger))
        except BaseException:
            # A fault of ours in one direction: half a connection must not go on.
            await asyncio.gather(end(self.charger, INTERNAL_ERROR, ""), end(self.csms, INTERNAL_ERROR, ""))
            raise
        assert self.closing is not None
        return self.closing

    async def _direction(self, source: Source, sender: Socket, receiver: Socket) -> None:
        waiting: _Waiting = InFlight(self.max_in_flight, _MAX_BYTES_IN_FLIGHT)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pass_on(source, waiting, receiver))
            try:
                closing = await self._receive(source, sender, waiting)
            except NotRecorded as error:
                await self._not_recorded(source, error)
                closing = Closing(source, TRY_AGAIN_LATER, "the log cannot be written", ours=True)
            if self.closing is None:
                self.closing = closing
            await waiting.put(None, 0)
        await end(receiver, *_close_for_peer(source, closing.code, closing.reason))

    async def _receive(self, source: Source, sender: Socket, waiting: _Waiting) -> Closing:
        """Record what comes, until the side ends."""
        while True:
            try:
                message = await sender.recv()
            except ConnectionClosed as closed:
                await self._record_undecodable(source, closed)
                return _closing_of(source, closed)
            if isinstance(message, bytes):
                await (await self._record(source, message, Opcode.BINARY))
                closing = Closing(source, UNSUPPORTED_DATA, "OCPP-J is text", ours=True)
                if self.closing is None:
                    self.closing = closing
                await end(sender, closing.code, closing.reason)
                return closing
            # What is passed on is what is recorded: the same bytes.
            data = message.encode()
            await waiting.put((data, await self._record(source, data, Opcode.TEXT)), len(data))

    async def _record(self, source: Source, data: bytes, opcode: Opcode) -> Awaitable[None]:
        self.frames[source] += 1
        metrics.FRAMES.labels(source).inc()
        metrics.BYTES.labels(source).inc(len(data))
        return await self.publisher.publish(self.wrap(source, data, opcode))

    async def _record_undecodable(self, source: Source, closed: ConnectionClosed) -> None:
        """A text message that was not UTF-8: websockets closed the connection with 1007; its bytes are in the cause."""
        if isinstance(closed.__cause__, UnicodeDecodeError):
            await (await self._record(source, closed.__cause__.object, Opcode.TEXT))

    async def _pass_on(self, source: Source, waiting: _Waiting, receiver: Socket) -> None:
        """Send on in order, each message after its acknowledgement. Reads on after an end, so that nobody waits for room."""
        ended = False
        while (item := await waiting.get()) is not None:
            data, recorded = item
            try:
                await recorded
                if not ended:
                    async with asyncio.timeout(_SEND_WITHIN_S):
                        await receiver.send(data, text=True)
            except ConnectionClosed:
                ended = True
            except TimeoutError:
                # A side that reads nothing would keep the other one waiting for good, even after it is gone.
                self.log.warning("a side does not read", side=source.peer.value)
                _abort(receiver)
                ended = True
            except NotRecorded as error:
                if ended:
                    metrics.NOT_RECORDED.inc()
                else:
                    await self._not_recorded(source, error)
                ended = True

    async def _not_recorded(self, source: Source, error: NotRecorded) -> None:
        """What is not recorded is not passed on, nor anything after it: end both sides."""
        metrics.NOT_RECORDED.inc()
        self.log.error("frame not recorded", source=source.value, error=str(error))
        if self.closing is None:
            self.closing = Closing(source, TRY_AGAIN_LATER, f"not recorded: {error}", ours=True)
        await asyncio.gather(
            end(self.charger, TRY_AGAIN_LATER, "try again later"), end(self.csms, TRY_AGAIN_LATER, "try again later")
        )


async def end(socket: Socket, code: int, reason: str) -> None:
    """Close, however little the other side cooperates: a close frame may wait for room that a stuck peer never makes."""
    try:
        async with asyncio.timeout(_CLOSE_WITHIN_S):
            await socket.close(code, reason)
    except TimeoutError:
        _abort(socket)


def _abort(socket: Any) -> None:
    socket.transport.abort()


def _closing_of(source: Source, closed: ConnectionClosed) -> Closing:
    theirs = closed.rcvd is not None and (closed.rcvd_then_sent or closed.sent is None)
    if theirs and closed.rcvd:
        return Closing(source, closed.rcvd.code, closed.rcvd.reason)
    if closed.sent:
        return Closing(source, closed.sent.code, closed.sent.reason, ours=True)
    # Nothing was said: what broke it is all there is to know.
    cause = closed.__cause__
    return Closing(source, 1006, str(cause) or type(cause).__name__ if cause else "")


def _close_for_peer(source: Source, code: int, reason: str) -> tuple[int, str]:
    """What the other side is told. A connection that broke has no code to hand on."""
    if code in _SENDABLE or 3000 <= code <= 4999:
        return code, reason
    if source is Source.CHARGER:
        return GOING_AWAY, "charger connection lost"
    return SERVICE_RESTART, "central system connection lost"
