"""The transactions that one connection started: a StartTransaction that comes again gets the id that it had."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Final

from msgspec import Struct

from ocpplog_gateway.central_system.dialect import Request

MAX_REMEMBERED: Final = 64
"""StartTransactions remembered a connection: more than a charging station has connectors."""


class _Stop(Struct, rename="camel"):
    transaction_id: int


class StartedTransactions:
    """OCPP 1.6 section 3.7.1 lets a charge point send a StartTransaction again, under the same or another message id.

    `new_id` gives the id of a new transaction.
    """

    def __init__(self, new_id: Callable[[], Awaitable[int]]) -> None:
        self._new_id = new_id
        self._ids: dict[bytes, int] = {}
        self._lock = asyncio.Lock()

    async def start(self, message_id: str, request: Request) -> int:
        """The id of the transaction that `request` starts, or has started before. Raises what `new_id` raises."""
        key = _identity(message_id, request)
        # A retry can come while the id of the first is still being fetched.
        async with self._lock:
            if key not in self._ids:
                self._ids[key] = await self._new_id()
                self._forget_oldest()
            return self._ids[key]

    def stop(self, request: Request) -> None:
        """What has ended cannot be started again by a retry: with a clock that stands still, the next one may look the same."""
        ended = request.read(_Stop)
        if ended:
            self._ids = {key: known for key, known in self._ids.items() if known != ended.transaction_id}

    def _forget_oldest(self) -> None:
        if len(self._ids) > MAX_REMEMBERED:
            del self._ids[next(iter(self._ids))]


def _identity(message_id: str, request: Request) -> bytes:
    """Connector, tag, meter and time are those of one transaction. Without the time, the message id has to tell."""
    told_by = b"" if request.has("timestamp") else message_id.encode()
    return sha256(told_by + b"\0" + request.payload).digest()
