"""The central system of the load: answers every CALL at once, after comparing it byte for byte with what chargers send."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import time
from dataclasses import asdict, dataclass
from typing import cast

import uvloop

from benchmarks import messages, wire

_CALLS = frozenset(b'"' + rest.encode() for rest in messages.CALLS)
_ANSWER = wire.Template.of(3, messages.ANSWER, masked=False)
_BACKLOG = 4096


@dataclass
class Counts:
    """`last_opened_at` in seconds of the machine's monotonic clock."""

    open: int = 0
    opened: int = 0
    last_opened_at: float = 0.0
    calls: int = 0
    wrong: int = 0


class CentralSystem(asyncio.Protocol):
    """One connection. A plain `GET /counts` is answered with `Counts` as JSON."""

    __slots__ = ("_counts", "_head", "_open", "_reader", "_transport")
    _transport: asyncio.Transport

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._reader = wire.Reader()
        self._head = b""
        self._open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _: Exception | None) -> None:
        self._counts.open -= self._open

    def data_received(self, data: bytes) -> None:
        if not self._open:
            self._shake_hands(data)
            return
        out = [reply for found in self._reader.feed(data) if (reply := self._reply(found))]
        if out:
            self._transport.write(b"".join(out))

    def _shake_hands(self, data: bytes) -> None:
        self._head += data
        if not self._head.endswith(b"\r\n\r\n"):
            return
        if self._head.startswith(b"GET /counts "):
            body = json.dumps(asdict(self._counts)).encode()
            self._transport.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            self._transport.close()
            return
        self._transport.write(wire.upgrade_response(self._head))
        self._open = True
        self._head = b""
        self._counts.open += 1
        self._counts.opened += 1
        self._counts.last_opened_at = time.monotonic()

    def _reply(self, found: wire.Message) -> bytes | None:
        data = found.data()
        if found.opcode == wire.TEXT:
            self._counts.calls += 1
            self._counts.wrong += data[14:] not in _CALLS
            return _ANSWER.with_id(wire.message_id(data))
        if found.opcode == wire.PING:
            return wire.frame(wire.PONG, data, masked=False)
        if found.opcode == wire.CLOSE:
            self._transport.write(wire.frame(wire.CLOSE, data, masked=False))
            self._transport.close()
        return None


async def _run(port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    counts = Counts()
    server = await loop.create_server(lambda: CentralSystem(counts), "127.0.0.1", port, backlog=_BACKLOG)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(_run(parser.parse_args().port))
