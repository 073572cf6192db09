"""Writes the records of sites and chargers, so that no change is lost to another.

Kafka compares nothing before it writes. So a change is a transaction, under one name for all who write records: to begin one
ends the one that another has begun, whoever they are and wherever they run. What the newest records are is read after that,
and if the transaction can still be committed, nobody has written since.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, NodeNotReadyError, ProducerFenced, UnknownError, UnsupportedVersionError
from aiokafka.structs import RecordMetadata

from ocpplog_common import compacted, records, topics
from ocpplog_common.compacted import CompactedTable
from ocpplog_common.record_changes import Records, Removal
from ocpplog_common.records import Charger, Site
from ocpplog_common.settings import KafkaSettings

_log = structlog.get_logger(__name__)
TRANSACTIONAL_ID: Final = "ocpplog-records"
_STOP_WITHIN_S: Final = 2.0
_READ_BACK_WITHIN_S: Final = 2.0
_NO_TRANSACTIONS: Final = (
    "the broker knows no idempotent producers: set OCPPLOG_KAFKA_IDEMPOTENCE=false for it, as the embedded broker needs it"
)

Write: TypeAlias = Site | Charger | Removal
_Result = TypeVar("_Result")
Decide: TypeAlias = Callable[[], tuple[Sequence[Write], _Result]]
"""From the newest records to what is to be written, and what the change has come to. May be called again."""


class WriteFailed(Exception):
    """Base: Kafka has not acknowledged."""


class NotWritten(WriteFailed):
    """Nothing was written."""


class MaybeWritten(WriteFailed):
    """Kafka did not say whether it was written: read again before you try again."""


class Tables(Records, Protocol):
    """The records, as tables that follow their topics."""

    @property
    def tables(self) -> tuple[CompactedTable[Site], CompactedTable[Charger]]: ...


class RecordWriter:
    """Writes while `tables` follow. `within_s`: how long a change may take, Kafka's acknowledgement included."""

    def __init__(self, settings: KafkaSettings, tables: Tables, within_s: float) -> None:
        self._settings = settings
        self._tables = tables
        self._within_s = within_s
        self._turn = asyncio.Lock()

    async def change(self, decide: Decide[_Result]) -> _Result:
        """Make one change; returns once Kafka has acknowledged it, and the tables have it.

        All or nothing is written. Raises `NotWritten`, `MaybeWritten`, and what `decide` raises.
        """
        change = _Change(self._settings, self._tables, self._within_s, decide)
        try:
            async with asyncio.timeout(self._within_s), self._turn:
                return await change.run()
        except TimeoutError:
            raise change.failure(f"Kafka did not answer within {self._within_s:g} s") from None
        except (UnknownError, UnsupportedVersionError) as error:
            raise change.failure(_NO_TRANSACTIONS if self._settings.kafka_idempotence else repr(error)) from error
        except KafkaError as error:
            raise change.failure(f"Kafka: {type(error).__name__}") from error


