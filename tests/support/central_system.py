"""The built-in central system with a clock that stands still and ids that count."""

from __future__ import annotations

from itertools import count

from ocpplog_gateway.central_system import CentralSystem

NOW: str = "2026-11-24T02:03:31.360Z"
INTERVAL_S: int = 300


class StandingClock:
    def now_us(self) -> int:
        return 1_795_485_811_360_999


class CountingIds:
    """`given` ids so far, from 1."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.given: list[int] = []

    async def __call__(self) -> int:
        self.given.append(next(self._numbers))
        return self.given[-1]


def central_system(subprotocol: str, ids: CountingIds | None = None) -> CentralSystem:
    return CentralSystem(subprotocol, StandingClock(), ids or CountingIds(), INTERVAL_S)
