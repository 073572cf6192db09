"""The central system's WebSocket side: who is connected, and the commands that go out."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import unquote

import structlog
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from ocpplog_local.demo.central_system.commands import Circumstances, build
from ocpplog_local.demo.central_system.plan import Plans, Step
from ocpplog_local.demo.central_system.transactions import TransactionIds
from ocpplog_local.demo.central_system.v2 import CentralSystem21, CentralSystem201
from ocpplog_local.demo.central_system.v16 import CentralSystem16
from ocpplog_local.demo.errors import DemoError, NotConnectedError
from ocpplog_local.demo.library import WEBSOCKET_LOG
from ocpplog_local.demo.stamps import Now, utc_now
from ocpplog_local.demo.wire import RecordedConnection, WireFrame

Peer = CentralSystem16 | CentralSystem201 | CentralSystem21

_SUBPROTOCOLS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
# Far above any OCPP message, and above what a gateway in front lets through: it shall be the one that decides.
_MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_OPEN_TIMEOUT_S = 10
_CLOSE_TIMEOUT_S = 2
# Some chargers never answer a ping, so that one without an answer must not end the connection.
_PING_INTERVAL_S = 30

log = structlog.get_logger()


class CentralSystem:
    """Serves connections and knows the latest one of each charger. `record`: it also keeps every frame."""

    def __init__(self, commands: Plans | None = None, now: Now = utc_now, seed: int = 1, record: bool = False) -> None:
        self._plans = commands
        self._now = now
        self._rng = random.Random(seed)
        self._transactions = TransactionIds(now)
        self._peers: dict[str, Peer] = {}
        self._record = record
        self._wires: dict[str, list[RecordedConnection]] = defaultdict(list)
        self._changed = asyncio.Condition()
        self.port = 0

    @property
    def url(self) -> str:
        """To which a charger id is added."""
        return f"ws://127.0.0.1:{self.port}/ocpp"

    def connected(self) -> list[str]:
        return sorted(self._peers)

    def frames(self, charger_id: str) -> list[WireFrame]:
        """What went over the charger's connections, oldest first; empty unless recorded."""
        return [frame for wire in self._wires.get(charger_id, ()) for frame in wire.frames]

    async def wait_for(self, charger_id: str, timeout: float = 10) -> None:
        """Return once the charger is connected; `TimeoutError` after `timeout` seconds."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: charger_id in self._peers)

    async def send(self, charger_id: str, request: Any) -> Any:
        """Send a request (a dataclass of `ocpp.v16.call`, or of the charger's version) and return its response.

        Raises `NotConnectedError`, `RefusedError` on a CALLERROR, or `NoAnswerError`.
        """
        peer = self._peers.get(charger_id)
        if peer is None:
            raise NotConnectedError(charger_id)
        return await peer.request(request)

    async def serve_connection(self, websocket: ServerConnection) -> None:
        """Handle one connection until it closes."""
        peer = self._peer(websocket)
        await self._arrived(peer)
        commands = asyncio.create_task(self._follow_plan(peer))
        try:
            await peer.start()
        except ConnectionClosed as closed:
            log.info("charger gone", charger=peer.id, close_code=closed.rcvd.code if closed.rcvd else None)
        except Exception:
            log.exception("connection failed", charger=peer.id)
        finally:
            commands.cancel()
            self._left(peer)

    def _peer(self, websocket: ServerConnection) -> Peer:
        charger_id = _charger_id(websocket)
        wire = self._wire(charger_id, websocket)
        log.info("charger connected", charger=charger_id, subprotocol=websocket.subprotocol)
        if websocket.subprotocol == "ocpp2.0.1":
            return CentralSystem201(charger_id, wire, self._now)
        if websocket.subprotocol == "ocpp2.1":
            return CentralSystem21(charger_id, wire, self._now)
        return CentralSystem16(charger_id, wire, self._transactions, self._now)

    def _wire(self, charger_id: str, websocket: ServerConnection) -> RecordedConnection:
        wire = RecordedConnection(websocket, keep=None if self._record else 0)
        if self._record:
            self._wires[charger_id].append(wire)
        return wire

    async def _arrived(self, peer: Peer) -> None:
        async with self._changed:
            self._peers[peer.id] = peer
            self._changed.notify_all()

    def _left(self, peer: Peer) -> None:
        # A charger may be back on a new connection before the old one is seen to be dead.
        if self._peers.get(peer.id) is peer:
            del self._peers[peer.id]

    async def _follow_plan(self, peer: Peer) -> None:
        if self._plans is None or not isinstance(peer, CentralSystem16):
            return
        await peer.booted.wait()
        for step in self._plans(peer.id):
            await asyncio.sleep(step.delay_s)
            await self._take(step, peer)

    async def _take(self, step: Step, peer: CentralSystem16) -> None:
        """Send one command. Whatever comes of it, the connection and the plan go on."""
        request = build(step.command, Circumstances(peer.view, self._rng, self._now()))
        if request is None:
            return
        try:
            answer = await peer.request(request)
            log.info("command", charger=peer.id, command=step.command.value, status=getattr(answer, "status", ""))
        except DemoError as error:
            log.info("command failed", charger=peer.id, command=step.command.value, error=str(error))


@contextlib.asynccontextmanager
async def central_system(
    port: int = 0,
    commands: Plans | None = None,
    host: str = "127.0.0.1",
    now: Now = utc_now,
    seed: int = 1,
    record: bool = False,
) -> AsyncIterator[CentralSystem]:
    """A running central system. `port` 0 takes a free one. On leaving, connections are closed with 1001."""
    system = CentralSystem(commands, now, seed, record)
    async with _listen(system, host, port) as server:
        system.port = next(iter(server.sockets)).getsockname()[1]
        yield system


def _listen(system: CentralSystem, host: str, port: int) -> Any:
    return serve(
        system.serve_connection,
        host,
        port,
        select_subprotocol=_select_subprotocol,
        open_timeout=_OPEN_TIMEOUT_S,
        close_timeout=_CLOSE_TIMEOUT_S,
        ping_interval=_PING_INTERVAL_S,
        ping_timeout=None,
        max_size=_MAX_MESSAGE_BYTES,
        logger=WEBSOCKET_LOG,
    )


def _select_subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """The charger's first choice among those known; none, instead of a refusal, where it offers none of them."""
    return next((Subprotocol(name) for name in offered if name in _SUBPROTOCOLS), None)


def _charger_id(websocket: ServerConnection) -> str:
    path = websocket.request.path if websocket.request else ""
    return unquote(path.partition("?")[0].rstrip("/").rpartition("/")[2])
