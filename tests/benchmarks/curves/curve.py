"""A curve, as it is measured, kept and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.figures import median, quartiles


@dataclass(frozen=True, slots=True)
class Point:
    """At `x`: the median, and between which two the middle half of the repetitions lies."""

    x: float
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Curve:
    """`x` and `y` say what the axes are; `note`: what else the reader has to know."""

    name: str
    x: str
    y: str
    lines: Mapping[str, Sequence[Point]]
    note: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> Curve:
        lines = {name: [Point(**point) for point in points] for name, points in found["lines"].items()}
        return Curve(found["name"], found["x"], found["y"], lines, found["note"])


def point(x: float, values: Sequence[float]) -> Point:
    """Raises ValueError for no values."""
    return Point(x, median(values), *quartiles(values))
