"""Handshakes: who comes in, with which subprotocol, connected to which central system."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidHeaderFormat, InvalidStatus, InvalidURI, WebSocketException
from websockets.headers import parse_connection, parse_subprotocol
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ocpplog_common.clock import Clock
from ocpplog_common.records import Charger, ConnectionEvent, ConnectionEventKind
from ocpplog_gateway import auth, handshake, metrics
from ocpplog_gateway.buffer import Recorder
from ocpplog_gateway.errors import Refusal
from ocpplog_gateway.libraries import WEBSOCKET_LOG, UpstreamConnection
from ocpplog_gateway.registry import Registry
from ocpplog_gateway.relay import GOING_AWAY
from ocpplog_gateway.settings import GatewaySettings

_log = structlog.get_logger(__name__)
_AS_THE_UPSTREAM = frozenset({401, 403, 404})
_RETRY_AFTER_S = (5, 30)
_SHOWN_PATH = 120


@dataclass(frozen=True, slots=True)
class Admission:
    """A charger that may come in. `upstream` is None where no subprotocol is in common: then it is closed at once."""

    charger: Charger
    upstream: UpstreamConnection | None
    subprotocol: str


class Gatekeeper:
    """Answers handshakes: `process_request`, `select_subprotocol` and `process_response` of a websockets server.

    `problem` says why nobody may come in now; empty: they may.
    """

    def __init__(
        self, settings: GatewaySettings, registry: Registry, recorder: Recorder, clock: Clock, problem: Callable[[], str]
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._recorder = recorder
        self._clock = clock
        self._problem = problem
        self._admitted: dict[ServerConnection, tuple[Admission, asyncio.Task[None]]] = {}

    def take(self, connection: ServerConnection) -> Admission:
        """The admission of a connection whose handshake is complete."""
        admission, watching = self._admitted.pop(connection)
        watching.cancel()
        return admission

    async def process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        charger_id = ""
        try:
            charger_id = handshake.charger_id(request.path, self._settings.gateway_path)
            if problem := self._problem():
                raise Refusal(503, "not-ready", problem, _retry_after())
            _require_websocket(request)
            admission = await self._admit(charger_id, request)
        except Refusal as refusal:
            return self._refuse(connection, charger_id, refusal, request.path)
        except Exception:
            # The WebSocket library's log is silent, so the traceback of a fault of ours is written here.
            _log.exception("handshake failed", charger=charger_id, peer=peer_of(connection))
            return self._refuse(connection, charger_id, Refusal(500, "internal", "internal error"), request.path)
        # A handshake that breaks after this point never comes to the handler.
        watching = asyncio.create_task(self._abandon_when_lost(connection), name=f"handshake {charger_id}")
        self._admitted[connection] = admission, watching
        return None

    def select_subprotocol(self, connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        admission, _ = self._admitted.get(connection, (None, None))
        return Subprotocol(admission.subprotocol) if admission and admission.subprotocol in offered else None

    def process_response(self, connection: ServerConnection, request: Request, response: Response) -> None:
        """The WebSocket library refuses by itself what is no proper handshake: that is an event like every refusal."""
        if response.status_code == 101 or connection not in self._admitted:
            return
        admission, _ = self._admitted[connection]
        refusal = Refusal(response.status_code, "handshake", (response.body or b"").decode("utf-8", "replace").strip())
        self._announce(connection, admission.charger.charger_id, refusal, request.path)

    async def _admit(self, charger_id: str, request: Request) -> Admission:
        charger = self._registry.charger(charger_id)
        authorization = _authorization(request)
        auth.authenticate(charger, authorization)
        offered = _offered(request)
        if not offered:
            if self._settings.gateway_missing_subprotocol == "refuse":
                raise Refusal(400, "no-subprotocol", "Sec-WebSocket-Protocol is missing: offer ocpp1.6, ocpp2.0.1 or ocpp2.1")
            offered = [self._settings.gateway_missing_subprotocol]
        common = handshake.common_subprotocols(offered)
        if not common:
            return Admission(charger, None, "")
        url = handshake.upstream_url(self._registry.upstream(charger), charger_id)
        upstream = await self._connect(url, common, authorization, _compression(request))
        return Admission(charger, upstream, upstream.subprotocol or "")

    async def _connect(
        self, url: str, subprotocols: list[str], authorization: str | None, compression: str | None
    ) -> UpstreamConnection:
        """Connect to the central system. Raises Refusal: its own 401, 403 or 404, else 503."""
        settings = self._settings
        try:
            # Credentials in the URL are the gateway's own: with the charger's beside them, the header would be there twice.
            passed_on = {"Authorization": authorization} if authorization and not handshake.has_credentials(url) else None
            connection = await connect(
                url,
                subprotocols=[Subprotocol(name) for name in subprotocols],
                additional_headers=passed_on,
                open_timeout=settings.gateway_upstream_timeout_s,
                ping_interval=settings.gateway_ping_interval_s,
                ping_timeout=settings.gateway_ping_timeout_s or None,
                max_size=settings.gateway_max_frame_bytes,
                compression=compression,
                proxy=None,
                logger=WEBSOCKET_LOG,
                create_connection=UpstreamConnection,
            )
            assert isinstance(connection, UpstreamConnection)
            return connection
        except InvalidStatus as error:
            status = error.response.status_code
            if status in _AS_THE_UPSTREAM:
                headers = auth.CHALLENGE if status == 401 else None
                raise Refusal(status, "refused-upstream", f"the central system answered {status}", headers) from error
            raise Refusal(503, "upstream", f"the central system answered {status}", _retry_after()) from error
        except (OSError, TimeoutError, WebSocketException, ValueError) as error:
            # The URL may hold a password, and so may the text of an error about it.
            text = "" if isinstance(error, InvalidURI) else str(error)
            _log.warning("central system not reached", url=_without_credentials(url), error=f"{type(error).__name__}: {text}")
            raise Refusal(503, "upstream", "the central system does not answer", _retry_after()) from error

    def _refuse(self, connection: ServerConnection, charger_id: str, refusal: Refusal, path: str) -> Response:
        self._announce(connection, charger_id, refusal, path)
        response = connection.respond(refusal.status, refusal.text + "\n")
        for name, value in refusal.headers.items():
            response.headers[name] = value
        return response

    def _announce(self, connection: ServerConnection, charger_id: str, refusal: Refusal, path: str) -> None:
        # Without an id, the path is all there is to find the charger by; what may follow it can be a secret.
        asked = "" if charger_id else f" (asked for {path.partition('?')[0][:_SHOWN_PATH]})"
        metrics.REFUSALS.labels(refusal.reason).inc()
        event = ConnectionEvent(
            kind=ConnectionEventKind.REFUSE,
            charger_id=charger_id,
            at=datetime.fromtimestamp(self._clock.now_us() / 1_000_000, UTC),
            gateway_id=self._settings.gateway_id,
            site_id=self._registry.site_of(charger_id),
            peer=peer_of(connection),
            close_code=refusal.status,
            reason=f"{refusal.reason}: {refusal.text}{asked}",
        )
        self._recorder.announce(event)
        _log.info("refused", charger=charger_id, peer=event.peer, status=refusal.status, reason=event.reason)

    async def _abandon_when_lost(self, connection: ServerConnection) -> None:
        await connection.wait_closed()
        admission, _ = self._admitted.pop(connection)
        if admission.upstream:
            await admission.upstream.end(GOING_AWAY, "charger handshake failed")


def peer_of(connection: ServerConnection) -> str:
    """host:port of the other side; empty when it is gone."""
    address = connection.remote_address
    return f"{address[0]}:{address[1]}" if address else ""


def _require_websocket(request: Request) -> None:
    if "websocket" not in request.headers.get("Upgrade", "").lower() or "Sec-WebSocket-Key" not in request.headers:
        raise Refusal(426, "no-websocket", "this is a WebSocket endpoint", {"Upgrade": "websocket"})
    # Some chargers leave out "Connection: Upgrade", without which the WebSocket library refuses them.
    try:
        options = [option.lower() for value in request.headers.get_all("Connection") for option in parse_connection(value)]
    except InvalidHeaderFormat:
        options = []
    if "upgrade" not in options:
        if options:
            del request.headers["Connection"]
        request.headers["Connection"] = "Upgrade"


def _authorization(request: Request) -> str | None:
    found = request.headers.get_all("Authorization")
    if len(found) > 1 or not all(value.isascii() for value in found):
        raise Refusal(401, "no-credentials", "Authorization: not HTTP Basic", auth.CHALLENGE)
    return found[0] if found else None


def _compression(request: Request) -> str | None:
    """What the central system is offered: compression where the charger offered it, as if there were no gateway.

    Offered to all, it would cost memory for each connection, and some central systems get it wrong.
    """
    offered = ",".join(request.headers.get_all("Sec-WebSocket-Extensions"))
    return "deflate" if "permessage-deflate" in offered.lower() else None


def _without_credentials(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def _offered(request: Request) -> list[str]:
    try:
        return [name for value in request.headers.get_all("Sec-WebSocket-Protocol") for name in parse_subprotocol(value)]
    except InvalidHeaderFormat as error:
        raise Refusal(400, "subprotocol", f"Sec-WebSocket-Protocol: {error}") from error


def _retry_after() -> dict[str, str]:
    """Spread out, so that those who were refused together do not come back together."""
    return {"Retry-After": str(random.randint(*_RETRY_AFTER_S))}
