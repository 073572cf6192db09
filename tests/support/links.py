"""TCP connections between two processes that are as bad as they are told to be: slow, stuck, deaf, cut, refused."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from support.processes import free_port

_CHUNK = 65536
Translate = Callable[[bytes], bytes]


class Link:
    """Listens on a port of its own and passes on to `target`. `delay_s` passes before each piece of either direction.

    `translate` is given each answer of a server that puts four bytes of length before them, as Kafka does, and may change it,
    but not its length.
    """

    def __init__(self, target: int, translate: Translate | None = None) -> None:
        self.port = free_port()
        self.delay_s = 0.0
        self._target = target
        self._translate = translate
        self._asks, self._answers = asyncio.Event(), asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.clear()

    # The weather

    def clear(self) -> None:
        self.delay_s = 0.0
        self._asks.set()
        self._answers.set()

    def stick(self) -> None:
        """Nothing passes any more, and connections stay open."""
        self._asks.clear()
        self._answers.clear()

    def deafen(self) -> None:
        """What the client says arrives, and no answer comes back."""
        self._answers.clear()

    def cut(self) -> None:
        """Break off what is open, as a mobile network does; what had not passed yet is lost."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def down(self) -> None:
        """Refuse connections from now on, and break off what is open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()

    async def up(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    # What passes

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError):
                await self._pass_on(reader, writer)
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until one side ends; then the other is ended, once it has what was on its way."""
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers.add(back)
        try:
            ways = [self._pump(reader, back, self._asks, None), self._pump(there, writer, self._answers, self._translate)]
            tasks = [asyncio.create_task(way) for way in ways]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._writers.discard(back)
            back.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, open_: asyncio.Event, translate: Translate | None
    ) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while data := await self._piece(reader, translate):
                await open_.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(data)
                await writer.drain()
            # What was written leaves before the connection ends.
            writer.write_eof()
            await asyncio.sleep(0.05)

    async def _piece(self, reader: asyncio.StreamReader, translate: Translate | None) -> bytes:
        if translate is None:
            return await reader.read(_CHUNK)
        size = await reader.readexactly(4)
        return size + translate(await reader.readexactly(int.from_bytes(size, "big")))

    async def close(self) -> None:
        await self.down()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class KafkaLinks:
    """What lies between one client of Kafka and all of its nodes: `links` by the nodes' ports.

    A node names itself and the others in its answers; those names are changed so that the client comes back through here.
    """

    def __init__(self, nodes: Sequence[int]) -> None:
        self.links = {node: Link(node, self._renamed) for node in nodes}

    @property
    def bootstrap(self) -> str:
        return ",".join(f"127.0.0.1:{link.port}" for link in self.links.values())

    def all(self) -> list[Link]:
        return list(self.links.values())

    def _renamed(self, answer: bytes) -> bytes:
        for node, link in self.links.items():
            answer = answer.replace(_named(node), _named(link.port))
        return answer


def _named(port: int) -> bytes:
    """As a host and a port (INT32) stand in Metadata and FindCoordinator."""
    return b"127.0.0.1" + port.to_bytes(4, "big")


@contextlib.asynccontextmanager
async def up(links: Sequence[Link]) -> AsyncIterator[None]:
    try:
        for link in links:
            await link.up()
        yield
    finally:
        for link in links:
            await link.close()
