"""Medians, percentiles and spreads."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of all values do not exceed (nearest rank). Raises ValueError for none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    # Of whole numbers, so that 99 of 100 is the 99th and not, by a rounding error, the 100th.
    rank = -(-len(ordered) * round(percent * 1000) // 100_000)
    return ordered[max(rank, 1) - 1]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and greatest of repetitions."""
    return {"median": statistics.median(values), "least": min(values), "greatest": max(values)}