class _Change(Generic[_Result]):
    """One change on its way."""

    def __init__(self, settings: KafkaSettings, tables: Tables, within_s: float, decide: Decide[_Result]) -> None:
        self._settings = settings
        self._tables = tables
        self._within_s = within_s
        self._decide = decide
        self._unsure: tuple[Sequence[RecordMetadata], _Result] | None = None
        """What was asked to be committed, and has not been heard of since."""

    def failure(self, reason: str) -> WriteFailed:
        return MaybeWritten(reason) if self._unsure else NotWritten(reason)

    async def run(self) -> _Result:
        for pause in itertools.count(1):
            try:
                return await self._attempt()
            except KafkaError as error:
                # Fenced: another began after us, or the broker gave up on us. While another begins, a broker that has been
                # asked to commit says so or UNKNOWN_SERVER_ERROR, as it happens. Whether it did, the next attempt finds.
                # Not ready: the broker is there again, and names no node yet that could coordinate.
                begun_again = isinstance(error, ProducerFenced | NodeNotReadyError)
                if not (self._settings.kafka_idempotence if self._unsure else begun_again):
                    raise
                # Two who wait equally long would meet again.
                await asyncio.sleep(random.uniform(0.0, min(0.1 * pause, 1.0)))
        raise AssertionError("unreachable")

    async def _attempt(self) -> _Result:
        producer = self._producer()
        try:
            await _start(producer)
            await self._follow()
            if self._unsure and await self._is_committed(self._unsure[0][0]):
                return self._unsure[1]
            self._unsure = None
            writes, result = self._decide()
            if writes:
                await self._write(producer, writes, result)
            return result
        finally:
            await _bounded(producer.stop(), _STOP_WITHIN_S)

    def _producer(self) -> AIOKafkaProducer:
        options = self._settings.kafka_client() | {"request_timeout_ms": int(self._within_s * 1000)}
        if not self._settings.kafka_idempotence:
            return AIOKafkaProducer(acks="all", **options)
        # Readers see nothing newer while a transaction is open: of a writer that was killed, so long at most.
        timeout_ms = int(self._within_s * 1000) + 1000
        return AIOKafkaProducer(transactional_id=TRANSACTIONAL_ID, transaction_timeout_ms=timeout_ms, **options)

    async def _write(self, producer: AIOKafkaProducer, writes: Sequence[Write], result: _Result) -> None:
        transactional = self._settings.kafka_idempotence
        if transactional:
            await producer.begin_transaction()
        else:
            self._unsure = (), result
        acknowledgements = [await producer.send(*_record(write)) for write in writes]
        places = [await acknowledgement for acknowledgement in acknowledgements]
        if transactional:
            self._unsure = places, result
            await producer.commit_transaction()
        # Written it is, whatever becomes of this. Who reads next should see it.
        beyond = {(place.topic, place.partition): place.offset + 1 for place in places}
        await _bounded(self._follow(beyond), _READ_BACK_WITHIN_S)

    async def _follow(self, beyond: dict[tuple[str, int], int] | None = None) -> None:
        for table in self._tables.tables:
            await table.catch_up({number: end for (topic, number), end in (beyond or {}).items() if topic == table.topic})

    async def _is_committed(self, place: RecordMetadata) -> bool:
        """Whether a record of ours is there to be read. Not by what the tables hold: another may have written over it since."""
        partition = TopicPartition(place.topic, place.partition)
        consumer = AIOKafkaConsumer(**compacted.READS, **self._settings.kafka_client())
        try:
            await consumer.start()
            consumer.assign([partition])
            end = (await consumer.end_offsets([partition]))[partition]
            consumer.seek(partition, place.offset)
            while await consumer.position(partition) < end:
                for record in (await consumer.getmany(timeout_ms=100)).get(partition, ()):
                    return bool(record.offset == place.offset)
            return False
        finally:
            await _bounded(consumer.stop(), _STOP_WITHIN_S)


def _record(write: Write) -> tuple[str, bytes | None, bytes]:
    """Topic, value, key."""
    if isinstance(write, Removal):
        return write.topic, None, write.key.encode()
    if isinstance(write, Site):
        return topics.SITES, records.encode(write), write.site_id.encode()
    return topics.CHARGERS, records.encode(write), write.charger_id.encode()


async def _start(producer: AIOKafkaProducer) -> None:
    """Raises aiokafka's KafkaError, which it does not of a broker that names no nodes, as one that froze does for a moment."""
    try:
        await producer.start()
    except AssertionError as error:
        raise NodeNotReadyError("the broker names no nodes") from error


async def _bounded(awaitable: Awaitable[Any], within_s: float) -> None:
    """For what must not hold up anybody. A failed aiokafka client raises whatever its tasks were at, CancelledError included."""
    task: Any = asyncio.ensure_future(awaitable)
    done, _ = await asyncio.wait({task}, timeout=within_s)
    if not done:
        task.cancel()
    elif not task.cancelled() and (failure := task.exception()):
        _log.warning("after a write", error=repr(failure))
