"""Charger passwords: a salted hash that is fast on purpose.

OCPP's keys are random: 16 to 20 bytes (AuthorizationKey: OCPP 1.6 security whitepaper, A00.FR.205), or 16 to 40 characters
(BasicAuthPassword: OCPP 2.0.1 part 2, A00.FR.205). There is no dictionary to try, so a slow hash would protect nothing; it would
limit how fast a region's chargers come back after a power cut. HMAC-SHA256 under a random salt suffices.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import re
import secrets

_SCHEME = "hmac-sha256"
_HASH = re.compile(_SCHEME + r"\$[0-9a-fA-F]{2,}\$[0-9a-fA-F]{64}")


def hash_password(password: bytes, salt: bytes | None = None) -> str:
    """`hmac-sha256$<salt, hex>$<digest, hex>`."""
    salt = salt if salt is not None else secrets.token_bytes(16)
    return f"{_SCHEME}${salt.hex()}${hmac.digest(salt, password, hashlib.sha256).hex()}"


def is_hash(stored: str) -> bool:
    """Whether it can be of a password, and is not the password itself."""
    return bool(_HASH.fullmatch(stored))


def verify_password(password: bytes, stored: str) -> bool:
    """Whether `password` is the one behind `stored`, compared in constant time.

    A key of hex digits may have been stored as digits and be sent as the bytes that they mean, or the other way round: both
    spellings of the same key are accepted.
    """
    try:
        scheme, salt, digest = stored.split("$")
        salt_bytes, digest_bytes = bytes.fromhex(salt), bytes.fromhex(digest)
    except ValueError:
        return False
    if scheme != _SCHEME:
        return False
    found = False
    for spelling in _spellings(password):
        found |= hmac.compare_digest(hmac.digest(salt_bytes, spelling, hashlib.sha256), digest_bytes)
    return found


def _spellings(password: bytes) -> list[bytes]:
    raw = [password]
    with contextlib.suppress(ValueError):
        raw.append(bytes.fromhex(password.decode("ascii")))
    return [spelling for key in raw for spelling in (key, key.hex().encode(), key.hex().upper().encode())]
