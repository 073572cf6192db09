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
        """The two as one, of which `other` came later: a clock that was set back in between tells it wrong."""
        same = self.last_connection_id == other.connection.connection_id
        return replace(
            self,
            first_us=min(self.first_us, other.first_us),
            last_us=max(self.last_us, other.last_us),
            count=self.count + other.count,
            size=self.size + other.size,
            connections=self.connections + other.connections - same,
            last_connection_id=other.last_connection_id,
        )

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
