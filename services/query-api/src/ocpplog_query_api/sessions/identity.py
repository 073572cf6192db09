"""Names of sessions."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True)
class SessionId:
    """Site, charger, transaction id, and when its first message passed the gateway, in milliseconds since 1970: chargers use
    transaction ids again. It gives no rights: what it names is looked for among what the caller may see."""

    site_id: str
    charger_id: str
    transaction_id: str
    first_seen_ms: int

    def __str__(self) -> str:
        text = json.dumps(astuple(self), separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> SessionId:
        """Raises ValueError."""
        try:
            site, charger, transaction, first = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            "".join((site, charger, transaction)).encode()
        except (ValueError, TypeError, RecursionError, binascii.Error):
            raise ValueError(text) from None
        if type(first) is not int or not 0 <= first < 2**43:
            raise ValueError(text)
        return cls(site, charger, transaction, first)
