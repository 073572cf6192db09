"""A WebSocket connection that keeps what passed over it, byte for byte."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from websockets.typing import DataLike


class Direction(StrEnum):
    SENT = "sent"
    RECEIVED = "received"


@dataclass(frozen=True)
class WireFrame:
    """The payload of one WebSocket message, as seen from this end."""

    direction: Direction
    data: bytes


class WebSocket(Protocol):
    """The part of a `websockets` connection that is used, of a client's and a server's alike."""

    async def recv(self, decode: bool | None = None) -> str | bytes: ...

    async def send(self, message: DataLike, *, text: bool | None = None) -> None: ...


class RecordedConnection:
    """`frames` holds the latest `keep` frames in the order they passed; all of them with None."""

    def __init__(self, websocket: WebSocket, keep: int | None = None) -> None:
        self._websocket = websocket
        self.frames: deque[WireFrame] = deque(maxlen=keep)

    async def recv(self) -> bytes:
        """The next message, undecoded: text that is not UTF-8 shall not end the connection."""
        data = await self._websocket.recv(decode=False)
        raw = data.encode() if isinstance(data, str) else data
        self.frames.append(WireFrame(Direction.RECEIVED, raw))
        return raw

    async def send(self, message: str | bytes, *, text: bool = True) -> None:
        """Send one message, as a text frame unless `text` is false. What the socket refused is not kept."""
        raw = message.encode() if isinstance(message, str) else message
        frame = WireFrame(Direction.SENT, raw)
        # Before the send: while that waits, the answer may already arrive, and the record shall keep the order.
        self.frames.append(frame)
        try:
            await self._websocket.send(raw, text=text)
        except Exception:
            self._forget(frame)
            raise

    def sent(self) -> list[bytes]:
        return [frame.data for frame in self.frames if frame.direction is Direction.SENT]

    def received(self) -> list[bytes]:
        return [frame.data for frame in self.frames if frame.direction is Direction.RECEIVED]

    def _forget(self, frame: WireFrame) -> None:
        remaining = [kept for kept in self.frames if kept is not frame]
        self.frames.clear()
        self.frames.extend(remaining)
