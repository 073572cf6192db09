"""Records on their way to Kafka, and what the parts of the gateway want of each other about them. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, Protocol

from ocpplog_common.envelope import Connection, Opcode, Source
from ocpplog_common.records import ConnectionEvent
from ocpplog_gateway.gaps import Dropped

_OVERHEAD: Final = 900
"""Bytes that a record takes here besides its value: the objects, its headers."""


class Owner(Protocol):
    """Whose frame it is: one direction of a connection."""

    connection: Connection
    source: Source

    def release(self, record: Record) -> None:
        """The frame may be passed on. Frames of an owner are released in the order in which they were taken.

        Nothing may be taken before it returns: more frames of the queue may be about to be released.
        """
        ...

    def refuse(self, record: Record) -> None:
        """The frame must not be passed on."""
        ...


class Observer(Protocol):
    """Counts what happens to records."""

    def passed_early(self) -> None:
        """A frame was passed on before Kafka had it."""
        ...

    def dropped(self) -> None:
        """A frame no longer fitted, or Kafka would not take it."""
        ...

    def lost(self) -> None:
        """A record without an owner, a connection event, no longer fitted."""
        ...

    def declared(self) -> None:
        """Kafka has the declaration of a gap."""
        ...


class Record:
    """A record on its way to Kafka. `owner` is None where nobody waits for it; `passed`: its owner was told.

    `taken_at` is in seconds of a monotonic clock; `sequence` and `received_at_us` are a frame's, as in its headers.
    """

    __slots__ = ("dropped", "headers", "key", "opcode", "owner", "passed", "received_at_us", "sequence", "taken_at", "value")

    def __init__(
        self,
        key: bytes,
        value: bytes,
        headers: list[tuple[str, bytes]],
        taken_at: float,
        owner: Owner | None = None,
        opcode: Opcode = Opcode.TEXT,
        sequence: int = 0,
        received_at_us: int = 0,
        dropped: Dropped | None = None,
    ) -> None:
        self.key = key
        self.value = value
        self.headers = headers
        self.taken_at = taken_at
        self.owner = owner
        self.opcode = opcode
        self.sequence = sequence
        self.received_at_us = received_at_us
        self.dropped = dropped
        self.passed = owner is None

    @property
    def size(self) -> int:
        return len(self.value) + _OVERHEAD


class Queue:
    """What waits for one partition. `sending` is the batch under way; `again` one that failed: it may have arrived, so it goes
    first, as it was. `late`: Kafka takes longer than the patience; `behind`: therefore frames are not held back any more."""

    __slots__ = ("active", "again", "behind", "gaps", "late", "most", "partition", "sending", "topic", "waiting")

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.waiting: deque[Record] = deque()
        self.again: deque[Record] = deque()
        self.sending: list[Record] = []
        self.gaps: dict[tuple[str, Source, str], Dropped] = {}
        self.late = False
        self.behind = False
        self.active = False
        """Somebody is sending from it: `Buffer` does not look at this."""
        self.most = 0
        """Most records of the next batch; 0: as many as it takes."""

    @property
    def pending(self) -> bool:
        """Whether there is anything to send."""
        return bool(self.again or self.waiting or self.gaps)

    def records(self) -> Iterator[Record]:
        """All, oldest first."""
        yield from self.sending
        yield from self.again
        yield from self.waiting

    def oldest(self) -> Record | None:
        return next(self.records(), None)


class Recorder(Protocol):
    """Where frames are recorded."""

    def partition(self, key: bytes) -> Queue:
        """Where the frames of a charger go: ask once a connection, so that they stay in order."""
        ...

    def record(self, queue: Queue, owner: Owner, data: bytes, opcode: Opcode, sequence: int, received_at_us: int) -> None:
        """Record a frame. Its owner is told what becomes of it, during this call or later."""
        ...

    def announce(self, event: ConnectionEvent) -> None:
        """Record a connection event, as well as it goes."""
        ...
