"""Wires the enricher: the only place that knows the concrete parts."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from clickhouse_connect.driver import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from ocpplog_common import id_tags, records, topics, tracing
from ocpplog_common.clickhouse import client as clickhouse
from ocpplog_common.clickhouse import tables
from ocpplog_common.clock import SystemClock
from ocpplog_common.compacted import CompactedTable
from ocpplog_common.records import Site
from ocpplog_enricher import agents, connection_agent
from ocpplog_enricher.connection_worker import EVENT_NAME, ConnectionWorker
from ocpplog_enricher.continuity import Continuity
from ocpplog_enricher.dead_letter import DeadLetters
from ocpplog_enricher.domain import schemas
from ocpplog_enricher.domain.pairing import Pairing
from ocpplog_enricher.health import Health
from ocpplog_enricher.settings import EnricherSettings
from ocpplog_enricher.sink import Sink, TableWriter
from ocpplog_enricher.site_policies import SitePolicies
from ocpplog_enricher.warm_up import WarmUp, between
from ocpplog_enricher.worker import Worker

_log = structlog.get_logger(__name__)
_CONNECT_PAUSE_S = 1.0


class Enricher:
    """The parts and their order of starting and stopping. Raises OSError or ValueError for a key file that is of no use."""

    def __init__(self, settings: EnricherSettings) -> None:
        key_file = settings.enricher_id_tag_key_file
        id_tag_key = id_tags.read_key(Path(key_file)) if key_file else b""
        self.settings = settings
        self.failure = agents.Failure()
        self.faust = agents.create_faust(settings)
        timeout_us = int(settings.enricher_answer_timeout_s * 1_000_000)
        kafka = settings.kafka_client()
        self.sites: CompactedTable[Site] = CompactedTable(topics.SITES, records.decode_site, kafka)
        policies = SitePolicies(self.sites, id_tag_key, settings.retention())
        self._history = WarmUp(kafka, Pairing.looks_back_us(timeout_us))
        self._dead_letters = DeadLetters(kafka, settings.kafka_idempotence)
        # Of their own, because of how many there are in a row.
        self._event_dead_letters = DeadLetters(kafka, settings.kafka_idempotence)
        self._store = LateStore()
        self._starting = asyncio.Lock()
        self._started = False
        self._joined = False
        self._health = Health(settings.enricher_health_host, settings.enricher_health_port, self._problem)
        owned = agents.ownership(self.faust, settings).confirmed
        self.worker = Worker(
            new_pairing=lambda: Pairing(policies.admits, timeout_us, settings.limits()),
            policy=policies.policy,
            sink=Sink(self._store, settings.clickhouse_database, settings.enricher_retry_for_s),
            history=self._history,
            dead_letters=self._dead_letters,
            clock=SystemClock(),
            highwater=agents.highwater(self.faust),
            owned=owned,
            finished=agents.finished(self.faust),
            failed=self.failure.report,
            limits=settings.write_limits(),
        )
        events = f"{settings.clickhouse_database}.{tables.CONNECTION_EVENT}"
        writer = TableWriter(self._store, events, settings.enricher_retry_for_s, EVENT_NAME)
        fence = agents.fence(self.faust, owned)
        connections = ConnectionWorker(writer, self._event_dead_letters, fence, policies.event_days)
        continuity = Continuity(partial(between, kafka))
        within_s = settings.enricher_batch_within_s
        connection_agent.wire(self.faust, connections, continuity, self.failure, start=self.start, within_s=within_s)
        agents.wire(self.faust, settings, self.worker, continuity, self.failure, start=self.start, joined=self._on_joined)

    def _on_joined(self) -> None:
        self._joined = True

    async def before(self) -> None:
        """To be called before Faust starts, which would not: waits for Kafka, and tells who asks for its health."""
        await self._health.start()
        await _reach(self.settings.kafka_client())

    async def start(self) -> None:
        """Open what the work needs; waits for ClickHouse. Called by each agent, and again when Faust restarts it."""
        async with self._starting:
            if not self._started:
                await self._start()

    async def _start(self) -> None:
        schemas.load()
        await self._store.open(self.settings)
        await self.sites.start()
        await self._history.start()
        await self._dead_letters.start()
        await self._event_dead_letters.start()
        _settle_memory()
        self._started = True
        _log.info("ready", sites=len(self.sites))

    async def stop(self) -> None:
        parts = (self.worker, self._health, self.sites, self._history, self._dead_letters, self._event_dead_letters, self._store)
        for part in parts:
            try:
                await part.stop()
            except Exception as error:
                _log.warning("while stopping", part=type(part).__name__, error=str(error))

    def _problem(self) -> str:
        if not self._started:
            return "waiting for Kafka or ClickHouse"
        if not self._joined:
            return "not in the consumer group yet"
        return "" if self.failure.error is None else f"failed: {self.failure.error}"


def _settle_memory() -> None:
    """What is there now stays: the collector need not walk through it again. It looks after what comes more seldom than by
    default, because frames and rows make no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)


async def _reach(client: dict[str, Any]) -> None:
    """Returns once a broker answers. `client` are the keyword arguments of an aiokafka client."""
    while True:
        first = AIOKafkaClient(**client)
        try:
            await first.bootstrap()
            return
        except (KafkaError, OSError) as error:
            _log.warning("Kafka does not answer yet", bootstrap=client["bootstrap_servers"], error=str(error)[:200])
        finally:
            await first.close()
        await asyncio.sleep(_CONNECT_PAUSE_S)


class LateStore:
    """ClickHouse's async client, opened once the server answers."""

    def __init__(self) -> None:
        self._client: AsyncClient | None = None

    async def open(self, settings: EnricherSettings) -> None:
        while self._client is None:
            try:
                timeout = settings.enricher_write_timeout_s
                self._client = await clickhouse.connect_async(settings, database="default", send_receive_timeout=timeout)
                clickhouse.check_version(self._client.server_version or "")
            except (ClickHouseError, OSError) as error:
                _log.warning("ClickHouse does not answer yet", url=settings.clickhouse_url, error=str(error)[:200])
                await asyncio.sleep(_CONNECT_PAUSE_S)

    async def stop(self) -> None:
        if self._client:
            await self._client.close()
            self._client = None

    async def raw_insert(
        self, table: str, column_names: Sequence[str], *, insert_block: bytes, settings: dict[str, Any], fmt: str
    ) -> Any:
        assert self._client is not None
        return await self._client.raw_insert(
            table, column_names, insert_block=insert_block, settings=settings, fmt=fmt, transport_settings=tracing.headers()
        )

    async def query(self, query: str, parameters: dict[str, Any]) -> Any:
        assert self._client is not None
        return await self._client.query(query, parameters=parameters)
