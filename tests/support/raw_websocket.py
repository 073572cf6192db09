"""A WebSocket client that may do everything wrong: its frames are made byte by byte."""

from __future__ import annotations

import asyncio
import struct
import zlib
from types import TracebackType
from typing import Final

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
RSV1: Final = 0x40
DEFLATE: Final = "Sec-WebSocket-Extensions: permessage-deflate"


def frame(opcode: int, data: bytes = b"", *, fin: bool = True, bits: int = 0, mask: bytes | None = b"\x00\x00\x00\x00") -> bytes:
    """A frame as RFC 6455 section 5.2 has it; `bits`: RSV1 to RSV3 as they stand in the first byte."""
    return head(opcode, len(data), fin=fin, bits=bits, masked=mask is not None) + (
        masked(data, mask) if mask is not None else data
    )


def head(opcode: int, size: int, *, fin: bool = True, bits: int = 0, masked: bool = True) -> bytes:
    """The head of a frame that says it has `size` bytes."""
    first, mask = 0x80 * fin | bits | opcode, 0x80 * masked
    if size < 126:
        return struct.pack("!BB", first, mask | size)
    if size < 65536:
        return struct.pack("!BBH", first, mask | 126, size)
    return struct.pack("!BBQ", first, mask | 127, size)


def masked(data: bytes, mask: bytes) -> bytes:
    if not any(mask):
        return mask + data
    return mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(data))


def close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


class Deflater:
    """Compresses messages as RFC 7692 has it, each with what came before in mind unless `takeover` is False."""

    def __init__(self, *, takeover: bool = True) -> None:
        self._takeover = takeover
        self._stream = zlib.compressobj(9, wbits=-15)

    def __call__(self, data: bytes) -> bytes:
        if not self._takeover:
            self._stream = zlib.compressobj(9, wbits=-15)
        return (self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH))[:-4]


class RawClient:
    """`head`: the answer to the handshake. Answers nothing by itself, pings neither."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.head = b""

    @classmethod
    async def connect(cls, port: int, handshake: bytes, *, limit: int = 2**16) -> RawClient:
        client = cls(*await asyncio.open_connection("127.0.0.1", port, limit=limit))
        client.writer.write(handshake)
        client.head = await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 10)
        return client

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self) -> tuple[int, bytes]:
        """The next frame of the server: opcode and payload, which may be compressed. Raises IncompleteReadError at the end."""
        first, second = await asyncio.wait_for(self.reader.readexactly(2), 10)
        size = second
        if second == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif second == 127:
            (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first & 0x0F, await asyncio.wait_for(self.reader.readexactly(size), 10)

    async def close_code(self) -> int:
        """Of the server's close frame, whatever comes before; 1006 where there is none."""
        try:
            while True:
                opcode, data = await self.receive()
                if opcode == CLOSE:
                    return int(struct.unpack("!H", data[:2])[0]) if data else 1005
        except (asyncio.IncompleteReadError, ConnectionError):
            return 1006

    async def __aenter__(self) -> RawClient:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.writer.transport.abort()
