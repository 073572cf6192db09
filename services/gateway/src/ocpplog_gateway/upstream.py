"""Connections to central systems."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from weakref import WeakValueDictionary

import structlog
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, InvalidURI, WebSocketException
from websockets.typing import Subprotocol

from ocpplog_gateway import auth, handshake, metrics, spans
from ocpplog_gateway.credentials import Credentials
from ocpplog_gateway.errors import CredentialsError, Refusal
from ocpplog_gateway.libraries import WEBSOCKET_LOG
from ocpplog_gateway.refusals import retry_after
from ocpplog_gateway.registry import Upstream
from ocpplog_gateway.settings import GatewaySettings
from ocpplog_gateway.sockets import UpstreamConnection
from ocpplog_gateway.tls import Tls

_log = structlog.get_logger(__name__)
_AS_THE_UPSTREAM = frozenset({401, 403, 404})
_OF_OPEN_TIMEOUT = 0.9
"""What a charger's handshake leaves to the central system: there has to be time to say that it did not work."""


class Connector:
    """Opens connections to central systems, few at once to each: a fleet that comes back after a power cut waits its turn, and
    a central system that does not answer holds up nobody else's."""

    def __init__(self, settings: GatewaySettings, tls: Tls) -> None:
        self._settings = settings
        self._tls = tls
        self._credentials = Credentials(settings.gateway_credentials_dir)
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def connect(
        self, upstream: Upstream, charger_id: str, subprotocols: Sequence[str], authorization: str | None, compression: str | None
    ) -> UpstreamConnection:
        """Raises Refusal: the central system's own 401, 403 or 404, else 503. `authorization`: the charger's header."""
        url = handshake.upstream_url(upstream.url, charger_id)
        headers = self._authorization(upstream, authorization)
        turn = self._turn_at(upstream)
        try:
            async with asyncio.timeout(self._settings.gateway_open_timeout_s * _OF_OPEN_TIMEOUT), turn:
                with spans.upstream(url):
                    return await self._open(url, subprotocols, headers, compression)
        except InvalidStatus as error:
            raise _refused(error.response.status_code) from error
        except (OSError, TimeoutError, WebSocketException, ValueError) as error:
            if not turn.came:
                text = "too many handshakes with the central system are under way"
                raise Refusal(503, "upstream-busy", text, retry_after()) from error
            # The URL may hold a password, and so may the text of an error about it.
            text = "" if isinstance(error, InvalidURI) else str(error)
            _log.warning("central system not reached", url=_without_credentials(url), error=f"{type(error).__name__}: {text}")
            raise Refusal(503, "upstream", "the central system does not answer", retry_after()) from error

    def _turn_at(self, upstream: Upstream) -> _Turn:
        known = asyncio.Semaphore(self._settings.gateway_max_upstream_handshakes)
        return _Turn(self._turns.setdefault(upstream.url.partition("://")[2].partition("/")[0], known))

    def _authorization(self, upstream: Upstream, authorization: str | None) -> dict[str, str]:
        """The gateway's own credentials for this central system, else the charger's: never two such headers."""
        if upstream.credentials:
            try:
                return {"Authorization": self._credentials.authorization(upstream.credentials)}
            except CredentialsError as error:
                _log.error("central system not reached", error=str(error))
                raise Refusal(503, "upstream-credentials", "no credentials for the central system", retry_after()) from error
        if authorization and not handshake.has_credentials(upstream.url):
            return {"Authorization": authorization}
        return {}

    async def _open(
        self, url: str, subprotocols: Sequence[str], headers: dict[str, str], compression: str | None
    ) -> UpstreamConnection:
        settings = self._settings
        connection = await _Connect(
            url,
            subprotocols=[Subprotocol(name) for name in subprotocols],
            additional_headers=headers,
            ssl=self._tls.upstream.value if url.lower().startswith("wss:") else None,
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


class _Connect(connect):
    """Follows no redirects: they would take the credentials along, to whatever host they name."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _Turn:
    """A place at the semaphore, waited for in the order of coming and shown while waited for."""

    def __init__(self, turns: asyncio.Semaphore) -> None:
        self._turns = turns
        self.came = False

    async def __aenter__(self) -> None:
        with metrics.UPSTREAM_WAITING.track_inprogress():
            await self._turns.acquire()
        self.came = True

    async def __aexit__(self, *_: object) -> None:
        self._turns.release()


def _refused(status: int) -> Refusal:
    if status in _AS_THE_UPSTREAM:
        headers = auth.CHALLENGE if status == 401 else None
        return Refusal(status, "refused-upstream", f"the central system answered {status}", headers)
    return Refusal(503, "upstream", f"the central system answered {status}", retry_after())


def _without_credentials(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
