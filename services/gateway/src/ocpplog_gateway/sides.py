"""The two sides of a relay, as it sees them. No I/O.

All calls are made on the event loop and none is awaited: there is no task, queue or future for a message, which is most of what a
relay costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ocpplog_common.envelope import Opcode


@dataclass(frozen=True, slots=True)
class Ending:
    """How a side ended: the close frame that it sent or, with `ours`, that was sent to it. 1006 where there was none."""

    code: int
    reason: str
    ours: bool = False


class Listener(Protocol):
    """What a side tells the relay."""

    def message(self, data: bytes, opcode: Opcode) -> None:
        """A whole message, to be passed on."""
        ...

    def violation(self, data: bytes, opcode: Opcode) -> None:
        """A message that is not passed on (binary, or text that is not UTF-8): the side is being closed for it."""
        ...

    def ended(self, ending: Ending) -> None:
        """No message comes any more. Told once."""
        ...

    def writable(self) -> None:
        """The side is not congested any more, or it is gone."""
        ...


class Side(Protocol):
    """A charger, or a central system."""

    @property
    def congested(self) -> bool:
        """Whether it reads too slowly: then nothing more should be sent to it."""
        ...

    def attach(self, listener: Listener) -> None:
        """Deliver to `listener` from now on, first what came before."""
        ...

    def send_message(self, data: bytes) -> None:
        """Send a text message (UTF-8). One that has ended is sent nothing."""
        ...

    def hold(self) -> None:
        """Deliver nothing more, soon, until `resume`."""
        ...

    def resume(self) -> None:
        """Deliver again, soon, but nothing before this returns."""
        ...

    async def end(self, code: int, reason: str) -> None:
        """Close, however little it cooperates; returns when it is gone."""
        ...
