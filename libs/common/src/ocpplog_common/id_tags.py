"""What may stand in the place of an RFID tag: docs/adr/0011-rfid-tags.md.

Both forms are ASCII without quotes and backslashes, and fit where the standard allows a tag (OCPP 1.6 section 7.28: 20
characters).
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Final

_PREFIX: Final = "h:"
_DIGITS: Final = 16
_LEAST_KEY_BYTES: Final = 16
_STARS: Final = "****"
_MOST_KEPT: Final = 2


def masked(tag: bytes) -> str:
    """`****` and the last two characters of `tag` (UTF-8), or fewer: never more than a third of it, and none that is not a
    letter or digit of ASCII."""
    kept = min(_MOST_KEPT, len(tag) // 3)
    tail = tag[len(tag) - kept :]
    return _STARS + (tail.decode() if tail.isalnum() else "")


def hashed(tag: bytes, key: bytes) -> str:
    """`h:` and the first 16 hex digits of the HMAC-SHA256 of `tag` (UTF-8): the same for the same tag and key, whoever asks.

    Tags are compared without regard to case (CiString: OCPP 1.6 section 7.28; 2.0.1 part 2, IdTokenType), so the letters of
    ASCII are hashed in lower case.
    """
    return _PREFIX + hmac.digest(key, tag.lower(), hashlib.sha256).hex()[:_DIGITS]


def read_key(path: Path) -> bytes:
    """The key in a file, without the blanks around it. Raises OSError, or ValueError for one that is too short to be a key."""
    key = path.read_bytes().strip()
    if len(key) < _LEAST_KEY_BYTES:
        raise ValueError(f"{path}: a key of {_LEAST_KEY_BYTES} bytes at least is needed, as `openssl rand -hex 32` writes one")
    return key
