"""Names of entries and places in a list."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from dataclasses import asdict, dataclass
from typing import Any, Final

_ID: Final = re.compile(r"([0-9a-f]{1,12})-([0-9a-f]{32})-([0-9a-f]{1,8})")
_SIGNATURE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class EntryId:
    """Milliseconds since 1970, connection id (32 hex digits), number of the frame: enough to find the row by its key."""

    milliseconds: int
    connection_id: str
    sequence: int

    def __str__(self) -> str:
        return f"{self.milliseconds:x}-{self.connection_id}-{self.sequence:x}"

    @classmethod
    def parse(cls, text: str) -> EntryId:
        """Raises ValueError."""
        match = _ID.fullmatch(text)
        if not match:
            raise ValueError(text)
        return cls(int(match[1], 16), match[2], int(match[3], 16))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the key of its last entry."""

    datetime: str
    partition: int
    offset: int
    connection_id: str
    sequence: int


class CursorError(ValueError):
    """A cursor that is not ours, or belongs to another search."""


class Cursors:
    """Signed, and tied to the search that they continue."""

    def __init__(self, key: str) -> None:
        self._key = hashlib.sha256(b"ocpplog cursor " + key.encode()).digest()

    def encode(self, place: Place, search: Any) -> str:
        payload = json.dumps(list(asdict(place).values()), separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._sign(payload, search) + payload).decode().rstrip("=")

    def decode(self, cursor: str, search: Any) -> Place:
        """Raises CursorError."""
        try:
            data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (ValueError, binascii.Error):
            raise CursorError("not a cursor of this API") from None
        signature, payload = data[:_SIGNATURE_BYTES], data[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(payload, search)):
            raise CursorError("not a cursor of this search: keep the filters and the order, or start again without it")
        return Place(*json.loads(payload))

    def _sign(self, payload: bytes, search: Any) -> bytes:
        tied = json.dumps(search, sort_keys=True, default=str).encode()
        return hmac.digest(self._key, hashlib.sha256(tied).digest() + payload, "sha256")[:_SIGNATURE_BYTES]
