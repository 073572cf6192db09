"""Bearer tokens (JWT, RFC 7519) of the query API: their claims, and how a local run mints them.

Claims besides the registered ones: `role` (viewer, analyst, support) and `sites`, a list of site ids, or `["*"]` for all.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import jwt

ALGORITHM: Final = "HS256"
AUDIENCE: Final = "ocpplog"
ALL_SITES: Final = "*"
ROLE_CLAIM: Final = "role"
SITES_CLAIM: Final = "sites"


class Role(StrEnum):
    """What a caller may do; each may also do what the one before it may."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    SUPPORT = "support"


def create_key(path: Path) -> str:
    """The signing key in the file `path` (hex, 256 bits), made first where there is none; only its owner may read it.

    Raises ValueError for an empty file.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # There as a whole, or not at all: whoever is killed in between leaves no empty key.
        made = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        made.touch(mode=0o600)
        try:
            made.write_text(secrets.token_hex(32) + "\n")
            made.rename(path)
        finally:
            made.unlink(missing_ok=True)
    if key := path.read_text().strip():
        return key
    raise ValueError(f"{path}: no key is in it")


def mint(key: str, subject: str, role: Role, sites: Sequence[str], lifetime_s: int) -> str:
    now = int(time.time())
    claims = {
        "sub": subject,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + lifetime_s,
        ROLE_CLAIM: role,
        SITES_CLAIM: list(sites),
    }
    return jwt.encode(claims, key, algorithm=ALGORITHM)
