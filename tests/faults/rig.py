"""Broker, ClickHouse behind a network that fails, and enrichers as processes."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import clickhouse_connect
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata
from clickhouse_connect.driver import Client

from faults.fleet import SITES, Fleet
from faults.oracle import Log, Verdict
from ocpplog_common import topics
from ocpplog_common.admin import kafka as admin
from ocpplog_common.settings import KafkaSettings
from support.broker import DURABLE, IDEMPOTENCE, REPLICATION, Broker, broker
from support.faulty_proxy import FaultyProxy
from support.processes import LocalClickHouse, Process, environment, free_port, wait_for_http
from support.records import put_records
from support.stores import copy_tables

PARTITIONS = 4
SESSION_TIMEOUT_S = 3.0
_LEFT_WITHIN_S = 20.0
ANSWER_TIMEOUT_S = 30 if DURABLE else 8
"""Longer than the broker is away in a round: answers that wait for it are answers all the same."""


class Enricher:
    """One enricher, that can be stopped in every way. `settings` go before the rig's."""

    def __init__(self, rig: Rig, number: int, **settings: object) -> None:
        self._rig = rig
        self.log = rig.scratch / f"enricher-{number}.log"
        self.health = free_port()
        known: dict[str, object] = {
            "kafka_bootstrap": rig.broker.bootstrap,
            "kafka_idempotence": str(IDEMPOTENCE).lower(),
            "clickhouse_url": rig.proxy.url,
            "enricher_health_port": self.health,
            "enricher_rebalance_timeout_s": 2,
            "enricher_session_timeout_s": SESSION_TIMEOUT_S,
            "enricher_answer_timeout_s": ANSWER_TIMEOUT_S,
            "enricher_batch_rows": 60,
            "enricher_write_timeout_s": 4,
        }
        self._settings = known | settings
        self._frozen = False
        self._told_to_end = True
        self._said = 0
        """Bytes of the log that are of earlier processes."""
        self.wrong_ends: list[str] = []
        self.restarts = 0
        """How often it ended as it says that it does where a restart may help."""

    def start(self) -> Enricher:
        self._notice()
        self._told_to_end = False
        self._said = self.log.stat().st_size if self.log.exists() else 0
        found = self._settings | {"enricher_group": self._rig.group}
        self.process = Process(sys.executable, "-m", "ocpplog_enricher", env=environment(found), log=self.log).start()
        return self

    def wait(self) -> Enricher:
        wait_for_http(f"http://127.0.0.1:{self.health}/readyz", self.process, 60)
        return self

    @property
    def runs(self) -> bool:
        return self.process.child.poll() is None

    def kill(self) -> None:
        self._notice()
        self._told_to_end = True
        self.process.kill()

    def freeze(self) -> None:
        self.process.child.send_signal(signal.SIGSTOP)
        self._frozen = True

    def thaw(self) -> None:
        if self._frozen and self.runs:
            self.process.child.send_signal(signal.SIGCONT)
        self._frozen = False

    def terminate(self) -> int:
        """Returns the exit code, once it has ended: it may have before."""
        self.thaw()
        self._notice()
        told, self._told_to_end = not self._told_to_end, True
        code = self.process.stop(timeout=40)
        # One that has not begun yet cannot know what SIGTERM asks of it.
        early = code == -signal.SIGTERM and '"event": "ready"' not in self._words()
        if told and code and not early:
            self._judge("after SIGTERM", code)
        return code

    def _notice(self) -> None:
        """That it has ended by itself, if it has."""
        if not self._told_to_end and not self.runs:
            self._told_to_end = True
            self._judge("by itself", self.process.child.returncode)

    def _judge(self, how: str, code: int) -> None:
        if code == 1 and "cannot go on; the frames in hand will be read again" in self._words():
            self.restarts += 1
        else:
            self.wrong_ends.append(f"{self.log.stem} ended {how} with {code}: {self.last_words()}")

    def _words(self) -> str:
        """What its process has said."""
        return self.log.read_bytes()[self._said :].decode("utf-8", "replace") if self.log.exists() else ""

    def last_words(self) -> str:
        """What its process says of why it ended: the last line that is critical, or the last one."""
        lines = [line for line in self._words().splitlines() if line.strip()]
        critical = [line for line in lines if '"level": "critical"' in line]
        return (critical or lines or ["nothing"])[-1][:300]

    def metric(self, name: str) -> float:
        """The sum over all labels of a metric."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.health}/metrics", timeout=10) as response:
            lines = response.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((name + " ", name + "{")))

    def partitions(self) -> int:
        """How many it has. Raises OSError, or http.client.HTTPException where it ends meanwhile."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.health}/metrics", timeout=2) as response:
            return sum(line.startswith(b"ocpplog_enricher_lag_frames{") for line in response.read().splitlines())

    def resident_mb(self) -> int:
        status = Path(f"/proc/{self.process.child.pid}/status").read_text()
        return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def close(self) -> None:
        if hasattr(self, "process"):
            self.thaw()
            self._notice()
            self._told_to_end = True
            self.process.close()


