"""Handshakes that come to nothing, as many as there is time for: each on a connection of its own, from one address."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from integration.gateway_support import handshake

CORPUS: Final = Path(__file__).parents[1] / "corpus" / "handshakes"
_ANSWERED: Final = ("400", "401", "404", "405", "426", "505")
"""Corpora that say all they have to: others wait for the end of what they began, or are right."""


def requests() -> list[bytes]:
    """Ids that are none, no subprotocol, and what is no handshake; all of the corpus that is refused."""
    own = [handshake(f"/{'X' * 60}", "Sec-WebSocket-Protocol: ocpp1.6"), handshake("/BOGUS", "Authorization: Basic Qk9HVVM6eA==")]
    own.append(b"GET x://[ HTTP/1.1\r\nHost: x\r\n\r\n")
    return [*own, *(path.read_bytes() for path in sorted(CORPUS.iterdir()) if path.name[:3] in _ANSWERED)]


async def knock(port: int, address: str, count: int, at_once: int, data: Sequence[bytes]) -> Counter[str]:
    """How each was answered: by status, or `cut`."""
    found: Counter[str] = Counter()
    left = iter(range(count))

    async def one_after_the_other() -> None:
        for number in left:
            found[await _answer(port, address, data[number % len(data)])] += 1

    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    return found


async def _answer(port: int, address: str, data: bytes) -> str:
    loop = asyncio.get_running_loop()
    with socket.socket() as tcp:
        tcp.setblocking(False)
        # Reset at the end: ports that wait for their end would run out.
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(ConnectionError, TimeoutError):
            tcp.bind((address, 0))
            async with asyncio.timeout(60):
                await loop.sock_connect(tcp, ("127.0.0.1", port))
                await loop.sock_sendall(tcp, data)
                answer = await loop.sock_recv(tcp, 100)
            return answer[9:12].decode("latin-1") or "cut"
    return "cut"
