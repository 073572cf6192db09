"""Connections from accept on: places, TLS, and the time a handshake may take.

The WebSocket library sees a connection when TLS is done and its first request is there. What costs a gateway is mostly what never
comes so far.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
import time
from collections.abc import Callable
from typing import Any, cast

from opentelemetry.trace import Span
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers

from ocpplog_gateway import metrics
from ocpplog_gateway.errors import Refusal
from ocpplog_gateway.limits import Connections, Over, Place
from ocpplog_gateway.peers import Peer, Proxies, came_by_tls
from ocpplog_gateway.sockets import ChargerConnection
from ocpplog_gateway.tls import FromFiles

Failed = Callable[["GuardedConnection", Refusal], None]
"""Told of a handshake that ended before there was anything to answer."""


class Door:
    """What the listeners share."""

    def __init__(
        self, places: Connections, proxies: Proxies, open_timeout_s: float, failed: Failed, gone: Callable[[], None]
    ) -> None:
        self.places = places
        self.proxies = proxies
        self.open_timeout_s = open_timeout_s
        self.failed = failed
        self.gone = gone

    def connection(self, tls: FromFiles[ssl.SSLContext] | None) -> type[ServerConnection]:
        """What `create_connection` of a websockets server takes; with `tls`, the server must not be given any."""
        return cast(type[ServerConnection], functools.partial(GuardedConnection, door=self, tls=tls))

    def identify(self, connection: GuardedConnection, headers: Headers) -> None:
        """Find out who stands behind a trusted proxy. From anybody else, such headers are ignored."""
        if connection.behind_proxy:
            connection.peer = self.proxies.behind(connection.peer, headers.get_all("X-Forwarded-For"))
            connection.tls = came_by_tls(headers.get_all("X-Forwarded-Proto"))
            if connection.place:
                self.places.rename(connection.place, connection.peer.key)


class GuardedConnection(ChargerConnection):
    """A charger's connection, counted and timed from accept on. With `tls`, it negotiates TLS itself: asyncio would tell nobody
    that a handshake failed, and would count nobody who says nothing."""

    def __init__(self, *arguments: Any, door: Door, tls: FromFiles[ssl.SSLContext] | None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._door = door
        self._contexts = tls
        self._early: bytearray | None = bytearray()
        self._deadline: asyncio.TimerHandle | None = None
        self._negotiating: asyncio.Task[None] | None = None
        self._said_something = False
        self.place: Place | None = None
        self.peer = Peer()
        self.behind_proxy = False
        """Whether its headers say who the peer is, how it came and what its certificate is."""
        self.tls = tls is not None
        """Whether the charger's own connection is encrypted."""
        self.charger_id = ""
        self.accepted_ns = 0
        self.span: Span | None = None
        """Of the handshake, from its request to its answer (`spans`)."""
        self.answered = False

    @property
    def over(self) -> Over | None:
        """Whose limit this connection is over."""
        return self.place.over if self.place else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        tcp = cast(asyncio.Transport, transport)
        self.accepted_ns = time.time_ns()
        self.peer = self._door.proxies.peer(tcp.get_extra_info("peername"))
        self.behind_proxy = self.peer.proxy
        self.place = self._door.places.enter(self.peer.key)
        if self.place is None:
            metrics.CUT.inc()
            tcp.abort()
            return
        metrics.SOCKETS.inc()
        self._deadline = self.loop.call_later(self._door.open_timeout_s, self._too_slow, tcp)
        if self._contexts is None:
            self._begin(tcp)
        else:
            self._negotiating = self.loop.create_task(self._negotiate(tcp, self._contexts.value), name="TLS handshake")

    async def _negotiate(self, tcp: asyncio.Transport, context: ssl.SSLContext) -> None:
        if tcp.is_closing():
            return
        starting = self.loop.create_task(
            self.loop.start_tls(tcp, self, context, server_side=True, ssl_handshake_timeout=self._door.open_timeout_s)
        )
        # Two turns of the loop: in the first, TLS takes the connection over, in the second it is ready for data.
        self.loop.call_soon(self.loop.call_soon, self._hand_over, tcp)
        try:
            secured = await starting
            if secured and not tcp.is_closing():
                self._begin(secured)
        except ssl.SSLError as error:
            self._door.failed(self, Refusal(400, "tls", f"TLS handshake: {error.reason or error}"))
        except OSError:
            # It went away, or was cut for its slowness.
            pass
        finally:
            if self._early is not None:
                self._leave()
                tcp.abort()

    def _hand_over(self, tcp: asyncio.Transport) -> None:
        """Give TLS what was read before it took the connection over: the beginning of the client's handshake, mostly."""
        early, self._early = self._early, bytearray()
        protocol = tcp.get_protocol()
        if protocol is self or tcp.is_closing():
            return
        tls = cast(asyncio.BufferedProtocol, protocol)
        while early:
            buffer = memoryview(tls.get_buffer(len(early)))
            size = min(len(buffer), len(early))
            buffer[:size] = early[:size]
            del early[:size]
            tls.buffer_updated(size)

    def _begin(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        early, self._early = self._early, None
        # A request that came with the end of the TLS handshake is here before the connection is.
        if early:
            self.data_received(bytes(early))

    def data_received(self, data: bytes) -> None:
        if self._early is None:
            self._said_something = True
            super().data_received(data)
        else:
            self._early += data

    def eof_received(self) -> None:
        if self._early is None:
            super().eof_received()

    def opened(self) -> None:
        """The handshake is complete."""
        if self._deadline:
            self._deadline.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.gone()
        if self._early is None:
            self._tell_of_no_http()
            super().connection_lost(exc)
        self._leave()

    def _tell_of_no_http(self) -> None:
        problem: BaseException | None = self.protocol.handshake_exc
        # Whoever opens a connection and closes it, such as a health check, is nothing to speak of.
        if self.request is None and problem and self._said_something:
            while problem.__cause__:
                problem = problem.__cause__
            self._door.failed(self, Refusal(400, "no-http", f"not an HTTP request: {problem}"))

    def _too_slow(self, tcp: asyncio.Transport) -> None:
        text = f"no handshake within {self._door.open_timeout_s:g} s"
        self._door.failed(self, Refusal(408, "timeout", text))
        tcp.abort()

    def _leave(self) -> None:
        self.opened()
        if self.place:
            self._door.places.leave(self.place)
            self.place = None
            metrics.SOCKETS.dec()
