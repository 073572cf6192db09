"""A frame at its place in the partition."""

from __future__ import annotations

from dataclasses import dataclass

from ocpplog_common.envelope import Envelope
from ocpplog_common.ocppj import Frame
from ocpplog_common.records import Gap


@dataclass(frozen=True, slots=True)
class Observed:
    """A frame, or what stands for frames that are missing, at its place in the partition."""

    envelope: Envelope
    frame: Frame | Gap
    offset: int
