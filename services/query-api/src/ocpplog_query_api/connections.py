"""Connections of the API: how many there may be, and for how long one may say or take nothing.

uvicorn waits for good for the rest of a request, and for a client that does not read: such connections cost whoever opens them
nothing, and would pile up until no others are accepted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ocpplog_common.progress import Progress
from ocpplog_query_api import metrics

_STUCK_AFTER_S: Final = 60.0
_NOT_WHOLE: Final = (h11.IDLE, h11.SEND_BODY)
_HEAD_BYTES: Final = 4096
"""What an answer begins with is shorter."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """`most` at once; `request_s`: from when a connection is ready for a request until that is whole, its body included;
    `stuck_s`: how long a client may take nothing of its answer."""

    most: int
    request_s: float
    stuck_s: float = _STUCK_AFTER_S


class Joined(asyncio.Transport):
    """Sends an answer's head with what follows at once: uvicorn writes them apart, and with a buffer that may hold nothing each
    would be a packet, for which the network and whoever reads wake up twice.

    Holds a short write until the next one, or until all that is running now has run.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport, self._loop = transport, loop
        self._held = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held + data)
        elif len(data) > _HEAD_BYTES:
            self._transport.write(data)
        elif data:
            self._held = bytes(data)
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():
            self._transport.write(held)

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()


class GuardedConnection(H11Protocol):
    """Breaks off what is over a limit."""

    def __init__(self, *arguments: Any, limits: ConnectionLimits, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits = limits
        self._late: asyncio.TimerHandle | None = None
        self._stuck: Progress | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Joined(transport, self.loop))
        # Whatever the network does not take at once counts as left, however little: what fits into a buffer would be left for
        # good, and its connection open, since one that is closed in order first waits for it.
        transport.set_write_buffer_limits(high=0)
        if len(self.connections) > self._limits.most:
            self._break_off("too-many")
        else:
            self._await_request()

    def handle_events(self) -> None:
        super().handle_events()
        self._await_request()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stuck = Progress(self.transport, self._limits.stuck_s, partial(self._break_off, "stuck"))

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stuck:
            self._stuck.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._late:
            self._late.cancel()
        if self._stuck:
            self._stuck.cancel()
        super().connection_lost(exc)

    def _await_request(self) -> None:
        """The time runs from the first moment on, however often a byte of it comes."""
        if self.conn.their_state in _NOT_WHOLE and not self.transport.is_closing():
            self._late = self._late or self.loop.call_later(self._limits.request_s, self._break_off, "slow")
        elif self._late:
            self._late.cancel()
            self._late = None

    def _break_off(self, reason: str) -> None:
        metrics.BROKEN_OFF.labels(reason).inc()
        self.transport.abort()


def guarded(limits: ConnectionLimits) -> type[asyncio.Protocol]:
    """For `http` of uvicorn's Config, which calls it."""
    return cast("type[asyncio.Protocol]", _maker(limits))


def _maker(limits: ConnectionLimits) -> Callable[..., GuardedConnection]:
    return partial(GuardedConnection, limits=limits)
