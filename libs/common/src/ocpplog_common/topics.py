"""The topics: names, keys, partitions, compaction. Created by `ocpplog-admin topics`, never by a service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

FRAMES: Final = "ocpp.frames"
"""Key: charger id. Value: the frame, byte for byte; headers of `envelope.Header`."""
CONNECTIONS: Final = "ocpp.connections"
"""Key: charger id. Value: `records.ConnectionEvent`."""
SITES: Final = "ocpp.sites"
"""Key: site id. Value: `records.Site`. Compacted."""
CHARGERS: Final = "ocpp.chargers"
"""Key: charger id. Value: `records.Charger`. Compacted."""
TRANSACTION_IDS: Final = "ocpp.transaction-ids"
"""One partition, whose offsets are the ids that the gateways' built-in central system gives; its records mean nothing."""
DEAD_LETTER: Final = "ocpp.dead-letter"
"""Key, value and headers as at the source, and the reason: what could not be enriched for a reason of ours."""

_DAY_MS: Final = 24 * 3600 * 1000
_WEEK_MS: Final = 7 * _DAY_MS
_MAX_MESSAGE: Final = str(2 * 1024 * 1024)
"""Above the gateway's default limit of 1 MiB a frame, and its headers."""
MAX_LETTER_BYTES: Final = 2 * 1024 * 1024 + 64 * 1024
"""Whatever is on `ocpp.frames`, and why it was put aside."""
_COMPACT: Final = {"cleanup.policy": "compact"}


@dataclass(frozen=True, slots=True)
class TopicSpec:
    name: str
    partitions: int
    config: dict[str, str] = field(default_factory=dict)


def topic_specs(frames_partitions: int = 12) -> tuple[TopicSpec, ...]:
    """Every topic. `frames_partitions` bounds how many enrichers can share the work; do not change it on a topic with data:
    the order within a charger holds only while its partition stays the same."""
    return (
        TopicSpec(FRAMES, frames_partitions, {"retention.ms": str(_WEEK_MS), "max.message.bytes": _MAX_MESSAGE}),
        TopicSpec(CONNECTIONS, frames_partitions, {"retention.ms": str(_WEEK_MS)}),
        TopicSpec(SITES, 1, dict(_COMPACT)),
        TopicSpec(CHARGERS, 1, dict(_COMPACT)),
        TopicSpec(TRANSACTION_IDS, 1, {"retention.ms": str(_DAY_MS)}),
        TopicSpec(
            DEAD_LETTER, frames_partitions, {"retention.ms": str(4 * _WEEK_MS), "max.message.bytes": str(MAX_LETTER_BYTES)}
        ),
    )
