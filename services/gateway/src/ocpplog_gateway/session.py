"""One charger's connection, from the completed handshake to the disconnect event."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from ocpplog_common.clock import Clock
from ocpplog_common.envelope import Connection, Source
from ocpplog_common.records import ConnectionEvent, ConnectionEventKind
from ocpplog_gateway import metrics
from ocpplog_gateway.gatekeeper import Admission, peer_of
from ocpplog_gateway.queues import Recorder
from ocpplog_gateway.relay import GOING_AWAY, INTERNAL_ERROR, Closing, Limits, Relay
from ocpplog_gateway.sockets import ChargerConnection, UpstreamConnection

_log = structlog.get_logger(__name__)
_PROTOCOL_ERROR = 1002


class Session:
    """The state of a connection; nothing of it outlives the connection."""

    def __init__(
        self, connection: ChargerConnection, admission: Admission, recorder: Recorder, clock: Clock, gateway_id: str
    ) -> None:
        self._connection = connection
        self._admission = admission
        self._recorder = recorder
        self._clock = clock
        self._gateway_id = gateway_id
        self._opened_us = clock.now_us()
        self._closed_because = ""
        self._relay: Relay | None = None
        self.connection_id = admission.connection_id
        self.charger_id = admission.charger.charger_id

    @property
    def relays(self) -> bool:
        """Whether there is a central system to relay to: with no subprotocol in common there is none."""
        return bool(self._admission.upstream and self._admission.subprotocol)

    async def run(self, limits: Limits) -> None:
        """Relay until one side ends."""
        upstream = self._admission.upstream
        if upstream is None or not self._admission.subprotocol:
            await self._no_common_subprotocol()
            return
        self._connection.named = self._context()
        if isinstance(upstream, UpstreamConnection):
            upstream.named = self._context()
        self._relay = relay = Relay(self._connection, upstream, self._recorder, self._wire_connection(), self._clock, limits)
        self._announce(ConnectionEventKind.CONNECT)
        _log.info("connected", **self._context())
        metrics.CONNECTIONS.labels(self._admission.subprotocol).inc()
        try:
            closing = await relay.run()
        except Exception:
            _log.exception("relay failed", **self._context())
            closing = relay.closing or Closing(Source.CHARGER, INTERNAL_ERROR, "internal error", ours=True)
        finally:
            metrics.CONNECTIONS.labels(self._admission.subprotocol).dec()
        self._disconnected(relay, closing)

    async def close(self, code: int, reason: str) -> None:
        """End the connection from our side; `reason` is what the log says."""
        if self._relay is None or self._relay.closing is None:
            # Who ended it before stays who ended it, however long the rest takes.
            self._closed_because = reason
        await self._connection.end(code, reason)

    async def _no_common_subprotocol(self) -> None:
        """Complete the handshake without one, then close: OCPP-J 1.6 section 3.2, 2.0.1 part 4 also 3.2, 2.1 there 3.3."""
        reason = "no subprotocol in common"
        if self._admission.upstream:
            await self._admission.upstream.end(GOING_AWAY, reason)
        await self._connection.end(_PROTOCOL_ERROR, reason)
        metrics.REFUSALS.labels("subprotocol").inc()
        self._announce(ConnectionEventKind.REFUSE, close_code=_PROTOCOL_ERROR, reason=reason)
        _log.info("refused", reason=reason, **self._context())

    def _wire_connection(self) -> Connection:
        known = self._admission
        charger_id, site_id = self.charger_id, known.charger.site_id
        return Connection(charger_id, site_id, known.subprotocol, self.connection_id, self._gateway_id, known.registered)

    def _disconnected(self, relay: Relay, closing: Closing) -> None:
        reason = self._closed_because or closing.reason
        closed_by = "gateway" if self._closed_because or closing.ours else closing.by.value
        self._announce(
            ConnectionEventKind.DISCONNECT,
            close_code=closing.code,
            closed_by=closed_by,
            reason=reason,
            duration_s=(self._clock.now_us() - self._opened_us) / 1_000_000,
            frames_from_charger=relay.frames[Source.CHARGER],
            frames_from_csms=relay.frames[Source.CSMS],
        )
        _log.info("disconnected", code=closing.code, by=closed_by, reason=reason, **self._context())

    def _announce(self, kind: ConnectionEventKind, **more: object) -> None:
        known = {
            "kind": kind,
            "charger_id": self.charger_id,
            "at": datetime.fromtimestamp(self._clock.now_us() / 1_000_000, UTC),
            "gateway_id": self._gateway_id,
            "site_id": self._admission.charger.site_id,
            "connection_id": self.connection_id,
            "peer": peer_of(self._connection),
            "subprotocol": self._admission.subprotocol,
            "profile": self._admission.profile,
            "registered": self._admission.registered,
        }
        self._recorder.announce(ConnectionEvent(**known, **more))  # type: ignore[arg-type]

    def _context(self) -> dict[str, str]:
        return {
            "charger": self.charger_id,
            "site": self._admission.charger.site_id,
            "connection": self.connection_id,
            "subprotocol": self._admission.subprotocol,
        }
