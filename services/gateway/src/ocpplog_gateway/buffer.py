"""What waits for Kafka: in order, bounded in bytes, and what becomes of it while Kafka is silent. No I/O.

A frame is passed on once Kafka has acknowledged it. When Kafka stays silent for longer than the patience of the mode, then

- in mode `hold`, frames are passed on all the same and go on waiting here, until Kafka has caught up;
- in mode `strict`, they are refused: they go on waiting, and are never passed on.

When more waits than fits, the oldest are dropped, and declared as soon as Kafka answers: never a silent loss.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from ocpplog_common.envelope import Opcode
from ocpplog_gateway.gaps import Dropped
from ocpplog_gateway.queues import Observer, Queue, Record

TOO_LATE: Final = "Kafka did not answer and the buffer was full"
TOO_LARGE: Final = "Kafka does not take a record of this size"


class Buffer:
    """`patience_s`: how long Kafka may take over a record, in seconds."""

    def __init__(self, max_bytes: int, patience_s: float, observer: Observer, *, strict: bool) -> None:
        self._max_bytes = max_bytes
        self._patience_s = patience_s
        self._strict = strict
        self._observer = observer
        self._queues: dict[tuple[str, int], Queue] = {}
        self.bytes = 0

    def queue(self, topic: str, partition: int) -> Queue:
        found = self._queues.get((topic, partition))
        if found is None:
            found = self._queues[topic, partition] = Queue(topic, partition)
        return found

    def queues(self) -> Iterable[Queue]:
        return self._queues.values()

    def __len__(self) -> int:
        """Records that Kafka has not acknowledged."""
        return sum(len(queue.sending) + len(queue.again) + len(queue.waiting) for queue in self._queues.values())

    def left(self) -> int:
        """Frames and events that Kafka does not know of: those that wait, and those that were dropped and are not declared."""
        found = 0
        for queue in self._queues.values():
            found += sum(record.dropped.count if record.dropped else 1 for record in queue.records())
            found += sum(dropped.count for dropped in queue.gaps.values())
        return found

    def take(self, queue: Queue, record: Record) -> None:
        queue.waiting.append(record)
        self.bytes += record.size
        if queue.behind:
            self._tell(record)
        while self.bytes > self._max_bytes and self._drop_oldest():
            pass

    def fill(self, queue: Queue, append: Callable[[Record], bool], now: float) -> None:
        """Move what the next batch takes to `sending`: `append` says whether it did. Gaps go before what waits."""
        assert not queue.sending
        if not _move(queue, queue.again, append):
            return
        for key, dropped in list(queue.gaps.items()):
            declaration = _declaration(dropped, now)
            if not append(declaration):
                return
            queue.sending.append(declaration)
            self.bytes += declaration.size
            del queue.gaps[key]
        _move(queue, queue.waiting, append)

    def acknowledged(self, queue: Queue, now: float) -> None:
        """Kafka has the batch under way."""
        sent, queue.sending = queue.sending, []
        queue.most = 0
        for record in sent:
            self.bytes -= record.size
            if record.dropped:
                self._observer.declared()
            if not record.passed:
                record.passed = True
                assert record.owner
                record.owner.release(record)
        if queue.late or queue.behind:
            oldest = queue.oldest()
            queue.late = oldest is not None and now - oldest.taken_at > self._patience_s
            queue.behind = queue.behind and queue.late

    def put_back(self, queue: Queue) -> None:
        """Kafka did not take the batch under way: it is the next one again."""
        queue.again.extendleft(reversed(queue.sending))
        queue.sending = []

    def too_large(self, queue: Queue) -> None:
        """Kafka refuses the batch under way for its size. Halved until it is one record: then that is a gap."""
        if len(queue.sending) > 1:
            queue.most = len(queue.sending) // 2
            self.put_back(queue)
            return
        [record] = queue.sending
        queue.sending = []
        self._drop(queue, record, TOO_LARGE)

    def check(self, now: float) -> None:
        """Look for records over which Kafka takes too long. To be called a few times within the patience."""
        for queue in self._queues.values():
            oldest = queue.oldest()
            if oldest is None or now - oldest.taken_at <= self._patience_s:
                continue
            queue.late = True
            if self._strict:
                self._refuse_until(queue, now - self._patience_s)
            else:
                self._fall_behind(queue)

    def _refuse_until(self, queue: Queue, taken_before: float) -> None:
        # Whoever is refused closes a connection, and that changes nothing here.
        for record in queue.records():
            if record.taken_at >= taken_before:
                return
            self._tell(record)

    def _fall_behind(self, queue: Queue) -> None:
        if not queue.behind:
            queue.behind = True
            for record in queue.records():
                self._tell(record)

    def _tell(self, record: Record) -> None:
        """Tell the owner, once, what becomes of a frame that Kafka does not take in time."""
        if record.passed:
            return
        record.passed = True
        assert record.owner
        if self._strict:
            record.owner.refuse(record)
        else:
            self._observer.passed_early()
            record.owner.release(record)

    def _drop_oldest(self) -> bool:
        """False where there is nothing that could be dropped: a batch that is or was under way may have arrived."""
        waiting = [queue for queue in self._queues.values() if queue.waiting]
        if not waiting:
            return False
        queue = min(waiting, key=lambda queue: queue.waiting[0].taken_at)
        if not self._strict:
            # In order: what was taken before the dropped one is passed on before it.
            self._fall_behind(queue)
        self._drop(queue, queue.waiting.popleft(), TOO_LATE)
        return True

    def _drop(self, queue: Queue, record: Record, reason: str) -> None:
        self.bytes -= record.size
        if record.owner is None:
            self._observer.lost()
            return
        self._tell(record)
        self._observer.dropped()
        owner = record.owner
        one = Dropped.one(owner.connection, owner.source, record.sequence, record.received_at_us, len(record.value), reason)
        self._declare_later(queue, one)

    def _declare_later(self, queue: Queue, dropped: Dropped) -> None:
        # By charger, not by connection: one that comes back every minute of an outage must not fill the memory.
        key = dropped.connection.charger_id, dropped.source, dropped.reason
        known = queue.gaps.get(key)
        queue.gaps[key] = known.joined(dropped) if known else dropped


def _declaration(dropped: Dropped, now: float) -> Record:
    connection = dropped.connection
    headers = connection.headers(dropped.source, Opcode.GAP, dropped.sequence, dropped.first_us)
    return Record(connection.key, dropped.encode(), headers, now, dropped=dropped)


def _move(queue: Queue, records: deque[Record], append: Callable[[Record], bool]) -> bool:
    """Whether all of them are in the next batch."""
    while records and not 0 < queue.most <= len(queue.sending) and append(records[0]):
        queue.sending.append(records.popleft())
    return not records
