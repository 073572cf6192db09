"""Who calls, and what they may see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol

import jwt
from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from ocpplog_common.tokens import ALGORITHM, ALL_SITES, ROLE_CLAIM, SITES_CLAIM, Role
from ocpplog_query_api.errors import Unauthenticated
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.settings import ApiSettings

_ASYMMETRIC = ["RS256", "RS384", "RS512", "ES256", "ES384", "PS256", "PS384", "PS512", "EdDSA"]
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, slots=True)
class Caller:
    subject: str
    role: Role
    scope: Scope
    expires_at: datetime
    """When the token does; aware."""


class Verifier(Protocol):
    def verify(self, token: str) -> Caller:
        """Raises Unauthenticated."""
        ...


class JwtVerifier:
    """Tokens signed with the key file, or by an issuer with a JWKS; the algorithms are pinned to the one or the other."""

    def __init__(self, settings: ApiSettings) -> None:
        self._issuer = settings.api_jwt_issuer or None
        self._audience = settings.api_jwt_audience
        self._key: Callable[[str], Any]
        if settings.api_jwks_url:
            keys = jwt.PyJWKClient(settings.api_jwks_url, timeout=5)
            self._algorithms = _ASYMMETRIC
            self._key = lambda token: keys.get_signing_key_from_jwt(token).key
        else:
            key = settings.key
            self._algorithms = [ALGORITHM]
            self._key = lambda _: key

    def verify(self, token: str) -> Caller:
        try:
            claims = jwt.decode(
                token,
                self._key(token),
                algorithms=self._algorithms,
                audience=self._audience,
                issuer=self._issuer,
                options={"require": ["exp", "sub", "aud"]},
            )
            return _caller(claims)
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired: sign in again.", _CHALLENGE) from None
        except (jwt.PyJWTError, ValueError):
            raise Unauthenticated("The token is not valid here.", _CHALLENGE) from None


def _caller(claims: dict[str, Any]) -> Caller:
    sites = claims.get(SITES_CLAIM)
    if not isinstance(sites, list) or not all(isinstance(site, str) for site in sites):
        raise ValueError(SITES_CLAIM)
    scope = Scope(None if ALL_SITES in sites else frozenset(sites))
    return Caller(str(claims["sub"]), Role(str(claims.get(ROLE_CLAIM))), scope, datetime.fromtimestamp(claims["exp"], UTC))


_bearer = HTTPBearer(auto_error=False, description="A JWT with the claims `role` and `sites`")


def current_caller(request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
    """The dependency of every endpoint under /v1."""
    if credentials is None:
        raise Unauthenticated("Send Authorization: Bearer <token>.", _CHALLENGE)
    verifier: Verifier = request.app.state.verifier
    return verifier.verify(credentials.credentials)


CurrentCaller = Annotated[Caller, Depends(current_caller)]
