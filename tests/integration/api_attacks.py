"""Clients that do the query API no good, as many at once as are wanted, each going on until it is told to stop.

They say nothing or next to nothing, say far too much, send what is wrong, and read what they asked for slowly or not at all.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

FORMS: Final = ("csv", "xlsx", "ndjson", "parquet")
_LITTLE: Final = 4096
"""A receive buffer that soon is full."""
_PATIENCE_S: Final = 600


@dataclass(slots=True)
class Attack:
    """`tokens`: of callers who are known, and mean no good. `said`: how often what came of it, by kind and status, or `cut`."""

    port: int
    tokens: Sequence[str]
    said: dict[str, Counter[str]] = field(default_factory=dict)
    _turns: itertools.count[int] = field(default_factory=itertools.count)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self, numbers: Mapping[str, int]) -> None:
        """So many of each kind of KINDS."""
        for kind, number in numbers.items():
            self._tasks += [asyncio.create_task(self._again(kind, place)) for place in range(number)]

    async def stop(self) -> None:
        """They end without a word. Raises what went wrong in one of them."""
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, BaseException) and not isinstance(ended, asyncio.CancelledError):
                raise ended

    async def _again(self, kind: str, place: int) -> None:
        while True:
            self.note(kind, await KINDS[kind](self, place))

    def note(self, kind: str, what: str) -> None:
        self.said.setdefault(kind, Counter())[what] += 1

    def head(self, target: str, *lines: str, method: str = "GET", token: str = "") -> bytes:
        """A request's head without its end. Callers take turns, where no token is given."""
        more = "".join(f"{line}\r\n" for line in lines)
        known = token or self.tokens[next(self._turns) % len(self.tokens)]
        return f"{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {known}\r\n{more}".encode("latin-1")

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[socket.socket]:
        loop = asyncio.get_running_loop()
        with socket.socket() as tcp:
            tcp.setblocking(False)
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _LITTLE)
            await loop.sock_connect(tcp, ("127.0.0.1", self.port))
            yield tcp


# What they do, once: each returns what came of it


async def _silent(attack: Attack, _: int) -> str:
    async with attack.connected() as tcp:
        return await _status(tcp)


async def _trickled(attack: Attack, _: int) -> str:
    """A head that never ends, a byte after the other."""
    async with attack.connected() as tcp:
        return await _drip(tcp, attack.head("/v1/me") + b"X-Long: " + b"x" * 10_000)


async def _half_a_body(attack: Attack, _: int) -> str:
    async with attack.connected() as tcp:
        return await _drip(tcp, attack.head("/v1/sites/x", "Content-Length: 60000", method="PUT") + b"\r\n" + b" " * 60_000)


async def _export(attack: Attack, place: int) -> str:
    """A file whose reader takes a few bytes a second; every third one nothing at all."""
    form = FORMS[place % len(FORMS)]
    close = ("Connection: close",) if place % 2 else ()
    async with attack.connected() as tcp:
        await _send(tcp, attack.head(f"/v1/logs/export?format={form}&columns=all&site=bulk&truncate=true", *close) + b"\r\n")
        return await _sip(tcp, stops=place % 3 == 0)


async def _tail(attack: Attack, place: int) -> str:
    async with attack.connected() as tcp:
        target = "/v1/logs/tail?backlog=100&fields=request,response"
        await _send(tcp, attack.head(target) + b"\r\n")
        return await _sip(tcp, stops=place % 3 == 0)


async def _page(attack: Attack, place: int) -> str:
    """A large page, of which nothing is read, and which is to be the last."""
    async with attack.connected() as tcp:
        target = f"/v1/logs?site=bulk&limit={(100, 300, 1000)[place % 3]}&fields=request,response"
        await _send(tcp, attack.head(target, "Connection: close") + b"\r\n")
        return await _sip(tcp, stops=True)


async def _hang_up(attack: Attack, place: int) -> str:
    """In the middle of an answer, or before it."""
    async with attack.connected() as tcp:
        target = (f"/v1/logs/export?columns=all&site=bulk&truncate=true&format={FORMS[place % 4]}", "/v1/logs/tail")[place % 2]
        await _send(tcp, attack.head(target) + b"\r\n")
        await asyncio.sleep(random.uniform(0, 1))
    await asyncio.sleep(1)
    return "gone"


