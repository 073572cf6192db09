"""A gateway as a process, a central system that keeps what it got, and what reads the topics: for the gateway's tests."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from aiokafka import AIOKafkaConsumer
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ocpplog_common import records, topics
from ocpplog_common.envelope import Envelope, Source
from ocpplog_common.records import ConnectionEvent, ConnectionEventKind
from ocpplog_local.demo.library import WEBSOCKET_LOG
from support.broker import IDEMPOTENCE
from support.processes import Process, environment, free_port, wait_for_http

OCPP16 = [Subprotocol("ocpp1.6")]
KEY = "0123456789abcdef0123"
HEARTBEAT = '[2,"{}","Heartbeat",{{}}]'


class Gate:
    """A gateway process and its ports."""

    def __init__(self, bootstrap: str, log: Path, **settings: object) -> None:
        self.port, self.health, self.log = free_port(), free_port(), log
        known: dict[str, object] = {
            "kafka_bootstrap": bootstrap,
            "kafka_idempotence": str(IDEMPOTENCE).lower(),
            "gateway_port": self.port,
            "gateway_health_port": self.health,
            "gateway_id": "gw-1",
            "gateway_drain_s": 0.3,
            # Most chargers of these tests have no password.
            "gateway_min_profile": 0,
            "log_level": "debug",
        }
        env = environment({**known, **settings})
        self.process = Process(sys.executable, "-m", "ocpplog_gateway", env=env, log=log)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ocpp"

    def wait(self) -> None:
        try:
            wait_for_http(f"http://127.0.0.1:{self.health}/readyz", self.process)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log.read_text()[-3000:]}") from None

    async def get(self, path: str) -> tuple[int, str]:
        return await asyncio.to_thread(_get, f"http://127.0.0.1:{self.health}{path}")

    async def metric(self, name: str) -> float:
        found = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", (await self.get("/metrics"))[1], re.MULTILINE)
        return sum(float(value) for value in found)

    async def reaches(self, name: str, least: float, most: float = float("inf"), timeout: float = 15) -> None:
        """Wait until a metric is in these bounds."""
        deadline = time.monotonic() + timeout
        while not least <= (found := await self.metric(name)) <= most:
            assert time.monotonic() < deadline, f"{name} is {found}"
            await asyncio.sleep(0.05)

    def __enter__(self) -> Gate:
        self.process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.close()


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@dataclass(frozen=True)
class Bench:
    """Broker, registry and two gateways: one knows its chargers, the other takes whoever comes."""

    bootstrap: str
    upstream_port: int
    real_port: int
    strict: Gate
    lax: Gate

    @property
    def upstream(self) -> str:
        return f"ws://127.0.0.1:{self.upstream_port}/csms"

    async def read(self, topic: str, enough: Callable[[list[Any]], bool], timeout: float = 15) -> list[Any]:
        """The topic's records in order of their offsets, from the beginning, once they are enough."""
        consumer = AIOKafkaConsumer(topic, auto_offset_reset="earliest", bootstrap_servers=self.bootstrap)
        await consumer.start()
        found: list[Any] = []
        try:
            async with asyncio.timeout(timeout):
                while not enough(found):
                    for batch in (await consumer.getmany(timeout_ms=100)).values():
                        found += batch
        except TimeoutError:
            raise AssertionError(f"{topic}: not enough in {len(found)} records: {[r.key for r in found][-20:]}") from None
        finally:
            await consumer.stop()
        return found

    async def frames(self, charger_id: str, count: int) -> list[Envelope]:
        """The frames of a charger, of which there have to be `count` or more, in the order of the topic."""

        def of(found: list[Any]) -> list[Any]:
            return [record for record in found if record.key == charger_id.encode()]

        found = await self.read(topics.FRAMES, lambda found: len(of(found)) >= count)
        return [Envelope.from_record(record.key, record.value, record.headers) for record in of(found)]

    async def all_of(self, topic: str) -> list[Any]:
        """The topic's records, once nothing more comes."""
        quiet = time.monotonic() + 1
        size = 0

        def settled(found: list[Any]) -> bool:
            nonlocal quiet, size
            if len(found) != size:
                size, quiet = len(found), time.monotonic() + 0.5
            return time.monotonic() > quiet

        return await self.read(topic, settled, 30)

    async def everything(self) -> dict[tuple[str, Source], list[bytes]]:
        """All frames, by charger and direction."""
        by_side: dict[tuple[str, Source], list[bytes]] = defaultdict(list)
        for record in await self.all_of(topics.FRAMES):
            envelope = Envelope.from_record(record.key, record.value, record.headers)
            by_side[envelope.charger_id, envelope.source].append(envelope.frame)
        return by_side

    async def events(
        self, charger_id: str, *kinds: ConnectionEventKind, where: Callable[[ConnectionEvent], bool] = lambda _: True
    ) -> list[ConnectionEvent]:
        """The charger's events that `where` holds for, once there are as many as `kinds`, which they have to be."""

        def of(found: list[Any]) -> list[ConnectionEvent]:
            decoded = [records.decode_connection_event(r.value) for r in found if r.key == charger_id.encode()]
            return [event for event in decoded if where(event)]

        found = of(await self.read(topics.CONNECTIONS, lambda found: len(of(found)) >= len(kinds)))
        assert [event.kind for event in found] == list(kinds)
        return found


