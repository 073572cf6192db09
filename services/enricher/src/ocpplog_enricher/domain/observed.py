"""A frame at its place in the partition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from ocpplog_common import ocppj
from ocpplog_common.envelope import Envelope, Opcode
from ocpplog_common.ocppj import Frame
from ocpplog_common.records import Gap, decode_gap


class Record(Protocol):
    """What is read of a consumer's record of `ocpp.frames`."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Observed(msgspec.Struct, frozen=True, gc=False):
    """A frame, or what stands for frames that are missing, at its place in the partition."""

    envelope: Envelope
    frame: Frame | Gap
    offset: int


def observed(record: Record) -> Observed:
    """Raises EnvelopeError, or RecordError for a gap that cannot be read."""
    envelope = Envelope.from_record(record.key, record.value, record.headers)
    gap = envelope.opcode is Opcode.GAP
    frame = decode_gap(envelope.frame) if gap else ocppj.parse(envelope.frame)
    return Observed(envelope, frame, record.offset)
