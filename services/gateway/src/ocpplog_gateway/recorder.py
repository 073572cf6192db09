"""Puts frames and connection events on Kafka, in batches: what waits and what is held back is the buffer's business."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import secrets
import time
from collections.abc import Coroutine, Sequence
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.partitioner import DefaultPartitioner

from ocpplog_common import records, topics
from ocpplog_common.envelope import Opcode
from ocpplog_common.records import ConnectionEvent
from ocpplog_gateway import metrics
from ocpplog_gateway.buffer import Buffer
from ocpplog_gateway.central_system import transaction_ids
from ocpplog_gateway.producer import Producer, start, stop
from ocpplog_gateway.queues import Owner, Queue, Record
from ocpplog_gateway.settings import GatewaySettings

_log = structlog.get_logger(__name__)
_PROBE_S: Final = 5.0
_PROBE_AGAIN_S: Final = 1.0
_PAUSE_S: Final = 0.2
_REPLACE_EVERY_S: Final = 5.0
"""At most: what does not get better with a new producer would be sent again and again."""
_STALLED_S: Final = 0.25
"""A partition that takes so long does not hold up the others of its broker any more."""
_TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)


class _Lane:
    """What goes to one broker, a request at a time, as the producer does it: `outstanding` is under way since `began`.

    Taken in rounds, since each batch that waits for its turn at the producer would be one more, with less in it.
    """

    def __init__(self) -> None:
        self.ready: list[Queue] = []
        self.outstanding: set[Queue] = set()
        self.starting = False
        self.began = 0.0


class _Gone(Exception):
    """The producer was replaced while a batch of it was under way."""


class KafkaRecorder:
    """`acks=all`: a frame counts as recorded when every in-sync replica has it.

    A producer that fails for good is replaced, and what was under way is sent again: it can then be on Kafka twice, with the same
    connection id and sequence.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        strict = settings.gateway_mode == "strict"
        patience_s = settings.gateway_delivery_timeout_s if strict else settings.gateway_hold_s
        self._check_every_s = min(0.25, max(0.01, patience_s / 10))
        self.buffer = Buffer(settings.gateway_buffer_bytes, patience_s, metrics.Records(), strict=strict)
        self._partitions: dict[str, list[int]] = {}
        self._producer: Producer
        self._replacing = asyncio.Lock()
        self._replaced_at = 0.0
        self._problem = ""
        self._stopping = False
        self._lanes: dict[int | None, _Lane] = {}
        self._active = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._helpers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Raises aiokafka's KafkaError or TimeoutError where no broker answers, or a topic is missing."""
        self._producer = Producer(await start(self._settings))
        for topic in (topics.FRAMES, topics.CONNECTIONS):
            self._partitions[topic] = sorted(await self._producer.kafka.partitions_for(topic))
        self._helpers = [
            asyncio.create_task(self._probe(), name="probe Kafka"),
            asyncio.create_task(self._check(), name="look for records that are late"),
        ]
        metrics.watch(lambda: len(self.buffer), lambda: self.buffer.bytes, self.problem)

    async def stop(self) -> int:
        """Everything is sent first, as far as Kafka answers; returns how many frames and events it does not know of."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.gateway_flush_s):
                await self._idle.wait()
        self._stopping = True
        left = self.buffer.left()
        for task in [*self._helpers, *self._tasks]:
            task.cancel()
        await asyncio.gather(*self._helpers, *self._tasks, return_exceptions=True)
        if hasattr(self, "_producer"):
            await stop(self._producer.kafka)
        return left

    def problem(self) -> str:
        """Why records have to wait now; empty while Kafka answers."""
        if any(queue.late or queue.behind for queue in self.buffer.queues()):
            return self._problem or "Kafka is behind"
        return self._problem

    # What comes in

    def partition(self, key: bytes) -> Queue:
        return self._queue(topics.FRAMES, key)

    def _queue(self, topic: str, key: bytes) -> Queue:
        partitions = self._partitions[topic]
        return self.buffer.queue(topic, DefaultPartitioner()(key, partitions, partitions))

    def record(self, queue: Queue, owner: Owner, data: bytes, opcode: Opcode, sequence: int, received_at_us: int) -> None:
        connection = owner.connection
        headers = connection.headers(owner.source, opcode, sequence, received_at_us)
        self._take(queue, Record(connection.key, data, headers, time.monotonic(), owner, opcode, sequence, received_at_us))

    def announce(self, event: ConnectionEvent) -> None:
        key = event.charger_id.encode()
        self._take(self._queue(topics.CONNECTIONS, key), Record(key, records.encode(event), [], time.monotonic()))

    def _take(self, queue: Queue, record: Record) -> None:
        self.buffer.take(queue, record)
        if not queue.active:
            queue.active = True
            self._active += 1
            self._idle.clear()
            self._ready(queue)

    async def transaction_id(self) -> int:
        """One that no other replica gives: Kafka counts. While it is silent, drawn by lot, so that charging goes on."""
        if not self.problem():
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(self._settings.gateway_hold_s):
                    metadata = await self._producer.kafka.send_and_wait(topics.TRANSACTION_IDS, b"", partition=0)
                if metadata.offset >= 0:
                    return transaction_ids.ticket(metadata.offset)
        return transaction_ids.fallback(secrets.randbelow)

    # What goes out

    def _ready(self, queue: Queue) -> None:
        """Something waits in `queue`: it is part of the next round of its broker."""
        leader = self._producer.kafka.client.cluster.leader_for_partition(TopicPartition(queue.topic, queue.partition))
        lane = self._lanes.setdefault(leader, _Lane())
        lane.ready.append(queue)
        self._go_on(lane)

    def _go_on(self, lane: _Lane) -> None:
        if lane.ready and not lane.outstanding and not lane.starting and not self._stopping:
            lane.starting = True
            self._run(self._round(lane))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _round(self, lane: _Lane) -> None:
        """Send a batch of each queue that has something: one request for all of them. What comes meanwhile goes with the next."""
        producer = self._producer
        lane.starting = False
        queues, lane.ready = lane.ready, []
        lane.outstanding.update(queues)
        lane.began = time.monotonic()
        for queue in queues:
            try:
                future = await self._submit(producer, queue)
            except Exception as error:
                self._run(self._not_taken(lane, producer, queue, error))
            else:
                producer.waiting.add(future)
                future.add_done_callback(functools.partial(self._answered, lane, producer, queue))

    async def _submit(self, producer: Producer, queue: Queue) -> asyncio.Future[Any]:
        batch = producer.kafka.create_batch()
        append = batch.append

        def add(record: Record) -> bool:
            return append(timestamp=None, key=record.key, value=record.value, headers=record.headers) is not None

        self.buffer.fill(queue, add, time.monotonic())
        batch.close()
        future: asyncio.Future[Any] = await producer.kafka.send_batch(batch, queue.topic, partition=queue.partition)
        return future

    def _answered(self, lane: _Lane, producer: Producer, queue: Queue, future: asyncio.Future[Any]) -> None:
        producer.waiting.discard(future)
        error = _Gone() if future.cancelled() else future.exception()
        if isinstance(error, Exception):
            self._run(self._not_taken(lane, producer, queue, error))
            return
        now = time.monotonic()
        if queue.topic == topics.FRAMES:
            metrics.ACK_SECONDS.observe(now - queue.sending[0].taken_at)
        try:
            self.buffer.acknowledged(queue, now)
        finally:
            # Whatever one connection makes of it: the others' frames go on.
            self._settled(lane, queue)
        if self._problem:
            self._set_problem("")

    def _settled(self, lane: _Lane, queue: Queue) -> None:
        lane.outstanding.discard(queue)
        if queue.pending:
            self._ready(queue)
        else:
            queue.active = False
            self._active -= 1
            if not self._active:
                self._idle.set()
        self._go_on(lane)

    async def _not_taken(self, lane: _Lane, producer: Producer, queue: Queue, error: Exception) -> None:
        if isinstance(error, _TOO_LARGE):
            about = _about(queue.sending)
            _log.error("Kafka refuses records for their size", topic=queue.topic, error=str(error), **about)
            self.buffer.too_large(queue)
        else:
            self.buffer.put_back(queue)
        if not isinstance(error, _Gone):
            self._set_problem(f"Kafka takes no records: {type(error).__name__}")
            await asyncio.sleep(_PAUSE_S)
            if not (isinstance(error, KafkaError | OSError) and getattr(error, "retriable", True)):
                await self._replace(producer, error)
        self._settled(lane, queue)

    async def _replace(self, failed: Producer, error: Exception) -> None:
        """Go on with a new producer: of an idempotent one, the numbers do not fit any more after a batch that failed."""
        async with self._replacing:
            if failed is not self._producer:
                return
            await asyncio.sleep(self._replaced_at + _REPLACE_EVERY_S - time.monotonic())
            _log.error("the Kafka producer is replaced", error=f"{type(error).__name__}: {error}")
            metrics.PRODUCERS_REPLACED.inc()
            await stop(failed.kafka)
            self._producer = Producer(await self._start_another())
            for future in list(failed.waiting):
                future.cancel()
            self._replaced_at = time.monotonic()

    async def _start_another(self) -> AIOKafkaProducer:
        while True:
            try:
                return await start(self._settings)
            except Exception as error:
                # Of whatever kind: nothing would be sent any more.
                self._set_problem(f"Kafka does not answer: {type(error).__name__}")
                await asyncio.sleep(_PROBE_AGAIN_S)

    # What watches

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(self._check_every_s)
            now = time.monotonic()
            for lane in self._lanes.values():
                if lane.outstanding and now - lane.began > _STALLED_S:
                    lane.outstanding.clear()
                    self._go_on(lane)
            try:
                self.buffer.check(now)
            except Exception:
                # Of whatever connection: without this task, no frame would be passed on before Kafka has it.
                _log.exception("looking for late records failed")

    async def _probe(self) -> None:
        """Know of a failure before the next frame does, and of its end when no charger is connected."""
        while True:
            await asyncio.sleep(_PROBE_AGAIN_S if self._problem else _PROBE_S)
            try:
                async with asyncio.timeout(_PROBE_S):
                    await self._producer.kafka.client.fetch_all_metadata()
                self._set_problem("")
            except Exception as error:
                # Of whatever kind: without this task, an outage that ends would not be noticed.
                self._set_problem(f"Kafka does not answer: {type(error).__name__}")

    def _set_problem(self, problem: str) -> None:
        if bool(problem) != bool(self._problem):
            _log.warning("Kafka", state=problem or "answers again", waiting=len(self.buffer), bytes=self.buffer.bytes)
        self._problem = problem


def _about(sending: Sequence[Record]) -> dict[str, object]:
    """How many records; of one alone, which frame it is."""
    [first, *others] = sending
    if others or first.owner is None:
        return {"records": len(sending)}
    connection = first.owner.connection
    return {"charger": connection.charger_id, "connection": connection.connection_id, "sequence": first.sequence}
