"""What can go wrong in the gateway."""

from __future__ import annotations

from collections.abc import Mapping


class GatewayError(Exception):
    """Base of the gateway's own errors."""


class CertificateError(GatewayError):
    """A client certificate that cannot be read or believed; the text is for the peer."""


class CredentialsError(GatewayError):
    """Named credentials that are not there; the text says which and why, and never what is in them."""


class Refusal(GatewayError):
    """A handshake that is answered with an HTTP error. `reason` is a short, stable word for metrics and events."""

    def __init__(self, status: int, reason: str, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.text = text
        self.headers = dict(headers or {})
