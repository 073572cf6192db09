"""Handshakes: who comes in, with which subprotocol, connected to which central system."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ocpplog_common.clock import Clock
from ocpplog_common.envelope import new_connection_id
from ocpplog_common.records import Charger, MissingSubprotocol
from ocpplog_gateway import auth, handshake, headers, spans
from ocpplog_gateway.clients import Clients
from ocpplog_gateway.door import Door, GuardedConnection
from ocpplog_gateway.errors import Refusal
from ocpplog_gateway.limits import Connections, Failures, Over
from ocpplog_gateway.peers import Proxies
from ocpplog_gateway.queues import Recorder
from ocpplog_gateway.refusals import Refusals, retry_after
from ocpplog_gateway.registry import Registry
from ocpplog_gateway.relay import GOING_AWAY
from ocpplog_gateway.settings import GatewaySettings
from ocpplog_gateway.sides import Side
from ocpplog_gateway.sockets import UpstreamConnection
from ocpplog_gateway.tls import Tls
from ocpplog_gateway.upstream import Connector

_log = structlog.get_logger(__name__)
_SHOWN_PATH = 120
_TEND_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Admission:
    """A charger that may come in, with its OCPP security profile (0 to 3).

    `upstream` is its central system; None where no subprotocol is in common: then it is closed at once. `registered` says whether
    `ocpp.chargers` has it. `connection_id` is given when the handshake is complete.
    """

    charger: Charger
    upstream: Side | None
    subprotocol: str
    profile: int = 0
    registered: bool = True
    connection_id: str = ""


class Gatekeeper:
    """Answers handshakes: `process_request`, `select_subprotocol` and `process_response` of websockets servers, whose connections
    are `door.connection`. `problem` says why nobody may come in now; empty: they may. `stand_in` makes a central system for a
    subprotocol, for chargers that have none; `gone` is called for every connection that ends.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        registry: Registry,
        recorder: Recorder,
        clock: Clock,
        problem: Callable[[], str],
        tls: Tls,
        stand_in: Callable[[str], Side],
        gone: Callable[[], None],
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._problem = problem
        self._tls = tls
        self._stand_in = stand_in
        self._paths = handshake.Paths(settings.gateway_path)
        self._rules = auth.Rules(settings.gateway_min_profile, settings.gateway_certificate_organisation)
        self._missing = MissingSubprotocol(settings.gateway_missing_subprotocol)
        self._clients = Clients(settings.gateway_client_cert_header, tls.authority, clock)
        self._connector = Connector(settings, tls)
        peers = Failures(settings.gateway_peer_failures, settings.gateway_peer_failures_per_minute)
        chargers = Failures(settings.gateway_charger_failures, settings.gateway_charger_failures_per_minute)
        self._refusals = Refusals(settings.gateway_id, registry.site_of, recorder, clock, peers, chargers)
        places = Connections(settings.gateway_max_connections, settings.gateway_max_connections_per_peer)
        proxies = Proxies(settings.gateway_trusted_proxies)
        self.door = Door(places, proxies, settings.gateway_open_timeout_s, self._failed, gone)
        self._admitted: dict[ServerConnection, tuple[Admission, asyncio.Task[None]]] = {}
        self._answered: set[ServerConnection] = set()
        """Admitted by us, and refused by the library."""

    def take(self, connection: ServerConnection) -> Admission:
        """The admission of a connection whose handshake is complete."""
        admission, watching = self._admitted.pop(connection)
        watching.cancel()
        guarded = _guarded(connection)
        guarded.opened()
        connection_id = new_connection_id(self._clock.now_us())
        refusal = "" if admission.subprotocol else "subprotocol"
        spans.answered(guarded, 101, refusal, site_id=admission.charger.site_id, connection_id=connection_id)
        return replace(admission, connection_id=connection_id)

    async def tend(self) -> None:
        """For good: renew certificates, sum up refusals."""
        while True:
            await asyncio.sleep(_TEND_EVERY_S)
            try:
                self._tls.refresh()
                self._refusals.tell()
            except Exception:
                # Whatever it is: certificates would never be renewed again.
                _log.exception("tending the door failed")

    def finish(self) -> None:
        """Write what is only counted so far."""
        self._refusals.tell()

    async def process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        guarded = _guarded(connection)
        with spans.handshake(guarded):
            return await self._answer(guarded, request)

    async def _answer(self, guarded: GuardedConnection, request: Request) -> Response | None:
        try:
            target = self._enter(guarded, request)
            admission = await self._admit(guarded, target, request)
        except Refusal as refusal:
            return self._refuse(guarded, refusal, request.path)
        except Exception:
            # The WebSocket library's log is silent, so the traceback of a fault of ours is written here.
            _log.exception("handshake failed", charger=guarded.charger_id, peer=guarded.peer.name)
            return self._refuse(guarded, Refusal(500, "internal", "internal error"), request.path)
        # A handshake that breaks after this point never comes to the handler.
        watching = asyncio.create_task(self._abandon_when_lost(guarded), name=f"handshake {guarded.charger_id}")
        self._admitted[guarded] = admission, watching
        return None

    def select_subprotocol(self, connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        admission, _ = self._admitted.get(connection, (None, None))
        return Subprotocol(admission.subprotocol) if admission and admission.subprotocol in offered else None

    def process_response(self, connection: ServerConnection, request: Request, response: Response) -> None:
        """The WebSocket library refuses by itself what is no proper handshake: that is an event like every refusal."""
        if response.status_code == 101 or connection not in self._admitted:
            return
        text = (response.body or b"").decode("utf-8", "replace").strip()
        self._failed(_guarded(connection), Refusal(response.status_code, "handshake", text))
        self._answered.add(connection)

    def _enter(self, connection: GuardedConnection, request: Request) -> handshake.Target:
        """Who comes from where, as far as no charger's record is needed. Raises Refusal."""
        self.door.identify(connection, request.headers)
        self._refusals.check(connection.peer)
        target = self._paths.find(request.path)
        connection.charger_id = target.charger_id
        self._refusals.check(connection.peer, target.charger_id)
        if connection.over is Over.PEER:
            raise Refusal(429, "peer-connections", "too many connections from this address", retry_after())
        if connection.over is Over.GATEWAY:
            raise Refusal(503, "connections", "too many connections", retry_after())
        if problem := self._problem():
            raise Refusal(503, "not-ready", problem, retry_after())
        headers.require_websocket(request)
        return target

    async def _admit(self, connection: GuardedConnection, target: handshake.Target, request: Request) -> Admission:
        charger = self._registry.charger(target.charger_id, target.sites)
        authorization = headers.authorization(request)
        shown = auth.Presented(authorization, connection.tls, self._clients.certificate(connection, request.headers))
        profile = self._rules.admit(charger, shown)
        offered = headers.offered(request)
        if not offered:
            if (charger.missing_subprotocol or self._missing) is MissingSubprotocol.REFUSE:
                raise Refusal(400, "no-subprotocol", "Sec-WebSocket-Protocol is missing: offer ocpp1.6, ocpp2.0.1 or ocpp2.1")
            offered = [MissingSubprotocol.OCPP16.value]
        common = handshake.common_subprotocols(offered)
        admission = Admission(charger, None, "", profile, target.charger_id in self._registry.chargers)
        if not common:
            return admission
        return await self._connect_upstream(connection, replace(admission, subprotocol=common[0]), common, request)

    async def _connect_upstream(
        self, connection: GuardedConnection, admission: Admission, common: Sequence[str], request: Request
    ) -> Admission:
        """The admission with its central system, and the subprotocol that this one chose. Raises Refusal."""
        charger = admission.charger
        upstream = self._registry.upstream(charger)
        if upstream is None:
            return replace(admission, upstream=self._stand_in(admission.subprotocol))
        connecting = self._connector.connect(
            upstream, charger.charger_id, common, headers.authorization(request), headers.compression(request)
        )
        found = await _unless_lost(connection, connecting)
        return replace(admission, upstream=found, subprotocol=found.subprotocol or "")

    def _failed(self, connection: GuardedConnection, refusal: Refusal) -> None:
        self._refusals.record(connection.peer, connection.charger_id, refusal)
        self._trace(connection, refusal)

    def _trace(self, connection: GuardedConnection, refusal: Refusal) -> None:
        site_id = self._registry.site_of(connection.charger_id)
        spans.answered(connection, refusal.status, refusal.reason, site_id=site_id)

    def _refuse(self, connection: GuardedConnection, refusal: Refusal, path: str) -> Response:
        # What may follow the path can be a secret.
        self._refusals.record(connection.peer, connection.charger_id, refusal, path.partition("?")[0][:_SHOWN_PATH])
        self._trace(connection, refusal)
        response = connection.respond(refusal.status, refusal.text + "\n")
        for name, value in refusal.headers.items():
            response.headers[name] = value
        return response

    async def _abandon_when_lost(self, connection: GuardedConnection) -> None:
        await connection.wait_closed()
        admission, _ = self._admitted.pop(connection)
        if connection in self._answered:
            self._answered.discard(connection)
        else:
            self._failed(connection, Refusal(503, "gave-up", "the charger went away before it had its answer"))
        if admission.upstream:
            await admission.upstream.end(GOING_AWAY, "charger handshake failed")


def peer_of(connection: ServerConnection) -> str:
    """Who is on the other side, as the log says it; empty where that is not known."""
    return connection.peer.name if isinstance(connection, GuardedConnection) else ""


def _guarded(connection: ServerConnection) -> GuardedConnection:
    assert isinstance(connection, GuardedConnection)
    return connection


async def _unless_lost(connection: ServerConnection, work: Coroutine[Any, Any, UpstreamConnection]) -> UpstreamConnection:
    """What `work` returns, or Refusal when the charger goes away before: it must not hold a turn that others wait for."""
    connecting = asyncio.create_task(work)
    lost = asyncio.create_task(connection.wait_closed())
    try:
        await asyncio.wait({connecting, lost}, return_when=asyncio.FIRST_COMPLETED)
        if connecting.done():
            return connecting.result()
        raise Refusal(503, "gave-up", "the charger went away before its central system had answered")
    except BaseException:
        connecting.add_done_callback(_end_unused)
        connecting.cancel()
        raise
    finally:
        lost.cancel()


def _end_unused(connecting: asyncio.Task[UpstreamConnection]) -> None:
    if not connecting.cancelled() and not connecting.exception():
        _ending.add(task := asyncio.create_task(connecting.result().end(GOING_AWAY, "charger handshake failed")))
        task.add_done_callback(_ending.discard)


_ending: set[asyncio.Task[None]] = set()
"""The loop itself holds tasks weakly."""
