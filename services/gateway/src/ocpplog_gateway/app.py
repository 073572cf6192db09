"""Wires the gateway: the only place that knows the concrete parts."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable

import structlog
from aiokafka.errors import KafkaError
from websockets.asyncio.server import Server, ServerConnection, serve

from ocpplog_common import records, topics
from ocpplog_common.clock import SystemClock
from ocpplog_common.compacted import CompactedTable
from ocpplog_common.records import Charger, Site
from ocpplog_gateway import tls
from ocpplog_gateway.central_system import CentralSystem
from ocpplog_gateway.errors import GatewayError
from ocpplog_gateway.garbage import Collector
from ocpplog_gateway.gatekeeper import Gatekeeper
from ocpplog_gateway.health import serve_health
from ocpplog_gateway.libraries import WEBSOCKET_LOG
from ocpplog_gateway.newcomers import Newcomers
from ocpplog_gateway.recorder import KafkaRecorder
from ocpplog_gateway.registry import Registry, Upstream
from ocpplog_gateway.relay import Limits
from ocpplog_gateway.session import Session
from ocpplog_gateway.sessions import Sessions
from ocpplog_gateway.settings import GatewaySettings
from ocpplog_gateway.sockets import ChargerConnection
from ocpplog_gateway.stand_in import StandIn
from ocpplog_gateway.tls import FromFiles

_log = structlog.get_logger(__name__)
_KAFKA_PAUSE_S = 1.0
_END_WITHIN_S = 10.0
_LINGER_S = 1.0


class Gateway:
    """`run` serves until `stop` is set, then drains."""

    def __init__(self, settings: GatewaySettings) -> None:
        """Raises GatewayError for certificates that cannot be read."""
        self._settings = settings
        self._clock = SystemClock()
        self._tls = tls.load(settings)
        kafka = settings.kafka_client()
        self._sites: CompactedTable[Site] = CompactedTable(topics.SITES, records.decode_site, kafka)
        self._chargers: CompactedTable[Charger] = CompactedTable(topics.CHARGERS, records.decode_charger, kafka)
        self._sessions = Sessions(Limits(settings.gateway_max_in_flight, spread_s=settings.gateway_spread_s))
        self._newcomers = Newcomers(kafka, self._sessions.connected_elsewhere)
        self._recorder: KafkaRecorder | None = None
        self._state = "waiting for Kafka"

    async def run(self, stop: asyncio.Event) -> None:
        """Raises OSError where a port is taken, GatewayError where only a new process can go on."""
        settings = self._settings
        async with await serve_health(settings.gateway_health_host, settings.gateway_health_port, lambda: self._problem()):
            recorder = await self._start_kafka_unless(stop)
            if recorder is None:
                return
            self._recorder = recorder
            try:
                await self._serve(recorder, stop)
            finally:
                await self._stop_kafka(recorder)

    def _problem(self) -> str:
        """Why no charger is taken; empty: they are. In mode `hold`, Kafka's silence is no reason: charging goes on."""
        if self._state or self._recorder is None:
            return self._state
        return self._recorder.problem() if self._settings.gateway_mode == "strict" else ""

    async def _start_kafka_unless(self, stop: asyncio.Event) -> KafkaRecorder | None:
        """`_start_kafka`, which may wait for good for a topic; None where stopped before."""
        starting = asyncio.create_task(self._start_kafka())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if starting.done():
            return starting.result()
        starting.cancel()
        await asyncio.wait({starting}, timeout=_END_WITHIN_S)
        return None

    async def _start_kafka(self) -> KafkaRecorder:
        """Wait for Kafka and load the registry."""
        while True:
            recorder = KafkaRecorder(self._settings)
            try:
                await recorder.start()
                await self._sites.start()
                await self._chargers.start()
                await self._newcomers.start()
                _log.info("registry loaded", sites=len(self._sites), chargers=len(self._chargers))
                return recorder
            except BaseException as error:
                with contextlib.suppress(GatewayError):
                    await self._stop_kafka(recorder)
                if not isinstance(error, KafkaError | OSError):
                    raise
                _log.warning("Kafka does not answer yet", bootstrap=self._settings.kafka_bootstrap, error=str(error))
                await asyncio.sleep(_KAFKA_PAUSE_S)

    async def _stop_kafka(self, recorder: KafkaRecorder) -> None:
        # aiokafka's consumer raises whatever its tasks were at, CancelledError included, while Kafka is away.
        stopping = asyncio.gather(
            self._sites.stop(), self._chargers.stop(), self._newcomers.stop(), recorder.stop(), return_exceptions=True
        )
        *failures, left = await stopping
        for failure in failures:
            if failure:
                _log.warning("Kafka client did not stop cleanly", error=repr(failure))
        if left:
            raise GatewayError(f"Kafka did not take what still waited at the end: {left}")

    async def _serve(self, recorder: KafkaRecorder, stop: asyncio.Event) -> None:
        settings = self._settings
        upstream = Upstream(settings.gateway_upstream, settings.gateway_upstream_credentials)
        registry = Registry(self._sites, self._chargers, settings.gateway_default_site, upstream)
        collector = Collector(lambda: len(self._sessions))
        gatekeeper = Gatekeeper(
            settings, registry, recorder, self._clock, self._problem, self._tls, self._stand_in, collector.gone
        )

        async def handle(connection: ServerConnection) -> None:
            assert isinstance(connection, ChargerConnection)
            session = Session(connection, gatekeeper.take(connection), recorder, self._clock, settings.gateway_id)
            try:
                await self._sessions.keep(session)
            except Exception:
                _log.exception("connection failed", charger=session.charger_id, connection=session.connection_id)

        tending = asyncio.create_task(gatekeeper.tend(), name="tend the door")
        collecting = asyncio.create_task(collector.run(), name="collect garbage")
        try:
            servers = await self._listen(gatekeeper, handle)
            self._state = ""
            await stop.wait()
            self._state = "the gateway is stopping"
            for server in servers:
                server.close(close_connections=False)
            await self._sessions.drain(settings.gateway_drain_s)
            # Whoever only opened a TCP connection, or does not close, must not keep the process.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LINGER_S):
                    await asyncio.gather(*(server.wait_closed() for server in servers))
        finally:
            tending.cancel()
            collecting.cancel()
            gatekeeper.finish()

    def _stand_in(self, subprotocol: str) -> StandIn:
        assert self._recorder
        interval_s = self._settings.gateway_heartbeat_interval_s
        return StandIn(CentralSystem(subprotocol, self._clock, self._recorder.transaction_id, interval_s))

    async def _listen(self, gatekeeper: Gatekeeper, handle: Callable[[ServerConnection], Awaitable[None]]) -> list[Server]:
        """Raises OSError where a port is taken."""
        settings = self._settings
        listeners: list[tuple[int, FromFiles[ssl.SSLContext] | None]] = []
        if settings.gateway_plain:
            listeners.append((settings.gateway_port, None))
        if self._tls.listener:
            listeners.append((settings.gateway_tls_port, self._tls.listener))
        servers = []
        for port, secured in listeners:
            server = await serve(
                handle,
                settings.gateway_host,
                port,
                process_request=gatekeeper.process_request,
                select_subprotocol=gatekeeper.select_subprotocol,
                process_response=gatekeeper.process_response,
                open_timeout=settings.gateway_open_timeout_s,
                ping_interval=settings.gateway_ping_interval_s,
                ping_timeout=settings.gateway_ping_timeout_s or None,
                max_size=settings.gateway_max_frame_bytes,
                backlog=settings.gateway_backlog,
                server_header=None,
                logger=WEBSOCKET_LOG,
                create_connection=gatekeeper.door.connection(secured),
            )
            servers.append(server)
            _log.info("listening", host=settings.gateway_host, port=server.sockets[0].getsockname()[1], tls=bool(secured))
        return servers
