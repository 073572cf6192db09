"""One connection of a charger, which knows exactly what it sent and what it got."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from faults.pipeline import speech
from faults.pipeline.speech import Said
from ocpplog_local.demo.library import WEBSOCKET_LOG

_CALL: Final = re.compile(rb'\[2,"([^"]*)","(\w*)",')
_ANSWER: Final = re.compile(rb'\[[34],"([^"]*)"')
_OPEN_WITHIN_S: Final = 8.0
NOT_CONNECTED: Final = (OSError, TimeoutError, InvalidHandshake, ConnectionClosed, EOFError)


@dataclass(slots=True)
class Visit:
    """What a charger remembers of its connection `number`, to gateway `replica`. Frames in the order of the wire; `received` with
    the time of each (microseconds since 1970), `sent_at` those of `sent`, of which the last may never have left. `binary`: those
    that were no text. `last`: nothing is in the way any more."""

    charger: str
    number: int
    protocol: str
    replica: int
    opened_us: int = 0
    last: bool = False
    sent: list[bytes] = field(default_factory=list)
    sent_at: list[int] = field(default_factory=list)
    binary: set[bytes] = field(default_factory=set)
    received: list[tuple[int, bytes]] = field(default_factory=list)

    @property
    def tag(self) -> str:
        return f"{self.charger}.{self.number}"


class Line:
    """A visit while it lasts."""

    def __init__(self, visit: Visit, socket: ClientConnection) -> None:
        self.visit = visit
        self.updating = False
        """The central system wants new firmware installed."""
        self._socket = socket
        self._turn = asyncio.Lock()
        self._waiting: dict[bytes, asyncio.Future[None]] = {}
        self._numbers = 0

    def next_id(self) -> str:
        self._numbers += 1
        return f"{self.visit.tag}.{self._numbers}"

    async def call(self, said: Said, wait_s: float) -> bool:
        """Whether there was an answer in time. `wait_s` 0: nobody waits. Raises ConnectionClosed."""
        message_id = self.next_id()
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[message_id.encode()] = answered
        await self.send(f'[2,"{message_id}","{said[0]}",{said[1]}]'.encode())
        done, _ = await asyncio.wait({answered}, timeout=wait_s) if wait_s else (set(), set())
        return bool(done)

    async def send(self, frame: bytes, *, text: bool = True) -> None:
        async with self._turn:
            self.visit.sent.append(frame)
            self.visit.sent_at.append(time.time_ns() // 1000)
            if not text:
                self.visit.binary.add(frame)
            await self._socket.send(frame, text=text)

    def abort(self) -> None:
        """As a mobile network ends it: without a word."""
        self._socket.transport.abort()

    async def receive(self) -> None:
        """Until the connection ends."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = await self._socket.recv(decode=False)
                assert isinstance(frame, bytes)
                self.visit.received.append((time.time_ns() // 1000, frame))
                await self._take(frame)
        for answered in self._waiting.values():
            answered.cancel()

    async def _take(self, frame: bytes) -> None:
        if found := _CALL.match(frame):
            action = found[2].decode()
            self.updating = self.updating or action == "UpdateFirmware"
            await self.send(b'[3,"%b",%b]' % (found[1], speech.commanded(self.visit.protocol, action).encode()))
        elif (found := _ANSWER.match(frame)) and (answered := self._waiting.pop(found[1], None)) and not answered.done():
            answered.set_result(None)


@contextlib.asynccontextmanager
async def connected(visit: Visit, port: int, *, compressed: bool) -> AsyncIterator[Line]:
    """Raises one of NOT_CONNECTED. Closed with 1000, unless it ended before."""
    connecting = connect(
        f"ws://127.0.0.1:{port}/ocpp/{visit.charger}",
        subprotocols=[Subprotocol(visit.protocol)],
        compression="deflate" if compressed else None,
        open_timeout=_OPEN_WITHIN_S,
        close_timeout=1,
        ping_interval=None,
        max_size=None,
        proxy=None,
        logger=WEBSOCKET_LOG,
    )
    async with connecting as socket:
        visit.opened_us = time.time_ns() // 1000
        line = Line(visit, socket)
        receiving = asyncio.create_task(line.receive())
        try:
            yield line
        finally:
            # What is on its way to the charger before the end is part of what it got.
            closing = asyncio.create_task(socket.close())
            await asyncio.wait({closing}, timeout=3)
            if not closing.done():
                line.abort()
            await asyncio.gather(closing, receiving, return_exceptions=True)
