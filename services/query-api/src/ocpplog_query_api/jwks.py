"""The public keys of an OIDC issuer (JWKS, RFC 7517), read beside the answers and kept."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
import structlog

from ocpplog_query_api.errors import IssuerUnavailable

_log = structlog.get_logger(__name__)
_BY_TYPE: Final = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
"""What a key of each type may have signed where it does not say. No shared secrets: they are no public keys."""
_LIFETIME_S: Final = 600.0
_TIMEOUT_S: Final = 5.0
_LARGEST: Final = 1024 * 1024

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`algorithms`: those it may have signed with, by RFC 7518."""

    key: Any
    algorithms: tuple[str, ...]


class UnknownKey(ValueError):
    """The issuer has no such key."""


class IssuerKeys:
    """The keys at `fetch`, by their id.

    They are read again once they are ten minutes old, while those known go on; and at once for a key that is unknown, but at
    most every `refresh_s`, whatever is sent. While the issuer does not answer, what it said last holds.
    """

    def __init__(self, fetch: Callable[[], Document], refresh_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._refresh_s = refresh_s
        self._clock = clock
        self._keys: Mapping[str, SigningKey] = {}
        self._tried = self._read = float("-inf")
        self._failed = False
        self._reading: asyncio.Task[None] | None = None

    async def get(self, key_id: str | None) -> SigningKey:
        """The key of that id; None: the only one. Raises UnknownKey, or IssuerUnavailable where nobody can tell."""
        if found := self._known(key_id):
            if self._clock() - self._read > _LIFETIME_S:
                self._begin()
            return found
        if reading := self._begin():
            # It goes on where whoever asked goes away: others wait for it.
            await asyncio.shield(reading)
        if found := self._known(key_id):
            return found
        if self._failed:
            raise IssuerUnavailable("Try again in a moment.", {"Retry-After": str(max(1, round(self._refresh_s)))})
        raise UnknownKey(key_id)

    def _known(self, key_id: str | None) -> SigningKey | None:
        if key_id is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(key_id)

    def _begin(self) -> asyncio.Task[None] | None:
        """The reading that is under way, or has begun now; None where the last one was just now."""
        if self._reading is None and self._clock() - self._tried >= self._refresh_s:
            self._tried = self._clock()
            self._reading = asyncio.create_task(self._refresh(), name="read the issuer's keys")
        return self._reading

    async def _refresh(self) -> None:
        try:
            self._keys = signing_keys(await asyncio.to_thread(self._fetch))
            self._read, self._failed = self._clock(), False
        except Exception as error:
            # Of whatever kind: what is read comes from elsewhere.
            self._failed = True
            _log.warning("the issuer's keys cannot be read", error=repr(error))
        finally:
            self._reading = None


def signing_keys(document: Document) -> dict[str, SigningKey]:
    """The usable keys of a JWKS by their id ("" for one without); others are left out. Raises ValueError for what is no JWKS."""
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(keys, list):
        raise ValueError("not a JWKS")
    found = {}
    for entry in keys:
        if isinstance(entry, dict) and (key := _signing_key(entry)):
            found[str(entry.get("kid", ""))] = key
    return found


def _signing_key(entry: dict[str, Any]) -> SigningKey | None:
    allowed = _BY_TYPE.get(str(entry.get("kty")), ())
    algorithms = tuple(name for name in allowed if entry.get("alg") in (None, name))
    if not algorithms or entry.get("use", "sig") != "sig":
        return None
    try:
        return SigningKey(jwt.PyJWK(entry).key, algorithms)
    except jwt.PyJWTError:
        return None


def read(url: str) -> Document:
    """Blocks. Raises OSError and ValueError."""
    with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
        found: Document = json.loads(answer.read(_LARGEST))
        return found
