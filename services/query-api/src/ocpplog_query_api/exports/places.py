"""How many spreadsheets are on disk at once: each is there from its first row until it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from ocpplog_query_api.errors import ApiError, TooManyRequests, TooManySpreadsheets
from ocpplog_query_api.limits import AtOnce

WAIT_S: Final = 10.0
"""For a place, before anything is answered."""
_ALL: Final = "all"


class Places:
    """`most` of all, half of them of one caller: who reads slowly keeps a place, and others shall get one."""

    def __init__(self, most: int, wait_s: float = WAIT_S) -> None:
        self._all, self._own = AtOnce(most), AtOnce(max(1, most // 2))
        self._wait_s = wait_s
        self._waiting: dict[asyncio.Future[None], str] = {}

    @asynccontextmanager
    async def place(self, who: str) -> AsyncIterator[None]:
        """Waits for one, in turn. Raises TooManyRequests where the caller's own spreadsheets have theirs, and
        TooManySpreadsheets."""
        if not self._take(who):
            await self._turn(who)
        try:
            yield
        finally:
            self._give_back(who)

    async def _turn(self, who: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = who
        try:
            async with asyncio.timeout(self._wait_s):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                # It came in the very moment in which nobody waited any more.
                self._give_back(who)
            if isinstance(error, TimeoutError):
                raise self._refusal(who) from None
            raise
        finally:
            del self._waiting[turn]

    def _give_back(self, who: str) -> None:
        self._own.give_back(who)
        self._all.give_back(_ALL)
        for turn, next_one in self._waiting.items():
            if not turn.done() and self._take(next_one):
                turn.set_result(None)

    def _take(self, who: str) -> bool:
        if not self._own.take(who):
            return False
        if self._all.take(_ALL):
            return True
        self._own.give_back(who)
        return False

    def _refusal(self, who: str) -> ApiError:
        later = {"Retry-After": f"{self._wait_s:.0f}"}
        if self._own.take(who):
            self._own.give_back(who)
            return TooManySpreadsheets("Try again later, or download csv.", later)
        return TooManyRequests(f"{self._own.most} of your spreadsheets are being made or sent. Or download csv.", later)
