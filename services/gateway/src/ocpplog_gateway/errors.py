"""What can go wrong in the gateway."""

from __future__ import annotations

from collections.abc import Mapping


class GatewayError(Exception):
    """Base of the gateway's own errors."""


class Refusal(GatewayError):
    """A handshake that is answered with an HTTP error. `reason` is a short, stable word for metrics and events."""

    def __init__(self, status: int, reason: str, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.text = text
        self.headers = dict(headers or {})
