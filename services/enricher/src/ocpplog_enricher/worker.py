"""The enricher's work on a batch of frames: pair, enrich, store, acknowledge. Faust brings the frames (`agents.py`)."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from ocpplog_common import topics
from ocpplog_common.clock import Clock
from ocpplog_common.envelope import Envelope, EnvelopeError
from ocpplog_common.records import RecordError
from ocpplog_enricher import metrics
from ocpplog_enricher.dead_letter import DeadLetters
from ocpplog_enricher.domain import fields
from ocpplog_enricher.domain.observed import observed
from ocpplog_enricher.domain.pairing import Exchange, Outcome, Pairing
from ocpplog_enricher.domain.policy import Policy
from ocpplog_enricher.domain.rows import Enriched
from ocpplog_enricher.domain.violations import kind_of
from ocpplog_enricher.errors import PartitionLost, RowsRejected
from ocpplog_enricher.lane import Backlog, Lane, WriteLimits
from ocpplog_enricher.ownership import certain
from ocpplog_enricher.partition import Partition
from ocpplog_enricher.sink import Fence, Sink

_QUIET_US = 5_000_000
"""A partition without a frame for this long is quiet: its stream time no longer moves."""
_BEHIND: Final = 500
"""Frames of a partition that wait on Kafka, from which on what is at hand may wait for them."""
_UNKNOWN_END: Final = 2**63 - 1
_ENRICH_AT_ONCE: Final = 100
"""Rows made before the event loop gets a turn."""
_FORMER: Final = 16
"""Generations of the group that are remembered as over: what is in hand is not older."""


class Record(Protocol):
    """A record of ocpp.frames, as aiokafka brings it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class History(Protocol):
    def records_before(self, partition: int, offset: int, timestamp_ms: int) -> AsyncIterator[Any]: ...

    async def ends(self, partitions: Collection[int]) -> Mapping[int, int]: ...


Finished = Callable[[int, int, int], None]
"""(partition, generation of the consumer group, next offset): tells Kafka that all before that offset is done."""


_Found = tuple[Exchange, Enriched]


@dataclass(slots=True)
class _Assigned:
    partition: Partition
    lane: Lane
    last_seen_us: int