class Upstream:
    """A central system that takes any text, answers each CALL and keeps what it got."""

    def __init__(self, known: Sequence[str] = ("ocpp1.6",)) -> None:
        self.known = known
        self.greeting: list[str] = []
        self.delay_s = 0.0
        self.connections: dict[str, list[ServerConnection]] = defaultdict(list)
        self.received: dict[str, list[bytes]] = defaultdict(list)
        self.authorizations: dict[str, list[str]] = {}
        self.extensions: dict[str, str | None] = {}
        self.opened = 0

    async def process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        charger_id = _id(request)
        self.authorizations[charger_id] = request.headers.get_all("Authorization")
        self.extensions[charger_id] = request.headers.get("Sec-WebSocket-Extensions")
        await asyncio.sleep(self.delay_s)
        return connection.respond(int(charger_id[7:]), "no\n") if charger_id.startswith("REFUSE-") else None

    def select(self, _: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        return next((name for name in offered if name in self.known), None)

    async def handle(self, connection: ServerConnection) -> None:
        assert connection.request
        charger_id = _id(connection.request)
        self.connections[charger_id].append(connection)
        self.opened += 1
        try:
            for text in self.greeting:
                await connection.send(text)
            while True:
                raw = await connection.recv(decode=False)
                assert isinstance(raw, bytes)
                self.received[charger_id].append(raw)
                if found := re.match(rb'\[2,("[^"]*")', raw):
                    await connection.send(b"[3,%s,{}]" % found[1], text=True)
        except ConnectionClosed:
            self.opened -= 1

    async def gone(self) -> None:
        await until(lambda: self.opened == 0)


def _id(request: Request) -> str:
    return unquote(request.path.rpartition("/")[2])


async def until(condition: Callable[[], bool], timeout: float = 5) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def listening(system: Upstream, port: int, **more: Any) -> AsyncIterator[Server]:
    async with serve(
        system.handle,
        "127.0.0.1",
        port,
        process_request=system.process_request,
        select_subprotocol=system.select,
        max_size=None,
        close_timeout=1,
        logger=WEBSOCKET_LOG,
        **more,
    ) as server:
        yield server


def join(gate: Gate, target: str, offer: Sequence[Subprotocol] | None = OCPP16, **more: Any) -> connect:
    return connect(gate.url + target, subprotocols=offer, proxy=None, max_size=None, close_timeout=2, **more)


async def refused(gate: Gate, target: str, offer: Sequence[Subprotocol] | None = OCPP16, **more: Any) -> Response:
    with pytest.raises(InvalidStatus) as status:
        await join(gate, target, offer, **more)
    return status.value.response


async def closed(socket: ClientConnection) -> tuple[int | None, str | None]:
    await asyncio.wait_for(socket.wait_closed(), 5)
    return socket.close_code, socket.close_reason


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def handshake(target: str, *lines: str, connection: str = "Connection: Upgrade", version: int = 13) -> bytes:
    key = base64.b64encode(b"0123456789abcdef").decode()
    known = ["Host: x", "Upgrade: websocket", connection, f"Sec-WebSocket-Version: {version}", f"Sec-WebSocket-Key: {key}"]
    return "\r\n".join([f"GET /ocpp{target} HTTP/1.1", *filter(None, known), *lines, "", ""]).encode("latin-1")


async def raw(gate: Gate, data: bytes) -> bytes:
    """What answers to `data`, up to the end of the head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    except asyncio.IncompleteReadError as error:
        return error.partial
    finally:
        writer.close()


REFUSE, CONNECT, DISCONNECT = ConnectionEventKind.REFUSE, ConnectionEventKind.CONNECT, ConnectionEventKind.DISCONNECT


class Traffic:
    """Chargers that send as fast as they get answers, or with a pause after each, and keep what they got."""

    def __init__(self, gate: Gate, charger_ids: Sequence[str], pause_s: float = 0) -> None:
        self.received: dict[str, list[bytes]] = {charger_id: [] for charger_id in charger_ids}
        self.codes: list[int | None] = []
        self._stop = False
        self._pause_s = pause_s
        self._tasks = [asyncio.create_task(self._run(gate, charger_id)) for charger_id in charger_ids]

    async def _run(self, gate: Gate, charger_id: str) -> None:
        async with join(gate, f"/{charger_id}") as point:
            with contextlib.suppress(ConnectionClosed):
                for number in range(1_000_000):
                    if self._stop:
                        await point.close()
                    if self._pause_s:
                        await asyncio.sleep(self._pause_s)
                    await point.send(HEARTBEAT.format(number))
                    await point.send(f'[2,"{number}b","StatusNotification",{{}}]')
                    self.received[charger_id].append(str(await point.recv()).encode())
                    self.received[charger_id].append(str(await point.recv()).encode())
            self.codes.append(point.close_code)

    async def flowing(self, each: int = 20) -> None:
        await until(lambda: all(len(found) >= each for found in self.received.values()), 10)

    async def ended(self) -> None:
        await asyncio.wait_for(asyncio.gather(*self._tasks), 10)

    async def stop(self) -> None:
        """Each charger closes once it has its answers."""
        self._stop = True
        await self.ended()
