"""The whole pipeline, each part a process, with a link that can fail between any two that speak to each other."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import clickhouse_connect
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from clickhouse_connect.driver import Client

from faults.pipeline.gateways import Gateway
from faults.pipeline.scenarios import DEFAULT_SITE, SCENARIOS, SITES, Fleet
from faults.rig import PARTITIONS, Enricher, Rig
from ocpplog_common import tokens, topics
from ocpplog_common.admin import kafka as admin
from ocpplog_common.records import Charger
from ocpplog_common.tokens import Role
from support.broker import IDEMPOTENCE, REPLICATION, Broker, broker
from support.faulty_proxy import FaultyProxy
from support.links import KafkaLinks, Link, up
from support.processes import LocalClickHouse, Process, environment, free_port, wait_for_http, wait_for_port
from support.records import put_records
from support.stores import copy_tables

HOLD_S: Final = 1.0
FLUSH_S: Final = 6.0
ROOMY: Final = 64 << 20
"""Bytes of a buffer that has room for whatever a fleet says in a round."""
NO_LETTER: Final = b"does anybody take this"
"""Put among the dead letters to see whether Kafka takes records."""
ANSWER_WITHIN_S: Final = 60.0
"""Longer than a round: no request times out but by a clock that is wrong."""
_PATH: Final = {"PYTHONPATH": str(Path(__file__).parents[2])}


class Central:
    """The central system, that can be stopped in every way. What it wrote down outlives it."""

    def __init__(self, scratch: Path, share: float) -> None:
        self.port = free_port()
        self.journal = scratch / "central.journal"
        command = ("--port", str(self.port), "--journal", str(self.journal), "--share", str(share))
        log = scratch / "central.log"
        self.process = Process(sys.executable, "-m", "faults.pipeline.central", *command, env=_PATH, log=log)

    def start(self) -> None:
        self.process.start()
        wait_for_port(self.port, self.process)


class Api:
    """The query API."""

    def __init__(self, scratch: Path, store: str, bootstrap: str) -> None:
        self.port = free_port()
        self.key = tokens.create_key(scratch / "key")
        settings = {
            "api_port": self.port,
            "api_jwt_key_file": scratch / "key",
            "clickhouse_url": store,
            "kafka_bootstrap": bootstrap,
            "api_rate_per_s": 0,
            "api_max_export": 1_000_000,
            "kafka_idempotence": str(IDEMPOTENCE).lower(),
        }
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = scratch / "api.log"
        self.process = Process(sys.executable, "-m", "ocpplog_query_api", env=environment(settings), log=self.log)

    def start(self) -> None:
        self.process.start()

    def wait(self) -> None:
        wait_for_http(f"{self.url}/readyz", self.process, 60)

    def token(self, *sites: str) -> str:
        return tokens.mint(self.key, "oracle", Role.SUPPORT, sites, 3600)


class Pipeline(Rig):
    """`Rig`, with gateways, chargers, a central system and the API around it; all that is drawn is drawn by `seed`."""

    def __init__(
        self, found: Broker, store: LocalClickHouse, proxy: FaultyProxy, client: Client, scratch: Path, seed: int
    ) -> None:
        super().__init__(found, store, proxy, client, scratch)
        chance = random.Random(f"{seed} rig")
        scenario = chance.choice(SCENARIOS)
        nodes = list(found.nodes)
        self.central = Central(scratch, scenario.commands)
        self.api = Api(scratch, proxy.url, found.bootstrap)
        self.to_enrichers = KafkaLinks(nodes)
        self.settings = _gateway_settings(chance)
        self.gateways = [
            Gateway(number, nodes, self.central.port, scratch, self.settings) for number in range(chance.choice([1, 2, 2]))
        ]
        self.fleet = Fleet(seed, scenario, [gateway.door.port for gateway in self.gateways], chance.choice([14, 21, 28]))

    @property
    def links(self) -> list[Link]:
        return [*(link for gateway in self.gateways for link in gateway.links), *self.to_enrichers.all()]

    def enricher(self, **settings: object) -> Enricher:
        ours = {"kafka_bootstrap": self.to_enrichers.bootstrap, "enricher_answer_timeout_s": ANSWER_WITHIN_S}
        return super().enricher(**ours | settings)

    async def start(self) -> None:
        """All but enrichers and fleet."""
        await admin.create_topics(self.kafka, PARTITIONS, REPLICATION)
        await self.records()
        await asyncio.to_thread(self.central.start)
        self.api.start()
        for gateway in self.gateways:
            gateway.start()
        await asyncio.to_thread(self.api.wait)
        for gateway in self.gateways:
            await asyncio.to_thread(gateway.wait)

    async def records(self) -> None:
        """Sites and chargers, as an operator puts them."""
        registered = [charger for number, charger in enumerate(self.fleet.chargers) if Fleet.registered(number)]
        known = [Charger(charger_id=charger.name, site_id=charger.site) for charger in registered]
        await put_records(self.kafka, [*SITES, *known])

    async def kafka_answers(self, within_s: float = 90) -> None:
        """Wait until Kafka takes what others send. Raises AssertionError where it never does."""
        deadline = time.monotonic() + within_s
        while not await self._takes_records():
            assert time.monotonic() < deadline, f"Kafka takes no records for {within_s:.0f} s"
            await asyncio.sleep(0.3)

    async def _takes_records(self) -> bool:
        producer = AIOKafkaProducer(acks="all", **self.kafka.kafka_client())
        try:
            async with asyncio.timeout(5):
                await producer.start()
                for partition in range(PARTITIONS):
                    await producer.send_and_wait(topics.DEAD_LETTER, NO_LETTER, partition=partition)
                cluster = await producer.client.fetch_all_metadata()
        except (KafkaError, OSError, TimeoutError):
            return False
        finally:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(producer.stop(), 2)
        leaders = [cluster.leader_for_partition(TopicPartition(topics.FRAMES, number)) for number in range(PARTITIONS)]
        return all(leader is not None and leader >= 0 for leader in leaders)

    async def well_again(self, within_s: float) -> list[str]:
        """Wait until all gateways say that Kafka takes what comes; those that do not."""
        waiting = list(self.gateways)
        deadline = time.monotonic() + within_s
        while waiting and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
            with contextlib.suppress(OSError, KeyError):
                if (await waiting[0].look())["ocpplog_gateway_kafka_up"]:
                    waiting.pop(0)
        return [f"gateway {gateway.number} does not reach Kafka, {within_s:.0f} s after others could" for gateway in waiting]

    async def drained(self, within_s: float = 60) -> str:
        """Wait until Kafka has all that the gateways hold; says what it has not."""
        waiting = [gateway for gateway in self.gateways if gateway.alive]
        deadline = time.monotonic() + within_s
        while waiting and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
            with contextlib.suppress(OSError, KeyError):
                if not (await waiting[0].look())["ocpplog_gateway_buffer_records"]:
                    waiting.pop(0)
        return ", ".join(f"gateway {gateway.number} still holds records" for gateway in waiting)

    def logs(self) -> str:
        files = [*(gateway.log for gateway in self.gateways), self.api.log]
        return self.tail() + "".join(f"\n--- {file.name}\n{file.read_text()[-3000:]}" for file in files if file.exists())

    def close(self) -> None:
        super().close()
        for gateway in self.gateways:
            gateway.close()
        self.api.process.close()
        self.central.process.close()


@contextlib.asynccontextmanager
async def pipeline(scratch: Path, seed: int) -> AsyncIterator[Pipeline]:
    """Everything but enrichers and fleet, started."""
    store = LocalClickHouse(scratch / "clickhouse")
    with broker() as found, FaultyProxy(store.port).running() as proxy, contextlib.ExitStack() as closing:
        closing.callback(store.process.close)
        copy_tables(scratch / "clickhouse")
        store.start()
        client = closing.enter_context(clickhouse_connect.get_client(host="127.0.0.1", port=store.port))
        made = Pipeline(found, store, proxy, client, scratch, seed)
        closing.callback(made.close)
        async with up(made.links):
            await made.start()
            yield made


def _gateway_settings(chance: random.Random) -> dict[str, object]:
    """Half of the gateways have small buffers: what waits while Kafka is away does not fit, and gaps have to be declared."""
    return {
        "kafka_idempotence": str(IDEMPOTENCE).lower(),
        "gateway_mode": "strict" if chance.random() < 0.2 else "hold",
        "gateway_buffer_bytes": chance.choice([30_000, 100_000, ROOMY, ROOMY]),
        "gateway_default_site": DEFAULT_SITE,
        "gateway_min_profile": 0,
        "gateway_hold_s": HOLD_S,
        "gateway_delivery_timeout_s": 4,
        "gateway_flush_s": FLUSH_S,
        "gateway_drain_s": 0.3,
        "gateway_spread_s": 0.5,
        "gateway_ping_interval_s": 1,
        "gateway_open_timeout_s": 8,
        "gateway_upstream_timeout_s": 4,
        "gateway_charger_failures": 0,
        "gateway_peer_failures": 0,
    }