class Worker:
    """`new_pairing` makes the pairing of a partition; `policy(first frame)` says how the row of an exchange has to look that
    is written now; `highwater(partition)` the offset that its next record on Kafka will have, as far as is known;
    `owned(generation)` whether the partitions of that generation are certainly still this process's; `failed` is told what a
    write raised and what therefore ends the process: StoreUnavailable, TooManyDeadLetters, or aiokafka's KafkaError."""

    def __init__(
        self,
        *,
        new_pairing: Callable[[], Pairing],
        policy: Callable[[Envelope], Policy],
        sink: Sink,
        history: History,
        dead_letters: DeadLetters,
        clock: Clock,
        highwater: Callable[[int], int | None],
        owned: Callable[[int], Awaitable[bool]],
        finished: Finished,
        failed: Callable[[BaseException], None],
        limits: WriteLimits,
    ) -> None:
        self._new_pairing = new_pairing
        self._policy = policy
        self._sink = sink
        self._history = history
        self._dead_letters = dead_letters
        self._clock = clock
        self._highwater = highwater
        self._owned = owned
        self._finished = finished
        self._failed = failed
        self._limits = limits
        self._backlog = Backlog(limits.backlog_bytes)
        self._turns = asyncio.Semaphore(limits.at_once)
        self._assigned: dict[int, _Assigned] = {}
        self._leaving: dict[int, Lane] = {}
        self._released: Counter[int] = Counter()
        self._generation = -1
        self._former: deque[int] = deque(maxlen=_FORMER)
        self._stopped = False
        self._silent_us = 0
        self._ends: Mapping[int, int] = {}

    async def take(self, number: int, generation: int, records: Sequence[Record]) -> None:
        """Work through records of one partition. Returns when all is paired and there is room for more.

        What comes of a partition that was taken away is left: whoever has it reads it again. Raises TooManyDeadLetters, or
        aiokafka's KafkaError.
        """
        try:
            assigned = await self._open(number, generation, records[0])
        except PartitionLost:
            return
        assigned.last_seen_us = self._clock.now_us()
        ended = []
        for record in records:
            ended += await self._observe(assigned.partition, record)
        metrics.FRAMES.inc(len(records))
        self._end(assigned, ended)
        await self._backlog.room()

    async def expire_quiet(self) -> None:
        """Time out what waits on partitions that have gone quiet. To be called every second or so.

        A partition is not quiet while Kafka is, nor for as long afterwards as an answer may take: what the gateways held back
        meanwhile is on its way to it.
        """
        now = await self._now_while_kafka_answers()
        for assigned in self._assigned.values():
            partition = assigned.partition
            quiet = now - assigned.last_seen_us > _QUIET_US and now - self._silent_us > partition.pairing.timeout_us
            if quiet and self._lag(partition) == 0:
                self._end(assigned, partition.pairing.expire_quiet(now, partition.next_offset - 1))
        self._measure()

    async def look_ahead(self) -> None:
        """Ask Kafka where the partitions end. Fetches say it too, but there are none while ClickHouse is away and the memory for
        what waits is full: the lag would stand still, just when somebody looks at it. To be called every few seconds."""
        self._ends = await self._history.ends(list(self._assigned)) if self._assigned else {}

    async def _now_while_kafka_answers(self) -> int:
        generations = {assigned.partition.generation for assigned in self._assigned.values()}
        answers = all([await self._owned(generation) for generation in generations])
        now = self._clock.now_us()
        if not answers:
            self._silent_us = now
        return now

    def release(self, numbers: Iterable[int]) -> None:
        """Forget partitions that are taken away. A write under way goes on: whoever comes next finds its rows stored. None
        follows it, and its frames are not acknowledged: they may have come again already, and been taken by another."""
        for number in numbers:
            self._released[number] += 1
            if assigned := self._assigned.pop(number, None):
                assigned.lane.close()
                self._leaving[number] = assigned.lane

    def release_all_but(self, generation: int) -> None:
        """Forget the partitions of other generations. Frames of this one may be in hand already, and do not come again."""
        if generation != self._generation:
            self._former.append(self._generation)
            self._generation = generation
        self.release([number for number, one in self._assigned.items() if one.partition.generation != generation])

    async def stop(self) -> None:
        """Give up what waits; returns when no write is under way."""
        self._stopped = True
        self.release(list(self._assigned))
        for lane in self._leaving.values():
            await lane.ended()

    def _lag(self, partition: Partition) -> int | None:
        highwater = self._highwater(partition.number)
        if highwater is None:
            return None
        return max(0, highwater - partition.next_offset, self._ends.get(partition.number, 0) - partition.next_offset)

    def _measure(self) -> None:
        assigned = self._assigned.values()
        metrics.OPEN.set(sum(len(one.partition.pairing) for one in assigned))
        metrics.OPEN_BYTES.set(sum(one.partition.pairing.open.bytes for one in assigned))
        metrics.HELD_FRAMES.set(sum(one.partition.behind for one in assigned))
        metrics.PENDING.set(sum(len(one.lane) for one in assigned))
        metrics.PENDING_BYTES.set(self._backlog.bytes)
        metrics.LAG.clear()
        for number, one in self._assigned.items():
            metrics.LAG.labels(number).set(self._lag(one.partition) or 0)

    async def _open(self, number: int, generation: int, record: Record) -> _Assigned:
        """Raises PartitionLost where the partition was taken away before, or meanwhile: it can take minutes."""
        if self._is_over(generation):
            raise PartitionLost(f"{number} of generation {generation}")
        found = self._assigned.get(number)
        if found and found.partition.generation == generation:
            return found
        self.release([number])
        released = self._released[number]
        if lane := self._leaving.pop(number, None):
            # Its rows would have to be looked for twice otherwise.
            await lane.ended()
        partition = await self._as_it_was(number, generation, record)
        if released != self._released[number] or self._is_over(generation):
            # Nobody would release what is opened now, and its lane would wait for good to be told that it may write.
            raise PartitionLost(f"{number} of generation {generation}")
        lane = Lane(partial(self._store, partition), self._limits, self._backlog, self._turns, self._failed)
        now = self._clock.now_us()
        # Kafka may have been silent until this process had its first frames.
        self._silent_us = self._silent_us or now
        self._assigned[number] = _Assigned(partition, lane, now)
        return self._assigned[number]

    def _is_over(self, generation: int) -> bool:
        return self._stopped or (generation != self._generation and generation in self._former)

    async def _as_it_was(self, number: int, generation: int, record: Record) -> Partition:
        """The partition when the frame before `record`, the first one not acknowledged, had been worked through."""
        pairing = self._new_pairing()
        async for earlier in self._history.records_before(number, record.offset, record.timestamp):
            try:
                seen = observed(earlier)
            except (EnvelopeError, RecordError):
                continue
            # What ended before the first unacknowledged frame is stored.
            pairing.observe(seen)
        end = self._highwater(number) or _UNKNOWN_END
        return Partition(number, generation, pairing, record.offset, self._limits.rows, end)

    async def _observe(self, partition: Partition, record: Record) -> list[Exchange]:
        try:
            seen = observed(record)
        except (EnvelopeError, RecordError) as error:
            if record.offset >= partition.next_offset:
                await self._dead_letter(partition.number, record, str(error))
            partition.skip(record.offset)
            return []
        return partition.accept(seen)

    def _end(self, assigned: _Assigned, ended: list[Exchange]) -> None:
        """What is to be logged waits for its write; the rest is done with."""
        _count_ends(ended)
        assigned.partition.complete(exchange for exchange in ended if not exchange.admitted)
        more_at_hand = (self._lag(assigned.partition) or 0) >= _BEHIND
        assigned.lane.put([exchange for exchange in ended if exchange.admitted], more_at_hand)
        self._acknowledge(assigned.partition)

    def _acknowledge(self, partition: Partition) -> None:
        if self._holds(partition):
            self._finished(partition.number, partition.generation, partition.finished)

    def _holds(self, partition: Partition) -> bool:
        assigned = self._assigned.get(partition.number)
        return assigned is not None and assigned.partition is partition

    async def _fence(self, partition: Partition) -> None:
        await certain(self._owned, partition.generation, lambda: self._holds(partition))

    async def _store(self, partition: Partition, exchanges: Sequence[Exchange]) -> None:
        found = await self._enrich(exchanges, partition.number)
        _count_violations(enriched for _, enriched in found)
        try:
            if found:
                stored_before = await self._write(found, partition.suspects(exchanges), partial(self._fence, partition))
                partition.wrote(len(found), stored_before)
        except PartitionLost:
            return
        partition.complete(exchanges)
        self._acknowledge(partition)
        self._measure_freshness(exchanges)

    async def _enrich(self, exchanges: Sequence[Exchange], number: int) -> list[_Found]:
        found = []
        for start in range(0, len(exchanges), _ENRICH_AT_ONCE):
            for exchange in exchanges[start : start + _ENRICH_AT_ONCE]:
                try:
                    found.append((exchange, fields.enrich(exchange, number, self._policy(exchange.first.envelope))))
                except Exception as error:
                    # A fault of ours. Read again it would be the same, for ever, and hold up all that comes after it.
                    await self._refused(exchange, number, f"{type(error).__name__}: {error}")
            await asyncio.sleep(0)
        return found

    async def _write(self, found: Sequence[_Found], suspect: bool, fence: Fence) -> bool:
        """Write, and put aside what ClickHouse refuses, found by halving."""
        try:
            stored_before = await self._sink.write([enriched for _, enriched in found], suspect, fence)
            self._dead_letters.went_well()
            return stored_before
        except RowsRejected as error:
            if len(found) == 1:
                [(exchange, enriched)] = found
                await self._refused(exchange, enriched.log.kafka_partition, str(error))
                return False
        middle = len(found) // 2
        # Whether an earlier try stored the samples of some is not known here.
        first = await self._write(found[:middle], True, fence)
        return await self._write(found[middle:], True, fence) or first

    async def _refused(self, exchange: Exchange, number: int, reason: str) -> None:
        """Put aside the frames of an exchange, as they came."""
        for seen in filter(None, (exchange.request, exchange.response)):
            envelope, origin = seen.envelope, f"{topics.FRAMES}-{number}@{seen.offset}"
            await self._dead_letters.put(envelope.key(), envelope.frame, envelope.headers(), origin, reason)

    async def _dead_letter(self, number: int, record: Record, reason: str) -> None:
        origin = f"{topics.FRAMES}-{number}@{record.offset}"
        await self._dead_letters.put(record.key, record.value, list(record.headers), origin, reason)

    def _measure_freshness(self, exchanges: Sequence[Exchange]) -> None:
        answered = [exchange.response.envelope.received_at_us for exchange in exchanges if exchange.response]
        if answered:
            metrics.FRESHNESS.observe(max(0, self._clock.now_us() - min(answered)) / 1_000_000)


def _count_ends(ended: Sequence[Exchange]) -> None:
    for (outcome, admitted), count in Counter((exchange.outcome, exchange.admitted) for exchange in ended).items():
        metrics.EXCHANGES.labels(outcome, str(admitted).lower()).inc(count)
    for exchange in ended:
        if exchange.outcome is Outcome.TIMEOUT and exchange.violations:
            metrics.CLOSED_EARLY.inc()


def _count_violations(found: Iterable[Enriched]) -> None:
    for enriched in found:
        for kind in set(map(kind_of, enriched.log.violations)):
            metrics.VIOLATIONS.labels(kind).inc()
