"""Everything that can go wrong in the demo and that a caller may want to tell apart."""

from __future__ import annotations


class DemoError(Exception):
    """Root of the demo's errors."""


class NotConnectedError(DemoError):
    """There is no connection to send on, or it closed before the answer came."""


class NoAnswerError(DemoError):
    """The other side did not answer a CALL in time, or answered what is no OCPP."""


class RefusedError(DemoError):
    """The other side answered a CALL with a CALLERROR. `code` is its error code."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
