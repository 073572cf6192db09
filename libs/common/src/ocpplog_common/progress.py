"""Whether a peer takes what is sent to it, however slowly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Progress:
    """Calls `stuck` once nothing of what waits in the buffer of `transport` was taken for `within_s`, until `cancel`.

    A long message takes minutes on a slow link, and is on its way for as long as less and less is left of it.
    """

    def __init__(self, transport: asyncio.WriteTransport, within_s: float, stuck: Callable[[], None]) -> None:
        self._transport, self._within_s, self._stuck = transport, within_s, stuck
        self._watch(transport.get_write_buffer_size())

    def cancel(self) -> None:
        self._timer.cancel()

    def _watch(self, left: int) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._within_s, self._look, left)

    def _look(self, before: int) -> None:
        left = self._transport.get_write_buffer_size()
        if left < before:
            self._watch(left)
        else:
            self._stuck()
