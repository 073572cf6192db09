"""What stands on `ocpp.frames` and `ocpp.connections` at the end of a round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from faults.rig import PARTITIONS
from ocpplog_common import records, topics
from ocpplog_common.envelope import Envelope, Opcode
from ocpplog_common.records import ConnectionEvent, Gap
from ocpplog_common.settings import KafkaSettings

_POLL_MS: Final = 500
Name = tuple[str, int]
"""Connection id and sequence: a frame, for good."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record of `ocpp.frames`. `at_us`: when its gateway's producer made it, by the machine's clock."""

    partition: int
    offset: int
    at_us: int
    envelope: Envelope

    @property
    def name(self) -> Name:
        return self.envelope.connection_id, self.envelope.sequence

    @property
    def is_gap(self) -> bool:
        return self.envelope.opcode is Opcode.GAP

    @property
    def gap(self) -> Gap:
        return records.decode_gap(self.envelope.frame)


@dataclass(frozen=True, slots=True)
class Topic:
    """`frames` and `gaps` without copies, in the order of each partition; `copies` are what came again."""

    everything: Sequence[Recorded]
    frames: Sequence[Recorded]
    gaps: Sequence[Recorded]
    copies: Sequence[Recorded]
    events: Sequence[ConnectionEvent]
    false_copies: Sequence[Recorded]
    """They have the name of another, and are not the same."""


async def read(kafka: KafkaSettings) -> Topic:
    everything = [_recorded(record) for record in await _all(kafka, topics.FRAMES)]
    first: dict[tuple[Name, bool], Recorded] = {}
    copies, false = [], []
    for record in everything:
        known = first.setdefault((record.name, record.is_gap), record)
        if known is not record:
            copies.append(record)
            if known.envelope != record.envelope or known.partition != record.partition:
                false.append(record)
    frames = [record for record in first.values() if not record.is_gap]
    gaps = [record for record in first.values() if record.is_gap]
    events = [records.decode_connection_event(record.value) for record in await _all(kafka, topics.CONNECTIONS)]
    return Topic(everything, frames, gaps, copies, events, false)


def _recorded(record: Any) -> Recorded:
    envelope = Envelope.from_record(record.key, record.value, record.headers)
    return Recorded(record.partition, record.offset, record.timestamp * 1000, envelope)


async def _all(kafka: KafkaSettings, topic: str) -> list[Any]:
    """Every record, each partition in its order."""
    consumer = AIOKafkaConsumer(enable_auto_commit=False, auto_offset_reset="earliest", **kafka.kafka_client())
    await consumer.start()
    found: list[Any] = []
    try:
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                found += batch
    finally:
        await consumer.stop()
    return sorted(found, key=lambda record: (record.partition, record.offset))
