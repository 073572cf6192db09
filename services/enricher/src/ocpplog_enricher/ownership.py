"""Whether this process still holds the partitions whose rows it is about to write.

The group gives a partition away from a member that was silent for its session timeout, or did not rejoin within the rebalance
timeout: one that was stopped, or cut off from Kafka. The member itself learns of it last, with frames in hand. So the group's
coordinator is asked before a write; its yes holds for as long as it cannot give the partition to another member.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from ocpplog_enricher.errors import PartitionLost

_ASK_AGAIN_S: Final = 0.2
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine sleeps."""


async def certain(owned: Callable[[int], Awaitable[bool]], generation: int, holds: Callable[[], bool]) -> None:
    """Returns once `owned` says so of the generation. Raises PartitionLost once `holds`, which knows of what was taken away, says
    no."""
    while holds():
        if await owned(generation):
            if holds():
                return
            break
        await asyncio.sleep(_ASK_AGAIN_S)
    raise PartitionLost(f"of generation {generation}")


class Ownership:
    """`ask(generation)`: whether the coordinator counts this member to that generation. `holds_s`: for how long that is so for
    certain, from the moment of asking: the shorter of session and rebalance timeout."""

    def __init__(
        self,
        ask: Callable[[int], Awaitable[bool]],
        holds_s: float,
        now: Callable[[], float] = lambda: time.clock_gettime(_CLOCK),
    ) -> None:
        self._ask = ask
        # The rest is for what happens between looking at the clock and sending.
        self._ask_again_s = holds_s / 3
        self._now = now
        self._confirmed: tuple[int, float] = (-1, 0.0)
        self._asking = asyncio.Lock()

    async def confirmed(self, generation: int) -> bool:
        async with self._asking:
            if not self._fresh(generation):
                asked_at = self._now()
                if await self._ask(generation):
                    self._confirmed = generation, asked_at
            return self._fresh(generation)

    def _fresh(self, generation: int) -> bool:
        of, at = self._confirmed
        return of == generation and self._now() - at < self._ask_again_s
