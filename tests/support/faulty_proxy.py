"""A network that fails as it is told to: an HTTP proxy in front of the real ClickHouse, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote_plus

from support.processes import free_port

_LENGTH = re.compile(rb"\r\ncontent-length:[ ]*(\d+)", re.IGNORECASE)
_CONNECTION = re.compile(rb"\r\nconnection:[^\r]*", re.IGNORECASE)


class Kind(StrEnum):
    PASS = "pass"
    DROP = "drop"
    """The connection ends before the server has seen anything."""
    ANSWER = "answer"
    """The server sees nothing; an error is answered in its place."""
    HALF = "half"
    """The server gets half of the request, then its connection ends, and so does the client's."""
    LOSE = "lose"
    """The server does what was asked, and its answer is lost."""
    CUT = "cut"
    """The server does what was asked, and half of its answer arrives."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a request. `before_s` passes before the server gets it, `after_s` before the client gets the answer;
    a client that has gone away in between changes nothing. `status`, `code`: of an ANSWER, HTTP's and ClickHouse's."""

    kind: Kind = Kind.PASS
    before_s: float = 0
    after_s: float = 0
    status: int = 500
    code: int = 0


PASS = Fault()


@dataclass(frozen=True, slots=True)
class Asked:
    """`table`: where an insert goes; empty for every other statement. `head`: of the HTTP request."""

    statement: str
    body: bytes
    head: bytes = b""

    @property
    def table(self) -> str:
        words = self.statement.split(maxsplit=3)
        return words[2].replace("`", "") if words[:2] == ["INSERT", "INTO"] else ""


class FaultyProxy:
    """`choose` says for each request what becomes of it; it may be replaced at any time. `seen` counts what was done; `inserts`
    are those that the server was asked for and has not answered, `begun` is called for each once the server has it."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.choose: Callable[[Asked], Fault] = lambda _: PASS
        self.seen: Counter[str] = Counter()
        self.inserts = 0
        self.begun: Callable[[], None] = lambda: None
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def always(self, fault: Fault, *, inserts_only: bool = False) -> None:
        self.choose = lambda asked: fault if asked.table or not inserts_only else PASS

    def heal(self) -> None:
        self.choose = lambda _: PASS

    def up(self) -> None:
        self._call(self._listen())

    def down(self) -> None:
        """Connections are refused from now on; those that are open stay."""
        self._call(self._close())

    def _call(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)  # type: ignore[arg-type]

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else b""
            await self._answer(head, body, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        asked = Asked(_statement(head, body), body, head)
        fault = self.choose(asked)
        self.seen[fault.kind] += 1
        await asyncio.sleep(fault.before_s)
        if fault.kind is Kind.DROP:
            return
        if fault.kind is Kind.ANSWER:
            answer = _error(fault)
        else:
            answer = await self._ask(head, body, half=fault.kind is Kind.HALF, inserts=bool(asked.table))
        await asyncio.sleep(fault.after_s)
        if fault.kind is Kind.CUT:
            answer = answer[: len(answer) // 2]
        if fault.kind not in (Kind.LOSE, Kind.HALF):
            writer.write(answer)
            await writer.drain()

    async def _ask(self, head: bytes, body: bytes, half: bool, inserts: bool) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._target)
        self.inserts += inserts
        try:
            # One request a connection: the answer ends where the connection does.
            whole = _CONNECTION.sub(b"", head[:-4]) + b"\r\nConnection: close\r\n\r\n" + body
            writer.write(whole[: -max(1, len(body) // 2)] if half else whole)
            await writer.drain()
            if inserts:
                self.begun()
            return b"" if half else await reader.read()
        finally:
            self.inserts -= inserts
            writer.close()

    @contextlib.contextmanager
    def running(self) -> Iterator[FaultyProxy]:
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        try:
            self.up()
            yield self
        finally:
            self.down()
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(10)


def _statement(head: bytes, body: bytes) -> str:
    line = head.split(b"\r\n", 1)[0].decode("latin-1")
    found = re.search(r"[?&]query=([^& ]*)", line)
    return unquote_plus(found[1]) if found else body[:200].decode("latin-1")


def _error(fault: Fault) -> bytes:
    text = f"Code: {fault.code}. DB::Exception: as the test wants it".encode() if fault.code else b"as the test wants it"
    name = f"\r\nX-ClickHouse-Exception-Code: {fault.code}" if fault.code else ""
    head = f"HTTP/1.1 {fault.status} Trouble\r\nConnection: close\r\nContent-Length: {len(text)}{name}\r\n\r\n"
    return head.encode() + text
