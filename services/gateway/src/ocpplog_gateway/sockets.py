"""The WebSockets of chargers and central systems, as sides of a relay."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final

import structlog
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode, Frame
from websockets.frames import Opcode as WireOpcode
from websockets.protocol import Event, State

from ocpplog_common.envelope import Opcode
from ocpplog_common.progress import Progress
from ocpplog_gateway.libraries import ForgetsPings, NoticesLoss
from ocpplog_gateway.sides import Ending, Listener

_log = structlog.get_logger(__name__)
_EARLY_MESSAGES: Final = 4
"""Messages that may come before somebody listens: then reading stops."""
_STUCK_AFTER_S: Final = 60.0
"""A side that reads nothing would keep the other one waiting for good, even after it is gone."""
_CLOSE_WITHIN_S: Final = 15.0
"""Longer than the closing handshake may take: this is for a side that reads nothing any more."""
_LONGEST_REASON: Final = 123
"""Bytes of a close frame (RFC 6455 section 5.5) besides the code."""
_PORTION: Final = 4096
"""Bytes taken at once: they may be hundreds of messages or, compressed, mean a thousand times as many bytes."""
_PONGS_UNREAD: Final = 1000
"""Pings answered to a side that reads nothing: the pongs wait in memory."""


class _Nobody:
    """Keeps what comes until there is a listener."""

    def __init__(self, connection: _Delivers) -> None:
        self._connection = connection
        self.messages: list[tuple[bytes, Opcode, bool]] = []
        self.ending: Ending | None = None

    def message(self, data: bytes, opcode: Opcode) -> None:
        self._keep(data, opcode, False)

    def violation(self, data: bytes, opcode: Opcode) -> None:
        self._keep(data, opcode, True)

    def _keep(self, data: bytes, opcode: Opcode, violation: bool) -> None:
        self.messages.append((data, opcode, violation))
        if len(self.messages) == _EARLY_MESSAGES:
            self._connection.hold()

    def ended(self, ending: Ending) -> None:
        self.ending = ending

    def writable(self) -> None: ...


class _Delivers(Connection):
    """A `sides.Side`: hands each message to its listener as it is read.

    The library's `recv` costs a task switch and a queue a message, which a relay does not need: it is not used.
    The protocol itself (frames, masks, compression, limits, closing) stays the library's.
    """

    named: Mapping[str, str] = {}
    """What a line of the log about it says, once that is known."""
    _listener: Listener
    _parts: bytearray | None = None
    _parts_opcode = Opcode.TEXT
    _ended = False
    _refused = False
    _held = False
    _taking = False
    _unread: bytearray | None = None
    _pongs_unread = 0
    _stuck: Progress | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._listener = _Nobody(self)
        super().connection_made(transport)

    # What the relay calls

    @property
    def congested(self) -> bool:
        return self.paused

    def attach(self, listener: Listener) -> None:
        early = self._listener
        assert isinstance(early, _Nobody)
        self._listener = listener
        if len(early.messages) >= _EARLY_MESSAGES:
            # Before they are delivered: the listener may hold again at once.
            self.resume()
        for data, opcode, violation in early.messages:
            (listener.violation if violation else listener.message)(data, opcode)
        if early.ending:
            listener.ended(early.ending)

    def send_message(self, data: bytes) -> None:
        """Without waiting: `congested` says when to stop."""
        if self.protocol.state is State.OPEN:
            self.protocol.send_text(data)
            self.send_data()

    def hold(self) -> None:
        self._held = True
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        self._held = False
        # Later: who calls this is busy with a message of ours, and the next one would overtake it.
        self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self._take_unread()
        if not self._held and not self.transport.is_closing():
            self.transport.resume_reading()

    async def end(self, code: int, reason: str) -> None:
        """Close, however little the other side cooperates: a close frame may wait for room that a stuck peer never makes."""
        if self._held:
            # Its close frame stands behind what it sent before.
            self.resume()
        try:
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await self.close(code, reason.encode()[:_LONGEST_REASON].decode(errors="ignore"))
        except TimeoutError:
            self.transport.abort()

    # What the library calls

    def data_received(self, data: bytes) -> None:
        if self._unread or self._held or len(data) > _PORTION:
            self._unread = self._unread or bytearray()
            self._unread += data
            self._take_unread()
            return
        super().data_received(data)
        self._tell_end_if_closing()

    def _take_unread(self) -> None:
        """A portion at a time, so that `hold` comes in time."""
        if self._taking:
            return
        self._taking = True
        try:
            while self._unread and not self._held:
                portion = bytes(self._unread[:_PORTION])
                del self._unread[:_PORTION]
                super().data_received(portion)
        finally:
            self._taking = False
        self._tell_end_if_closing()

    def _take_rest(self) -> None:
        """What came before the end, though held back. Compressed, it may be too much for that: only as far as the listener lets
        it; the rest is lost with the connection, as is what TCP still had."""
        self._held = False
        self._take_unread()
        while self._unread and not self.protocol.extensions:
            self._held = False
            self._take_unread()
        self._unread = None

    def eof_received(self) -> None:
        self._take_rest()
        super().eof_received()
        self._tell_end_if_closing()

    def process_event(self, event: Event) -> None:
        if not isinstance(event, Frame):
            super().process_event(event)
        elif event.opcode is WireOpcode.TEXT and event.fin:
            self._deliver(bytes(event.data), Opcode.TEXT)
        elif event.opcode in (WireOpcode.TEXT, WireOpcode.BINARY, WireOpcode.CONT):
            self._fragment(event)
        elif event.opcode is WireOpcode.PONG:
            self.acknowledge_pings(bytes(event.data))
        elif event.opcode is WireOpcode.PING and self.paused:
            self._count_unread_pong()

    def _count_unread_pong(self) -> None:
        self._pongs_unread += 1
        if self._pongs_unread > _PONGS_UNREAD:
            self._break_off(f"{_PONGS_UNREAD} pongs were not read")

    def _fragment(self, frame: Frame) -> None:
        if frame.opcode is not WireOpcode.CONT:
            self._parts = bytearray()
            self._parts_opcode = Opcode.TEXT if frame.opcode is WireOpcode.TEXT else Opcode.BINARY
        assert self._parts is not None
        self._parts += frame.data
        if frame.fin:
            data, self._parts = bytes(self._parts), None
            self._deliver(data, self._parts_opcode)

    def _deliver(self, data: bytes, opcode: Opcode) -> None:
        """Hand on a message; close for one that OCPP-J does not have (RFC 6455 section 7.4.1: 1003, 1007)."""
        if self._refused:
            # Read together with the one before, and too late (RFC 6455 section 7.1.7).
            return
        try:
            if opcode is Opcode.BINARY:
                self._refuse(CloseCode.UNSUPPORTED_DATA, "OCPP-J is text", data, opcode)
            elif data.isascii() or _is_utf8(data):
                self._listener.message(data, opcode)
            else:
                self._refuse(CloseCode.INVALID_DATA, "not UTF-8", data, opcode)
        except Exception:
            # Of ours: the library would only log it, and half a connection must not go on.
            _log.exception("message not handled", **self.named)
            self._fail(CloseCode.INTERNAL_ERROR, "")

    def _refuse(self, code: CloseCode, reason: str, data: bytes, opcode: Opcode) -> None:
        self._listener.violation(data, opcode)
        self._fail(code, reason)

    def _fail(self, code: CloseCode, reason: str) -> None:
        self._refused = True
        self.protocol.fail(code, reason)
        self.send_data()

    def _tell_end_if_closing(self) -> None:
        # CONNECTING: the handshake is the library's.
        protocol = self.protocol
        if protocol.state is State.CLOSED:
            self._tell_end()
        elif protocol.state is State.CLOSING and (protocol.close_rcvd or protocol.parser_exc or self._refused):
            # After a close frame of ours alone, messages come until it is answered.
            self._tell_end()

    def _tell_end(self) -> None:
        if not self._ended:
            self._ended = True
            self._listener.ended(self._ending())

    def _ending(self) -> Ending:
        protocol = self.protocol
        received, sent = protocol.close_rcvd, protocol.close_sent
        if received and (protocol.close_rcvd_then_sent or sent is None):
            return Ending(received.code, received.reason)
        if sent:
            return Ending(sent.code, sent.reason, ours=True)
        # Nothing was said: what broke it is all there is to know.
        cause = self.connection_exc or protocol.parser_exc
        return Ending(CloseCode.ABNORMAL_CLOSURE, str(cause) or type(cause).__name__ if cause else "")

    def connection_lost(self, exc: Exception | None) -> None:
        with contextlib.suppress(EOFError):
            self._take_rest()
        super().connection_lost(exc)
        if self._stuck:
            self._stuck.cancel()
        self._tell_end()
        self._listener.writable()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stuck = Progress(self.transport, _STUCK_AFTER_S, self._break_off_stuck)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._pongs_unread = 0
        if self._stuck:
            self._stuck.cancel()
            self._stuck = None
        self._listener.writable()

    def _break_off_stuck(self) -> None:
        self._break_off(f"nothing was read for {_STUCK_AFTER_S:.0f} s")

    def _break_off(self, reason: str) -> None:
        self.set_connection_exc(TimeoutError(reason))
        self.transport.abort()


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class ChargerConnection(_Delivers, ForgetsPings, NoticesLoss, ServerConnection):
    """A charger's connection."""


class UpstreamConnection(_Delivers, ForgetsPings, NoticesLoss, ClientConnection):
    """A connection to a central system."""
