"""From a bearer token (JWT, RFC 7519) to its caller."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

import jwt

from ocpplog_common.tokens import ALGORITHM, ALL_SITES, Role
from ocpplog_query_api import jwks
from ocpplog_query_api.errors import Unauthenticated
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.settings import ApiSettings

CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}
LEEWAY_S: Final = 10
"""How far the clocks of the issuer and of this host may be apart."""
_LEEWAY: Final = timedelta(seconds=LEEWAY_S)
_REQUIRED: Final = ["exp", "sub", "aud"]
_ROLES: Final = list(Role)
_LAST: Final = datetime(9999, 1, 1, tzinfo=UTC)
_MOST_KNOWN: Final = 1000
"""Tokens that need not be verified again."""


@dataclass(frozen=True, slots=True)
class Caller:
    subject: str
    role: Role
    scope: Scope
    expires_at: datetime
    """When the token does; aware."""


class Verifier(Protocol):
    async def verify(self, token: str) -> Caller:
        """Raises Unauthenticated, or IssuerUnavailable where the token cannot be checked."""
        ...


class Keys(Protocol):
    """Where the keys that sign are."""

    async def get(self, key_id: str | None) -> jwks.SigningKey:
        """Raises ValueError for an unknown one, and IssuerUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class KeyFile:
    """One shared secret, whatever id a token names."""

    key: jwks.SigningKey

    async def get(self, key_id: str | None) -> jwks.SigningKey:
        return self.key


@dataclass(frozen=True, slots=True)
class _Verified:
    key_id: str | None
    key: jwks.SigningKey
    """That the token was verified with."""
    caller: Caller


class JwtVerifier:
    """Tokens signed by an issuer with a JWKS, or with the key file. The key says what may have been signed with it, never the
    token.

    A token is verified once, and again when its key is another one or was read anew: a withdrawn key opens nothing.
    """

    def __init__(self, settings: ApiSettings, keys: Keys | None = None) -> None:
        self._settings = settings
        self._keys = keys or _keys(settings)
        self._known: OrderedDict[str, _Verified] = OrderedDict()

    async def verify(self, token: str) -> Caller:
        try:
            return (await self._again(token) or await self._first(token)).caller
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired: sign in again.", CHALLENGE) from None
        except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError):
            # The last two: claims such as {"exp": Infinity}.
            raise Unauthenticated("The token is not valid here.", CHALLENGE) from None

    async def _again(self, token: str) -> _Verified | None:
        """What is known of it, if that still holds."""
        known = self._known.get(token)
        if known is None:
            return None
        is_over = known.caller.expires_at + _LEEWAY <= datetime.now(UTC)
        if is_over or await self._keys.get(known.key_id) is not known.key:
            self._known.pop(token, None)
            return None
        return known

    async def _first(self, token: str) -> _Verified:
        key_id = jwt.get_unverified_header(token).get("kid")
        key = await self._keys.get(key_id)
        found = _Verified(key_id, key, _caller(self._claims(token, key), self._settings))
        self._known[token] = found
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return found

    def _claims(self, token: str, key: jwks.SigningKey) -> Mapping[str, Any]:
        issuer = self._settings.api_jwt_issuer or None
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=list(key.algorithms),
            audience=self._settings.api_jwt_audience,
            issuer=issuer,
            leeway=LEEWAY_S,
            options={"require": [*_REQUIRED, "iss"] if issuer else _REQUIRED},
        )
        return claims


def _keys(settings: ApiSettings) -> Keys:
    if settings.api_jwks_url:
        return jwks.IssuerKeys(partial(jwks.read, settings.api_jwks_url), settings.api_jwks_refresh_s)
    return KeyFile(jwks.SigningKey(settings.key, (ALGORITHM,)))


def claim(claims: Mapping[str, Any], path: str) -> Any:
    """What `path` names: a claim, or one in claims that have others, with dots between the names. None: there is none."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _caller(claims: Mapping[str, Any], settings: ApiSettings) -> Caller:
    expires_at = datetime.fromtimestamp(min(int(claims["exp"]), _LAST.timestamp()), UTC)
    role, sites = claim(claims, settings.api_jwt_role_claim), _texts(claim(claims, settings.api_jwt_sites_claim))
    return Caller(str(claims["sub"]), _role(_texts(role)), Scope(None if ALL_SITES in sites else frozenset(sites)), expires_at)


def _role(names: list[str]) -> Role:
    """The one that may do most: issuers list roles, those of other programs among them. Raises ValueError where none is ours."""
    return max((role for role in _ROLES if role in names), key=_ROLES.index)


def _texts(value: Any) -> list[str]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise ValueError("neither a text nor a list of texts")
    return found