async def _wrong(attack: Attack, _: int) -> str:
    """Cursors, tokens, searches, parameters."""
    target, token = random.choice(_WRONG)
    async with attack.connected() as tcp:
        await _send(tcp, attack.head(target, "Connection: close", token=token) + b"\r\n")
        return await _status(tcp)


async def _huge(attack: Attack, place: int) -> str:
    """A head or a body, as fast as it is taken."""
    async with attack.connected() as tcp:
        head = attack.head("/v1/sites/x", "Transfer-Encoding: chunked", method="PUT")
        end = b"\r\n" if place % 2 else b""
        piece = (
            b"10000\r\n" + b" " * 65536 + b"\r\n"
            if place % 2
            else b"".join(b"X-%d: %b\r\n" % (n, b"y" * 100) for n in range(600))
        )
        with contextlib.suppress(ConnectionError):
            await _send(tcp, head + end)
            for _ in range(200):
                await _send(tcp, piece)
        return await _status(tcp)


KINDS: Final[Mapping[str, Callable[[Attack, int], Coroutine[Any, Any, str]]]] = {
    "silent": _silent,
    "head that trickles": _trickled,
    "body that trickles": _half_a_body,
    "export read slowly": _export,
    "tail read slowly": _tail,
    "page not read": _page,
    "hangs up": _hang_up,
    "wrong request": _wrong,
    "huge request": _huge,
}
_DEEP: Final = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 10_000).decode().rstrip("=")
_NONE: Final = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode().rstrip("=")
_WRONG: Final = (
    *((f"/v1/logs?cursor={cursor}", "") for cursor in ("x", "%00", "A" * 1000, "eyJhIjoxfQ", "..", "%F0%9F%92%A9")),
    *((f"/v1/logs/tail?last_event_id={name}", "") for name in ("1", "A" * 900)),
    *((f"/v1/logs?q={query}", "") for query in ("x" * 5000, "a%20" * 2000, "field:", "%22", "-" * 500, "action:%00")),
    *(
        (f"/v1/logs?{given}", "")
        for given in ("limit=-1", "limit=1e9", "from=yesterday", "order=up", "site=a&" * 3000, "x=" * 999)
    ),
    *((f"/v1/logs/export?{given}", "") for given in ("format=exe", "columns=nope", "separator=%00", "columns=" + "a," * 1900)),
    *(("/v1/logs", token) for token in ("x", "." * 1000, f"{_DEEP}.{_DEEP}.x", f"{_NONE}.e30.", "\xff.\xff.\xff", "y" * 30_000)),
    *(
        (target, "")
        for target in ("/v1/logs/%00", "/v1/logs/" + "9" * 3000, "/v1/../etc/passwd", "/v1/chargers/%2e%2e", "//", "/v1/nope")
    ),
)


async def _send(tcp: socket.socket, data: bytes) -> None:
    async with asyncio.timeout(60):
        await asyncio.get_running_loop().sock_sendall(tcp, data)


async def _status(tcp: socket.socket) -> str:
    """Of the answer that comes; `cut` where none does."""
    with contextlib.suppress(ConnectionError):
        answer = await asyncio.get_running_loop().sock_recv(tcp, 100)
        return answer[9:12].decode("latin-1") or "cut"
    return "cut"


async def _drip(tcp: socket.socket, data: bytes) -> str:
    answer = asyncio.create_task(_status(tcp))
    try:
        with contextlib.suppress(ConnectionError):
            for place in range(len(data) - 199):
                if answer.done():
                    break
                # The first ones in one go, so that it is known who speaks.
                await _send(tcp, data[:200] if place == 0 else data[199 + place : 200 + place])
                await asyncio.sleep(0.1)
        return await answer
    finally:
        answer.cancel()


async def _sip(tcp: socket.socket, *, stops: bool) -> str:
    """A few bytes a second until it is over; or the first ones and no more. Refusals are read, and wait a little."""
    status = await _status(tcp)
    if status != "200":
        await asyncio.sleep(0.5)
        return status
    if stops:
        # Whether the server has cut it off can only be seen there: what is on its way is not taken.
        await asyncio.sleep(_PATIENCE_S)
    with contextlib.suppress(ConnectionError):
        while await asyncio.get_running_loop().sock_recv(tcp, 5):  # noqa: ASYNC110
            await asyncio.sleep(0.5)
    return "200, cut"
