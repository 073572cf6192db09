"""What a direction holds between receiving a message and passing it on."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class InFlight(Generic[_Item]):
    """A queue bounded in items and in bytes, for one that puts and one that gets.

    Both, since a count alone bounds nothing: a few chargers with messages of a megabyte would fill the memory of all. An item
    longer than `max_bytes` still passes, with nothing but empty ones beside it.
    """

    def __init__(self, max_items: int, max_bytes: int) -> None:
        self._items: asyncio.Queue[tuple[_Item, int]] = asyncio.Queue(max_items)
        self._max_bytes = max_bytes
        self._bytes = 0
        self._taken = asyncio.Event()

    async def put(self, item: _Item, size: int) -> None:
        """Waits for room."""
        while self._bytes and self._bytes + size > self._max_bytes:
            self._taken.clear()
            await self._taken.wait()
        self._bytes += size
        await self._items.put((item, size))

    async def get(self) -> _Item:
        item, size = await self._items.get()
        self._bytes -= size
        self._taken.set()
        return item
