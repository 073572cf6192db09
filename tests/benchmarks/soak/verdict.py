"""Whether a quantity stays where it is: a robust slope over the run, after its warm-up."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from benchmarks.figures import median

_LEAST: Final = 8
"""Samples, below which nothing can be said."""
_FOUND: Final = 0.9
"""Share of the looks that have to find a quantity."""
_HOUR_S: Final = 3600.0
_END: Final = 0.2
"""Of the samples at either end, whose medians are shown."""


@dataclass(frozen=True, slots=True)
class Series:
    """Samples of one quantity: seconds since the run began, and what was found then."""

    at_s: Sequence[float]
    values: Sequence[float]

    def after(self, seconds: float) -> Series:
        kept = [(at, value) for at, value in zip(self.at_s, self.values, strict=True) if at >= seconds]
        return Series([at for at, _ in kept], [value for _, value in kept])

    @property
    def hours(self) -> float:
        return (self.at_s[-1] - self.at_s[0]) / _HOUR_S

    @property
    def ends(self) -> tuple[float, float]:
        """The medians of the first and of the last fifth."""
        size = max(1, round(len(self.values) * _END))
        return median(self.values[:size]), median(self.values[-size:])


def slope_an_hour(series: Series) -> float:
    """Theil and Sen's: the median of the slopes of all pairs. Up to 29 % of the samples may be anything.

    Raises ValueError for fewer than two moments.
    """
    points = list(zip(series.at_s, series.values, strict=True))
    slopes = [(y2 - y1) / (x2 - x1) for number, (x1, y1) in enumerate(points) for x2, y2 in points[number + 1 :] if x2 > x1]
    if not slopes:
        raise ValueError("fewer than two moments")
    return statistics.median(slopes) * _HOUR_S


class Rule(Protocol):
    def met(self, series: Series) -> bool: ...

    def words(self, unit: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Flat:
    """Grows while it is judged by no more than `floor`, or by `share` of its median an hour where that is more.

    The floor is what the quantity moves by although nothing leaks. A short run sees large leaks only.
    """

    floor: float
    share: float = 0.01

    def met(self, series: Series) -> bool:
        allowed = max(self.floor, self.share * abs(median(series.values)) * series.hours)
        return slope_an_hour(series) * series.hours <= allowed

    def words(self, unit: str) -> str:
        return f"{self.floor:g} {unit} more at most, or {self.share:.0%} an hour".replace("  ", " ")


@dataclass(frozen=True, slots=True)
class AtMost:
    """No sample is above."""

    limit: float

    def met(self, series: Series) -> bool:
        return max(series.values) <= self.limit

    def words(self, unit: str) -> str:
        return f"never above {self.limit:g} {unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Finding:
    """Of one quantity. `met` is None where it is shown and not judged; `bound` then says why."""

    name: str
    unit: str
    first: float
    last: float
    an_hour: float
    bound: str
    met: bool | None


def judge(name: str, unit: str, series: Series, rule: Rule | str, looks: int = 0) -> Finding:
    """A text instead of a rule says why there is none. `looks`: how often somebody looked; who found the quantity in too few of
    them has no proof of anything: not met."""
    if len(series.values) < max(_LEAST, _FOUND * looks):
        return Finding(name, unit, 0.0, 0.0, 0.0, f"{len(series.values)} samples are too few", False)
    bound, met = (rule, None) if isinstance(rule, str) else (rule.words(unit), rule.met(series))
    return Finding(name, unit, *series.ends, slope_an_hour(series), bound, met)
