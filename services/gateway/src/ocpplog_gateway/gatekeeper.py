"""Handshakes: who comes in, with which subprotocol, connected to which central system."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidHandshake, InvalidHeaderFormat, InvalidStatus
from websockets.headers import parse_subprotocol
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ocpplog_common.clock import Clock
from ocpplog_common.records import Charger, ConnectionEvent, ConnectionEventKind
from ocpplog_gateway import auth, handshake, metrics
from ocpplog_gateway.errors import Refusal
from ocpplog_gateway.publisher import Publisher
from ocpplog_gateway.registry import Registry
from ocpplog_gateway.settings import GatewaySettings

_log = structlog.get_logger(__name__)
_AS_THE_UPSTREAM = frozenset({401, 403, 404})
_RETRY_AFTER_S = (5, 30)
_HANDSHAKE_FAILED = 1001


@dataclass(frozen=True, slots=True)
class Admission:
    """A charger that may come in. `upstream` is None where no subprotocol is in common: then it is closed at once."""

    charger: Charger
    upstream: ClientConnection | None
    subprotocol: str


class Gatekeeper:
    """Answers handshakes: `process_request` and `select_subprotocol` of a websockets server."""

    def __init__(
        self, settings: GatewaySettings, registry: Registry, publisher: Publisher, clock: Clock, draining: Callable[[], bool]
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._publisher = publisher
        self._clock = clock
        self._draining = draining
        self._admitted: dict[ServerConnection, Admission] = {}

    def take(self, connection: ServerConnection) -> Admission:
        """The admission of a connection whose handshake is complete."""
        return self._admitted.pop(connection)

    async def process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        charger_id = ""
        try:
            if self._draining():
                raise Refusal(503, "stopping", "the gateway is stopping", _retry_after())
            charger_id = handshake.charger_id(request.path, self._settings.gateway_path)
            _require_websocket(request)
            admission = await self._admit(charger_id, request)
        except Refusal as refusal:
            return self._refuse(connection, charger_id, refusal)
        self._admitted[connection] = admission
        # A handshake that breaks after this point never comes to the handler.
        asyncio.get_running_loop().call_later(self._settings.gateway_open_timeout_s, self._abandon, connection, admission)
        return None

    def select_subprotocol(self, connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        admission = self._admitted.get(connection)
        return Subprotocol(admission.subprotocol) if admission and admission.subprotocol in offered else None

    async def _admit(self, charger_id: str, request: Request) -> Admission:
        charger = self._registry.charger(charger_id)
        authorization = request.headers.get("Authorization")
        auth.authenticate(charger, authorization)
        offered = _offered(request)
        if not offered:
            if self._settings.gateway_missing_subprotocol == "refuse":
                raise Refusal(400, "no-subprotocol", "Sec-WebSocket-Protocol is missing: offer ocpp1.6, ocpp2.0.1 or ocpp2.1")
            offered = [self._settings.gateway_missing_subprotocol]
        common = handshake.common_subprotocols(offered)
        if not common:
            return Admission(charger, None, "")
        upstream = await self._connect(
            handshake.upstream_url(self._registry.upstream(charger), charger_id), common, authorization
        )
        return Admission(charger, upstream, upstream.subprotocol or "")

    async def _connect(self, url: str, subprotocols: list[str], authorization: str | None) -> ClientConnection:
        """Connect to the central system. Raises Refusal: its own 401, 403 or 404, else 503."""
        settings = self._settings
        try:
            return await connect(
                url,
                subprotocols=[Subprotocol(name) for name in subprotocols],
                additional_headers={"Authorization": authorization} if authorization else None,
                open_timeout=settings.gateway_upstream_timeout_s,
                ping_interval=settings.gateway_ping_interval_s,
                ping_timeout=settings.gateway_ping_timeout_s or None,
                max_size=settings.gateway_max_frame_bytes,
                proxy=None,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            if status in _AS_THE_UPSTREAM:
                raise Refusal(status, "refused-upstream", f"the central system answered {status}") from error
            raise Refusal(503, "upstream", f"the central system answered {status}", _retry_after()) from error
        except (OSError, TimeoutError, InvalidHandshake, ValueError) as error:
            _log.warning("central system not reached", url=url, error=str(error))
            raise Refusal(503, "upstream", "the central system does not answer", _retry_after()) from error

    def _refuse(self, connection: ServerConnection, charger_id: str, refusal: Refusal) -> Response:
        metrics.REFUSALS.labels(refusal.reason).inc()
        event = ConnectionEvent(
            kind=ConnectionEventKind.REFUSE,
            charger_id=charger_id,
            at=datetime.fromtimestamp(self._clock.now_us() / 1_000_000, UTC),
            gateway_id=self._settings.gateway_id,
            peer=peer_of(connection),
            close_code=refusal.status,
            reason=f"{refusal.reason}: {refusal.text}",
        )
        self._publisher.announce(event)
        _log.info("refused", charger=charger_id, peer=event.peer, status=refusal.status, reason=event.reason)
        response = connection.respond(refusal.status, refusal.text + "\n")
        for name, value in refusal.headers.items():
            response.headers[name] = value
        return response

    def _abandon(self, connection: ServerConnection, admission: Admission) -> None:
        if self._admitted.pop(connection, None) and admission.upstream:
            asyncio.get_running_loop().create_task(admission.upstream.close(_HANDSHAKE_FAILED, "charger handshake failed"))


def peer_of(connection: ServerConnection) -> str:
    """host:port of the other side; empty when it is gone."""
    address = connection.remote_address
    return f"{address[0]}:{address[1]}" if address else ""


def _require_websocket(request: Request) -> None:
    if "websocket" not in request.headers.get("Upgrade", "").lower() or "Sec-WebSocket-Key" not in request.headers:
        raise Refusal(426, "no-websocket", "this is a WebSocket endpoint", {"Upgrade": "websocket"})


def _offered(request: Request) -> list[str]:
    try:
        return [name for value in request.headers.get_all("Sec-WebSocket-Protocol") for name in parse_subprotocol(value)]
    except InvalidHeaderFormat as error:
        raise Refusal(400, "subprotocol", f"Sec-WebSocket-Protocol: {error}") from error


def _retry_after() -> dict[str, str]:
    """Spread out, so that those who were refused together do not come back together."""
    return {"Retry-After": str(random.randint(*_RETRY_AFTER_S))}
