"""Frames that could not be kept for Kafka, and how they are declared. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ocpplog_common import records
from ocpplog_common.envelope import Connection, Source


@dataclass(frozen=True, slots=True)
class Dropped:
    """Frames of one charger and source that were dropped.

    `connection` and `sequence` are those of the first; `first_us` and `last_us` say when the first and the last were received
    (microseconds since 1970, UTC); `size` is the sum of their lengths.
    """

    connection: Connection
    source: Source
    sequence: int
    first_us: int
    last_us: int
    count: int
    size: int
    connections: int
    last_connection_id: str
    reason: str

    @classmethod
    def one(cls, connection: Connection, source: Source, sequence: int, at_us: int, size: int, reason: str) -> Dropped:
        return cls(connection, source, sequence, at_us, at_us, 1, size, 1, connection.connection_id, reason)

    def joined(self, other: Dropped) -> Dropped:
        """The two as one. Connection and sequence are those of the earlier."""
        first, second = (self, other) if self._place() <= other._place() else (other, self)
        same = first.last_connection_id == second.connection.connection_id
        return replace(
            first,
            last_us=max(first.last_us, second.last_us),
            count=first.count + second.count,
            size=first.size + second.size,
            connections=first.connections + second.connections - same,
            last_connection_id=second.last_connection_id,
        )

    def _place(self) -> tuple[int, str, int]:
        return self.first_us, self.connection.connection_id, self.sequence

    def encode(self) -> bytes:
        """The value of the record that declares them."""
        return records.encode(
            records.Gap(
                charger_id=self.connection.charger_id,
                site_id=self.connection.site_id,
                source=self.source,
                first_at=_time(self.first_us),
                last_at=_time(self.last_us),
                count=self.count,
                bytes=self.size,
                connections=self.connections,
                reason=self.reason,
            )
        )


def _time(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1_000_000, UTC)
