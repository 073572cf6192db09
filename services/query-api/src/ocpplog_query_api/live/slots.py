"""How many streams there may be."""

from __future__ import annotations

from collections import Counter

from ocpplog_query_api import metrics
from ocpplog_query_api.errors import TooManyStreams, TooManyStreamsOfCaller


class Slots:
    """`total`: of this process; `each`: of a caller."""

    def __init__(self, total: int, each: int) -> None:
        self._total = total
        self._each = each
        self._taken: Counter[str] = Counter()

    def take(self, subject: str) -> None:
        """Raises TooManyStreams or TooManyStreamsOfCaller."""
        if self._taken[subject] >= self._each:
            raise TooManyStreamsOfCaller(f"You have {self._each} streams, which is all you may have: close one.")
        if self._taken.total() >= self._total:
            raise TooManyStreams("Try again in a moment, or search the log instead.", {"Retry-After": "10"})
        self._taken[subject] += 1
        metrics.TAILS.inc()

    def give_back(self, subject: str) -> None:
        self._taken[subject] -= 1
        # Neither zeros, nor those that asked in vain.
        self._taken = +self._taken
        metrics.TAILS.dec()
