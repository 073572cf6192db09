"""Tokens and key sets: whatever is sent, it is a caller of a good signature or Unauthenticated, and nobody more than they claim.

Letter `a`: a token as it is; `b`: header and claims, a line each, signed with something public; `c`: claims, rightly signed;
`d`: a JWKS.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import OKPAlgorithm

from fuzz.source import Source
from ocpplog_common.tokens import Role
from ocpplog_query_api.errors import IssuerUnavailable, Unauthenticated
from ocpplog_query_api.jwks import IssuerKeys, signing_keys
from ocpplog_query_api.settings import ApiSettings
from ocpplog_query_api.verification import Caller, JwtVerifier

WORDS = tuple(
    f'"{word}"'.encode()
    for word in (
        *(
            "alg",
            "kid",
            "none",
            "HS256",
            "EdDSA",
            "RS256",
            "typ",
            "crit",
            "b64",
            "jwk",
            "jku",
            "exp",
            "nbf",
            "iat",
            "sub",
            "aud",
            "iss",
        ),
        *(
            "role",
            "sites",
            "support",
            "*",
            "ocpplog",
            "keys",
            "kty",
            "OKP",
            "RSA",
            "EC",
            "oct",
            "crv",
            "Ed25519",
            "x",
            "n",
            "e",
            "use",
        ),
    )
)
_KEY = Ed25519PrivateKey.from_private_bytes(b"7" * 32)
_PUBLIC: dict[str, Any] = OKPAlgorithm.to_jwk(_KEY.public_key(), as_dict=True) | {"kid": "one"}
_SECRET = "5e" * 32
_GOOD = {"sub": "anna", "aud": "ocpplog", "exp": 4_000_000_000, "role": "viewer", "sites": ["a"]}
_TOKEN = jwt.encode(_GOOD, _KEY, "EdDSA", {"kid": "one"})
_KNOWN = (
    b"",
    json.dumps(_PUBLIC).encode(),
    _KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    _KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
)
"""What anybody may have; not the secrets."""


def _settings() -> ApiSettings:
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write(_SECRET)
    return ApiSettings(api_jwt_key_file=Path(file.name))


_VERIFIERS = (JwtVerifier(_settings(), IssuerKeys(lambda: {"keys": [_PUBLIC]}, 1e9)), JwtVerifier(_settings()))


def seeds() -> Iterable[bytes]:
    claims = json.dumps(_GOOD).encode()
    yield b"a" + _TOKEN.encode()
    yield b"a" + jwt.encode(_GOOD, _SECRET + "x", "HS256").encode()
    deep = urlsafe_b64encode(b'{"alg":' + b"[" * 1500)
    yield b"a%b.%b.%b" % (deep, deep, deep)
    for header in (
        '{"alg":"HS256","kid":"one"}',
        '{"alg":"none"}',
        '{"alg":"EdDSA","kid":["one"]}',
        '{"alg":"HS256","b64":false,"crit":["b64"]}',
    ):
        for key in b"abcd":
            yield b"b%c%b\n%b" % (key, header.encode(), claims)
    yield from (b"ca" + claims, b"cb" + claims, b'ca{"exp":Infinity,"sub":"x","aud":["ocpplog"],"role":["support"],"sites":"*"}')
    keys = [
        _PUBLIC,
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "RSA", "n": 1, "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
    ]
    yield b"d" + json.dumps({"keys": keys}).encode()


def check(data: bytes) -> None:
    source = Source(data)
    source.choice((_any, _forged, _signed, _key_set))(source)


def _any(source: Source) -> None:
    token = source.text()
    for verifier in _VERIFIERS:
        # An Authorization header is Latin-1.
        caller = _verified(verifier, token.encode().decode("latin-1").strip())
        assert caller is None or _means(token) == _means(_TOKEN)


def _forged(source: Source) -> None:
    key = source.choice(_KNOWN)
    signed = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in (source.line(), source.rest()))
    tag = urlsafe_b64encode(hmac.digest(key, signed, hashlib.sha256)).rstrip(b"=")
    for token in (signed + b"." + tag, signed + b"."):
        for verifier in _VERIFIERS:
            assert _verified(verifier, token.decode()) is None


def _signed(source: Source) -> None:
    verifier = source.choice(_VERIFIERS)
    payload = source.rest()
    if verifier is _VERIFIERS[0]:
        token = jwt.api_jws.encode(payload, _KEY, "EdDSA", {"kid": "one"})
    else:
        token = jwt.api_jws.encode(payload, _SECRET, "HS256")
    caller = _verified(verifier, token)
    if caller is None:
        return
    claims = json.loads(payload)
    assert caller.role.value in claims["role"] and caller.subject == claims["sub"] and caller.expires_at.tzinfo
    assert caller.role is Role.SUPPORT or "support" not in (
        [claims["role"]] if isinstance(claims["role"], str) else claims["role"]
    )
    assert caller.scope.sites is None or caller.scope.sites <= set(
        claims["sites"] if isinstance(claims["sites"], list) else [claims["sites"]]
    )
    assert caller.scope.sites is not None or "*" in claims["sites"]
    assert "ocpplog" in claims["aud"]


def _key_set(source: Source) -> None:
    """A key that is none keeps no other from being read; no key is a shared secret."""
    try:
        document = json.loads(source.rest())
    except (ValueError, RecursionError):
        return
    try:
        found = signing_keys(document)
    except ValueError as error:
        assert str(error) == "not a JWKS"
        return
    assert all(name[:2] in ("RS", "PS", "ES", "Ed") for key in found.values() for name in key.algorithms)
    assert "ours" in signing_keys({"keys": [*document["keys"], _PUBLIC | {"kid": "ours"}]})


def _means(token: str) -> list[bytes]:
    """The parts of a token; base64 spells each in several ways."""
    return [jwt.utils.base64url_decode(part) for part in token.strip().split(".")]


def _verified(verifier: JwtVerifier, token: str) -> Caller | None:
    try:
        return _run(verifier.verify(token))
    except (Unauthenticated, IssuerUnavailable):
        return None


def _run(work: Coroutine[Any, Any, Caller]) -> Caller:
    """What waits for nothing needs no loop; the keys are read in one."""
    try:
        work.send(None)
    except StopIteration as done:
        found: Caller = done.value
        return found
    raise AssertionError("it waits")


asyncio.run(_VERIFIERS[0]._keys.get("one"))
