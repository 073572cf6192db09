"""What is to be replayed: a range of time, and of whom. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from ocpplog_common.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Span:
    """Frames that were received from `from_us` on and before `to_us` (microseconds, UTC), of these sites and chargers; empty:
    of all."""

    from_us: int
    to_us: int
    sites: frozenset[str] = frozenset()
    chargers: frozenset[str] = frozenset()

    def covers(self, envelope: Envelope) -> bool:
        return (
            self.from_us <= envelope.received_at_us < self.to_us
            and (not self.sites or envelope.site_id in self.sites)
            and (not self.chargers or envelope.charger_id in self.chargers)
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """Offsets of one partition: `first` to read from; `end`, from which on the live enricher is not done with what is there.
    `begin` is where the partition begins, and not 0 where older frames are gone."""

    partition: int
    begin: int
    first: int
    end: int


@dataclass(slots=True)
class Horizon:
    """When to read no further: once the topic has brought no frame of before `to_us` for as long as a frame may be late. It is
    where a gateway held it back while Kafka did not answer."""

    to_us: int
    late_us: int
    _newest_ms: int = 0
    """When the newest record of before `to_us` came to Kafka."""

    def __post_init__(self) -> None:
        self._newest_ms = self.to_us // 1000

    def passed(self, timestamp_ms: int) -> bool:
        """Whether a record that came to Kafka then, and all after it, are of no interest."""
        return timestamp_ms > self._newest_ms + self.late_us // 1000

    def saw(self, envelope: Envelope, timestamp_ms: int) -> None:
        if envelope.received_at_us < self.to_us:
            self._newest_ms = max(self._newest_ms, timestamp_ms)


def moment_us(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 time. Raises ValueError where it has no zone: nobody could say which was meant."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text}: without a zone; write {text}Z for UTC")
    return round(moment.timestamp() * 1_000_000)


def show(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).isoformat().replace("+00:00", "Z")
