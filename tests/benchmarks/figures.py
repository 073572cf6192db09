"""Medians, percentiles and spread."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of all values do not exceed (nearest rank). Raises ValueError for none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    # In whole numbers: by a rounding error, the 99th of 100 would be the 100th.
    rank = -(-len(ordered) * round(percent * 1000) // 100_000)
    return ordered[max(rank, 1) - 1]


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """Between them is the middle half of the values (nearest rank); of two or three, all of them. Raises ValueError for none."""
    return percentile(values, 25), percentile(values, 75)
