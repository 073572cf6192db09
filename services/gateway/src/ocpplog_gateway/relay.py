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
from ocpplog_gateway.publisher import Publisher

_log = structlog.get_logger(__name__)
_CLOSE_WITHIN_S: Final = 15.0
"""Longer than the closing handshake may take: this is for a side that reads nothing any more."""
_SEND_WITHIN_S: Final = 60.0
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

    async def send(self, message: str | bytes) -> None: ...

    async def close(self, code: int = 1000, reason: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class Closing:
    """Why a connection ended: whose end of it came first, and the close frame that side sent or, with `ours`, was sent."""

    by: Source
    code: int
    reason: str
    ours: bool = False


Wrap = Callable[[Source, bytes, Opcode], Envelope]
"""Puts a received message into its envelope, with the next sequence number."""


@dataclass(slots=True)
class Relay:
    """One charger's connection: `charger` and `csms` are its two sides.

    `max_in_flight` bounds what a direction holds between receiving and passing on: then its sender is read no further.
    """

    charger: Socket
    csms: Socket
    publisher: Publisher
    wrap: Wrap
    max_in_flight: int
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
        waiting: asyncio.Queue[tuple[str | bytes, Awaitable[None]] | None] = asyncio.Queue(self.max_in_flight)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pass_on(source, waiting, receiver))
            try:
                closing = await self._receive(source, sender, waiting)
            except NotRecorded as error:
                await self._not_recorded(source, error)
                closing = Closing(source, TRY_AGAIN_LATER, "the log cannot be written", ours=True)
            if self.closing is None:
                self.closing = closing
            await waiting.put(None)
        await end(receiver, *_close_for_peer(source, closing.code, closing.reason))

    async def _receive(
        self, source: Source, sender: Socket, waiting: asyncio.Queue[tuple[str | bytes, Awaitable[None]] | None]
    ) -> Closing:
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
            await waiting.put((message, await self._record(source, message.encode(), Opcode.TEXT)))

    async def _record(self, source: Source, data: bytes, opcode: Opcode) -> Awaitable[None]:
        self.frames[source] += 1
        metrics.FRAMES.labels(source).inc()
        metrics.BYTES.labels(source).inc(len(data))
        return await self.publisher.publish(self.wrap(source, data, opcode))

    async def _record_undecodable(self, source: Source, closed: ConnectionClosed) -> None:
        """A text message that was not UTF-8: websockets closed the connection with 1007; its bytes are in the cause."""
        if isinstance(closed.__cause__, UnicodeDecodeError):
            await (await self._record(source, closed.__cause__.object, Opcode.TEXT))

    async def _pass_on(
        self, source: Source, waiting: asyncio.Queue[tuple[str | bytes, Awaitable[None]] | None], receiver: Socket
    ) -> None:
        """Send on in order, each message after its acknowledgement. Reads on after an end, so that nobody waits for room."""
        ended = False
        while (item := await waiting.get()) is not None:
            message, recorded = item
            try:
                await recorded
                if not ended:
                    async with asyncio.timeout(_SEND_WITHIN_S):
                        await receiver.send(message)
            except ConnectionClosed:
                ended = True
            except TimeoutError:
                # A side that reads nothing would keep the other one waiting for good, even after it is gone.
                _log.warning("a side does not read", side=source.peer)
                _abort(receiver)
                ended = True
            except NotRecorded as error:
                if not ended:
                    await self._not_recorded(source, error)
                ended = True

    async def _not_recorded(self, source: Source, error: NotRecorded) -> None:
        """What is not recorded is not passed on, nor anything after it: end both sides."""
        metrics.NOT_RECORDED.inc()
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
    return Closing(source, 1006, "")


def _close_for_peer(source: Source, code: int, reason: str) -> tuple[int, str]:
    """What the other side is told. A connection that broke has no code to hand on."""
    if code in _SENDABLE or 3000 <= code <= 4999:
        return code, reason
    if source is Source.CHARGER:
        return GOING_AWAY, "charger connection lost"
    return SERVICE_RESTART, "central system connection lost"
