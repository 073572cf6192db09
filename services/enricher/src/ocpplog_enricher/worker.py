"""The enricher's work on a batch of frames: pair, enrich, store, acknowledge. Faust brings the frames (`agents.py`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Protocol

from ocpplog_common import ocppj, topics
from ocpplog_common.clock import Clock
from ocpplog_common.envelope import Envelope, EnvelopeError, Opcode
from ocpplog_common.records import RecordError, decode_gap
from ocpplog_enricher import metrics
from ocpplog_enricher.dead_letter import DeadLetters
from ocpplog_enricher.domain import fields
from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.pairing import Exchange, Outcome, Pairing
from ocpplog_enricher.domain.policy import Policy
from ocpplog_enricher.domain.rows import Enriched
from ocpplog_enricher.domain.violations import kind_of
from ocpplog_enricher.errors import RowsRejected
from ocpplog_enricher.partition import Partition
from ocpplog_enricher.sink import Sink

_QUIET_US = 5_000_000
"""A partition without a frame for this long is quiet: its stream time no longer moves."""


class Record(Protocol):
    """A record of ocpp.frames and its acknowledgement."""

    partition: int
    offset: int
    generation: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]

    def ack(self) -> object: ...

    def forget_frame(self) -> None:
        """From here on only `ack` is asked for: records wait for open requests before them, and their frames need not."""


class History(Protocol):
    def records_before(self, partition: int, offset: int, timestamp_ms: int) -> AsyncIterator[Any]: ...


_Ended = tuple[Partition[Record], list[Exchange]]


class Worker:
    """`new_pairing` makes the pairing of a partition; `policy(first frame)` says how the row of an exchange has to look that
    is written now; `caught_up(partition, next offset)` says whether Kafka has no more."""

    def __init__(
        self,
        *,
        new_pairing: Callable[[], Pairing],
        policy: Callable[[Envelope], Policy],
        sink: Sink,
        history: History,
        dead_letters: DeadLetters,
        clock: Clock,
        caught_up: Callable[[int, int], bool],
        largest_write: int,
    ) -> None:
        self._new_pairing = new_pairing
        self._policy = policy
        self._sink = sink
        self._history = history
        self._dead_letters = dead_letters
        self._clock = clock
        self._caught_up = caught_up
        self._largest_write = largest_write
        self._partitions: dict[int, Partition[Record]] = {}
        self._last_seen_us: dict[int, int] = {}
        self._busy = asyncio.Lock()

    async def handle(self, records: Sequence[Record]) -> None:
        """Work through a batch. Returns when all that ended in it is stored and what may be is acknowledged.

        Raises StoreUnavailable or TooManyDeadLetters: then the process has to end, so that the frames are read again.
        """
        async with self._busy:
            ended: dict[int, _Ended] = {}
            for record in records:
                partition = await self._partition(record)
                _, exchanges = ended.setdefault(record.partition, (partition, []))
                exchanges += await self._observe(partition, record)
            metrics.FRAMES.inc(len(records))
            await self._finish(ended.values())

    async def expire_quiet(self) -> None:
        """Time out what waits on partitions that have gone quiet. To be called every second or so."""
        async with self._busy:
            now = self._clock.now_us()
            quiet = [
                partition
                for number, partition in self._partitions.items()
                if now - self._last_seen_us[number] > _QUIET_US and self._caught_up(number, partition.next_offset)
            ]
            ended = [(partition, partition.pairing.expire_quiet(now, partition.next_offset - 1)) for partition in quiet]
            await self._finish(pair for pair in ended if pair[1])
            self._measure()

    def _measure(self) -> None:
        partitions = self._partitions.values()
        metrics.OPEN.set(sum(len(partition.pairing) for partition in partitions))
        metrics.OPEN_BYTES.set(sum(partition.pairing.open.bytes for partition in partitions))
        metrics.HELD_FRAMES.set(sum(len(partition) for partition in partitions))

    def release(self, partitions: Iterable[int]) -> None:
        """Forget partitions that are taken away. A write under way goes on: whoever comes next finds its rows stored."""
        for number in partitions:
            self._partitions.pop(number, None)

    async def _partition(self, record: Record) -> Partition[Record]:
        self._last_seen_us[record.partition] = self._clock.now_us()
        found = self._partitions.get(record.partition)
        if found is None or found.generation != record.generation:
            found = await self._open(record)
            self._partitions[record.partition] = found
        return found

    async def _open(self, record: Record) -> Partition[Record]:
        """A partition as it was when the frame before `record`, the first one not acknowledged, had been worked through."""
        pairing = self._new_pairing()
        async for earlier in self._history.records_before(record.partition, record.offset, record.timestamp_ms):
            try:
                seen = _observed(earlier)
            except (EnvelopeError, RecordError):
                continue
            # What ended before the first unacknowledged frame is stored.
            pairing.observe(seen)
        now = self._clock.now_us()
        return Partition(record.partition, record.generation, pairing, record.offset, self._largest_write, now)

    async def _observe(self, partition: Partition[Record], record: Record) -> list[Exchange]:
        try:
            seen = _observed(record)
        except (EnvelopeError, RecordError) as error:
            await self._dead_letter(record, str(error))
            partition.skip(record.offset, record)
            record.forget_frame()
            return []
        ended = partition.accept(seen, record)
        record.forget_frame()
        return ended

    async def _finish(self, ended: Iterable[_Ended]) -> None:
        await asyncio.gather(*(self._store(partition, exchanges) for partition, exchanges in ended))

    async def _store(self, partition: Partition[Record], exchanges: list[Exchange]) -> None:
        for start in range(0, len(exchanges), self._largest_write):
            await self._store_some(partition, exchanges[start : start + self._largest_write])
        for record in partition.acknowledge():
            record.ack()

    async def _store_some(self, partition: Partition[Record], exchanges: list[Exchange]) -> None:
        wanted = [exchange for exchange in exchanges if exchange.admitted]
        for exchange in exchanges:
            metrics.EXCHANGES.labels(exchange.outcome, str(exchange.admitted).lower()).inc()
            if exchange.outcome is Outcome.TIMEOUT and exchange.violations:
                metrics.CLOSED_EARLY.inc()
        found = [self._enrich(exchange, partition.number) for exchange in wanted]
        _count_violations(found)
        if found:
            stored_before = await self._write(found, partition.suspects(wanted))
            partition.wrote(len(found), stored_before)
        partition.complete(exchanges)

    def _enrich(self, exchange: Exchange, partition: int) -> Enriched:
        return fields.enrich(exchange, partition, self._policy(exchange.first.envelope))

    async def _write(self, found: list[Enriched], suspect: bool) -> bool:
        """Write, and put aside the rows that ClickHouse refuses, found by halving."""
        try:
            stored_before = await self._sink.write(found, suspect)
            self._dead_letters.went_well()
            return stored_before
        except RowsRejected as error:
            if len(found) == 1:
                row = found[0].log
                origin = f"{topics.FRAMES}-{row.kafka_partition}@{row.kafka_offset}"
                await self._dead_letters.put(row.charger_id.encode(), row.request.encode(), [], origin, str(error))
                return False
        middle = len(found) // 2
        # Whether an earlier try stored the samples of some is not known here.
        first = await self._write(found[:middle], suspect=True)
        return await self._write(found[middle:], suspect=True) or first

    async def _dead_letter(self, record: Record, reason: str) -> None:
        origin = f"{topics.FRAMES}-{record.partition}@{record.offset}"
        await self._dead_letters.put(record.key, record.value, list(record.headers), origin, reason)


def _observed(record: Record) -> Observed:
    """Raises EnvelopeError, or RecordError for a gap that cannot be read."""
    envelope = Envelope.from_record(record.key, record.value, record.headers)
    gap = envelope.opcode is Opcode.GAP
    frame = decode_gap(envelope.frame) if gap else ocppj.parse(envelope.frame)
    return Observed(envelope, frame, record.offset)


def _count_violations(found: Iterable[Enriched]) -> None:
    for enriched in found:
        for kind in set(map(kind_of, enriched.log.violations)):
            metrics.VIOLATIONS.labels(kind).inc()
