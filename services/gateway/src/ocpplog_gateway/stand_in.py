"""The built-in central system as a side of a relay."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from ocpplog_common.envelope import Opcode
from ocpplog_gateway.central_system import CentralSystem
from ocpplog_gateway.sides import Ending, Listener

_MAX_WAITING: Final = 16


class StandIn:
    """Answers in the order of the requests, one at a time: a transaction id may have to be waited for."""

    def __init__(self, central_system: CentralSystem) -> None:
        self._central_system = central_system
        self._listener: Listener | None = None
        self._waiting: deque[bytes] = deque()
        self._held = False
        self._ended = False
        self._answering: asyncio.Task[None] | None = None

    @property
    def congested(self) -> bool:
        return len(self._waiting) >= _MAX_WAITING

    def attach(self, listener: Listener) -> None:
        self._listener = listener

    def send_message(self, data: bytes) -> None:
        if not self._ended:
            self._waiting.append(data)
            self._go_on()

    def hold(self) -> None:
        self._held = True

    def resume(self) -> None:
        self._held = False
        self._go_on()

    async def end(self, code: int, reason: str) -> None:
        if self._ended:
            return
        self._ended = True
        self._waiting.clear()
        if self._answering:
            self._answering.cancel()
            await asyncio.wait({self._answering})
        if self._listener:
            self._listener.ended(Ending(code, reason, ours=True))
            self._listener.writable()

    def _go_on(self) -> None:
        if self._answering is None and self._waiting and not self._held:
            self._answering = asyncio.create_task(self._answer())

    async def _answer(self) -> None:
        listener = self._listener
        assert listener is not None
        try:
            while self._waiting and not self._held:
                congested = self.congested
                answer = await self._central_system.answer(self._waiting.popleft())
                if answer is not None:
                    listener.message(answer, Opcode.TEXT)
                if congested:
                    listener.writable()
        finally:
            self._answering = None
