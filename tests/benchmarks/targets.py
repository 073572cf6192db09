"""What the gateway has to reach, and how much is run to find out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Target:
    """`unit` is that of what both relays are measured in; `compared`: what becomes of the two figures."""

    name: str
    compared: str
    bound: float
    at_least: bool
    unit: str

    def met(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


THROUGHPUT: Final = Target("throughput", "ratio", 0.6, True, "frames/s")
"""Frames relayed, of both directions, with 1,000 connections."""
LATENCY: Final = Target("latency", "added", 10.0, False, "ms p99")
"""99th percentile of the round trip, which goes through the relay twice, at half the throughput target."""
MEMORY: Final = Target("memory", "ratio", 1.3, False, "KiB/connection")
"""With 5,000 idle connections."""
ACCEPTS: Final = Target("accepts", "ratio", 0.5, True, "accepts/s")
"""5,000 chargers that come at once, with Basic authentication; the reference checks nothing."""

PARTS: Final = {target.name: target for target in (THROUGHPUT, LATENCY, MEMORY, ACCEPTS)}
LATENCY_LOAD: Final = 0.5
"""Of the frames per second that the throughput target asks for."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is run. `connections` under load, `crowd` of them idle or coming at once."""

    connections: int
    crowd: int
    repetitions: int
    crowd_repetitions: int
    warm_up_s: float
    seconds: float


FULL: Final = Plan(connections=1000, crowd=5000, repetitions=5, crowd_repetitions=3, warm_up_s=3, seconds=10)
QUICK: Final = Plan(connections=1000, crowd=5000, repetitions=3, crowd_repetitions=1, warm_up_s=1, seconds=4)
