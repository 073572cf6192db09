"""Names of entries and places in a list."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, Final

_ID: Final = re.compile(r"([0-9a-f]{1,12})-([0-9a-f]{32})-([0-9a-f]{1,8})")
_TAG_BYTES: Final = 16


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
    connection_id: str
    sequence: int

    @property
    def values(self) -> tuple[str | int, ...]:
        return astuple(self)


class CursorError(ValueError):
    """A cursor that is not ours, or belongs to another search."""


class Cursors:
    """Sealed, and tied to what they continue: the search, and who asked.

    Whoever is somebody else gets no further with one, and cannot read it: when and on which connection there was something is
    not theirs to know. The tag is both signature and nonce (as in RFC 5297), so the same place gives the same cursor.
    """

    def __init__(self, key: str) -> None:
        self._key = hashlib.sha256(b"ocpplog cursor " + key.encode()).digest()

    def encode(self, place: Place, tied: Any) -> str:
        return self.seal(place.values, tied)

    def decode(self, cursor: str, tied: Any) -> Place:
        """Raises CursorError."""
        return Place(*self.unseal(cursor, tied))

    def seal(self, values: Sequence[Any], tied: Any) -> str:
        """`values` and `tied` are what JSON can hold."""
        payload = json.dumps(values, separators=(",", ":")).encode()
        tag = self._tag(payload, tied)
        return base64.urlsafe_b64encode(tag + self._hidden(payload, tag)).decode().rstrip("=")

    def unseal(self, cursor: str, tied: Any) -> list[Any]:
        """The values that were sealed. Raises CursorError."""
        try:
            data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (ValueError, binascii.Error):
            raise CursorError("not a cursor of this API") from None
        tag = data[:_TAG_BYTES]
        payload = self._hidden(data[_TAG_BYTES:], tag)
        if not hmac.compare_digest(tag, self._tag(payload, tied)):
            raise CursorError("not a cursor of this search: keep the filters and the order, or start again without it")
        values: list[Any] = json.loads(payload)
        return values

    def _tag(self, payload: bytes, tied: Any) -> bytes:
        search = json.dumps(tied, sort_keys=True, default=str).encode()
        return hmac.digest(self._key, hashlib.sha256(search).digest() + payload, "sha256")[:_TAG_BYTES]

    def _hidden(self, data: bytes, tag: bytes) -> bytes:
        stream = hashlib.shake_256(b"hide" + self._key + tag).digest(len(data))
        return bytes(one ^ other for one, other in zip(data, stream, strict=True))