class Rig:
    """What the enrichers of a test stand on."""

    def __init__(self, found: Broker, store: LocalClickHouse, proxy: FaultyProxy, client: Client, scratch: Path) -> None:
        self.broker, self.store, self.proxy, self.client, self.scratch = found, store, proxy, client, scratch
        self.kafka = KafkaSettings(kafka_bootstrap=found.bootstrap, kafka_idempotence=IDEMPOTENCE)
        self.group = "ocpplog-enricher"
        self.enrichers: list[Enricher] = []

    def enricher(self, **settings: object) -> Enricher:
        found = Enricher(self, len(self.enrichers), **settings)
        self.enrichers.append(found)
        return found

    @contextlib.asynccontextmanager
    async def producer(self) -> AsyncIterator[AIOKafkaProducer]:
        found = AIOKafkaProducer(acks="all", enable_idempotence=IDEMPOTENCE, linger_ms=5, **self.kafka.kafka_client())
        await found.start()
        try:
            yield found
        finally:
            await found.stop()

    async def settled(self, fleet: Fleet, idle_s: float = 45) -> Verdict:
        """The verdict once everything that must come is there, or nothing has come for so long; and after what could come too
        late."""
        log = Log(self.client, {charger.name: charger.site for charger in fleet.chargers})
        found, since = 0, time.monotonic()
        while found < len(fleet.expected.rows) and time.monotonic() - since < idle_s:
            await asyncio.sleep(0.3)
            names = await asyncio.to_thread(log.names)
            if names != found:
                found, since = names, time.monotonic()
        await asyncio.sleep(2)
        return log.compare(fleet.expected)

    async def ended(self) -> list[str]:
        """Ends all enrichers that run, in order; says which ended as they must not, now or before."""
        for one in self.enrichers:
            if hasattr(one, "process") and one.runs:
                with contextlib.suppress(AssertionError):
                    await asyncio.to_thread(one.wait)
                await asyncio.to_thread(one.terminate)
        return [end for one in self.enrichers for end in one.wrong_ends]

    @property
    def restarts(self) -> int:
        return sum(one.restarts for one in self.enrichers)

    async def until(self, condition: Callable[[], bool], timeout: float = 60) -> None:
        deadline = time.monotonic() + timeout
        while not await asyncio.to_thread(condition):
            assert time.monotonic() < deadline, self.tail()
            await asyncio.sleep(0.2)

    def tail(self) -> str:
        return "\n".join(f"--- {one.log.name}\n{one.log.read_text()[-3000:]}" for one in self.enrichers if one.log.exists())

    async def state(self) -> str:
        """Where everybody stands, for a round that failed: how far the group is, and what each enricher says of itself."""
        lines = [f"committed {await self.committed()} of {await self.ends()}"]
        for one in self.enrichers:
            with contextlib.suppress(OSError):
                frames, rows = (one.metric(f"ocpplog_enricher_{name}_total") for name in ("frames", "rows"))
                lines.append(f"{one.log.name}: {frames:.0f} frames read, {rows:.0f} rows written")
        return "; ".join(lines)

    async def committed(self) -> dict[int, int]:
        """Partition -> the group's offset; 0 where nothing is committed."""
        async with self._consumer(self.group) as consumer:
            return {place.partition: await consumer.committed(place) or 0 for place in _places()}

    async def ends(self) -> dict[int, int]:
        async with self._consumer(None) as consumer:
            return {place.partition: end for place, end in (await consumer.end_offsets(_places())).items()}

    async def rewind(self, offsets: dict[int, int]) -> None:
        """Set the group's offsets, as an operator does while no enricher runs.

        The embedded broker takes offsets from members alone once a group has had some: there, a new group gets them.
        """
        if not DURABLE:
            self.group += "+"
        wanted = {TopicPartition(topics.FRAMES, number): OffsetAndMetadata(offset, "") for number, offset in offsets.items()}
        async with self._consumer(self.group) as consumer:
            consumer.assign(_places())
            await _once_all_have_left(lambda: consumer.commit(wanted))

    async def dead_letters(self) -> list[tuple[bytes, dict[str, bytes]]]:
        """Value and headers of all that are there."""
        found = []
        async with self._consumer(None) as consumer:
            places = [TopicPartition(topics.DEAD_LETTER, number) for number in range(PARTITIONS)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            await consumer.seek_to_beginning(*places)
            while any([await consumer.position(place) < end for place, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found += [(record.value, dict(record.headers)) for record in records]
        return found

    @contextlib.asynccontextmanager
    async def _consumer(self, group: str | None) -> AsyncIterator[AIOKafkaConsumer]:
        found = AIOKafkaConsumer(
            group_id=group, enable_auto_commit=False, auto_offset_reset="earliest", **self.kafka.kafka_client()
        )
        await found.start()
        try:
            yield found
        finally:
            await found.stop()

    def close(self) -> None:
        for enricher in self.enrichers:
            enricher.close()


async def _once_all_have_left(commit: Callable[[], Awaitable[None]]) -> None:
    """Who was killed is of the group until its session ends, and Kafka takes offsets from others once there is nobody."""
    deadline = time.monotonic() + _LEFT_WITHIN_S
    while True:
        try:
            return await commit()
        except CommitFailedError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.5)


def _places() -> list[TopicPartition]:
    return [TopicPartition(topics.FRAMES, number) for number in range(PARTITIONS)]


@contextlib.asynccontextmanager
async def rig(scratch: Path) -> AsyncIterator[Rig]:
    store = LocalClickHouse(scratch / "clickhouse")
    with broker() as found, FaultyProxy(store.port).running() as proxy:
        copy_tables(scratch / "clickhouse")
        store.start()
        try:
            with clickhouse_connect.get_client(host="127.0.0.1", port=store.port) as client:
                made = Rig(found, store, proxy, client, scratch)
                await admin.create_topics(made.kafka, PARTITIONS, REPLICATION)
                await put_records(made.kafka, SITES)
                try:
                    yield made
                finally:
                    made.close()
        finally:
            store.process.close()
