"""Collects garbage when we choose to: by itself, Python walks through what thousands of connections hold, while frames wait.

Nearly everything is freed without it. What it is needed for are connections that are gone, whose parts refer to each other.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Final

_YOUNG_EVERY_S: Final = 1.0
_ALL_EVERY: Final = 600
"""Rounds after which everything is looked at, whoever is gone."""
_LEAST_GONE: Final = 1000


class Collector:
    """`live`: how many connections there are. To be told of each that is `gone`."""

    def __init__(self, live: Callable[[], int]) -> None:
        self._live = live
        self._gone = 0
        self._rounds = 0

    def gone(self) -> None:
        self._gone += 1

    async def run(self) -> None:
        """For good. What is young is looked at every second, which takes a millisecond; everything, once as many connections are
        gone as there are left."""
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            while True:
                await asyncio.sleep(_YOUNG_EVERY_S)
                self.look()
        finally:
            gc.enable()

    def look(self) -> None:
        self._rounds += 1
        if self._gone < _LEAST_GONE + self._live() and self._rounds < _ALL_EVERY:
            gc.collect(0)
            return
        self._gone = self._rounds = 0
        gc.collect()
