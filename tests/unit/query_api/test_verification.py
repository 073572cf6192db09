"""Whose token is taken, and for whom; the issuer's keys as they change and fail."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from pydantic import ValidationError

from ocpplog_common import tokens
from ocpplog_common.tokens import Role
from ocpplog_query_api import verification
from ocpplog_query_api.errors import IssuerUnavailable, Unauthenticated
from ocpplog_query_api.jwks import IssuerKeys, UnknownKey, signing_keys
from ocpplog_query_api.settings import ApiSettings
from ocpplog_query_api.verification import LEEWAY_S, JwtVerifier

RSA = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
REFRESH_S = 30.0


def public(key: Any, key_id: str, **members: str) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    found: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)
    return found | {"kid": key_id} | members


def claims(**changed: Any) -> dict[str, Any]:
    usual = {"sub": "anna", "aud": "ocpplog", "iss": "https://issuer", "exp": time.time() + 60, "role": "viewer", "sites": ["a"]}
    return {name: value for name, value in (usual | changed).items() if value is not None}


class Issuer:
    """One that can be away, and change its keys. `reads` counts."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys = list(keys)
        self.away = False
        self.reads = 0
        self.now = 1000.0
        self.at = IssuerKeys(self._read, REFRESH_S, lambda: self.now)

    def _read(self) -> Mapping[str, Any]:
        self.reads += 1
        if self.away:
            raise OSError("no route")
        return {"keys": self.keys}


@pytest.fixture
def issuer() -> Issuer:
    return Issuer(public(RSA, "one"), public(EC, "two"))


@pytest.fixture
def settings(tmp_path: Path) -> ApiSettings:
    tokens.create_key(tmp_path / "key")
    return ApiSettings(api_jwt_key_file=tmp_path / "key", api_jwt_issuer="https://issuer")


async def refused(verifier: JwtVerifier, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


class TestWhoseTokens:
    def test_a_jwks_without_its_issuer_is_refused(self, tmp_path: Path) -> None:
        tokens.create_key(tmp_path / "key")
        with pytest.raises(ValidationError, match="OCPPLOG_API_JWT_ISSUER is required with OCPPLOG_API_JWKS_URL"):
            ApiSettings(api_jwt_key_file=tmp_path / "key", api_jwks_url="https://issuer/keys")
        whole = ApiSettings(
            api_jwt_key_file=tmp_path / "key", api_jwks_url="https://issuer/keys", api_jwt_issuer="https://issuer"
        )
        assert whole.api_jwt_issuer == "https://issuer"

    async def test_those_of_the_key_file_name_one_where_that_is_wanted(self, settings: ApiSettings) -> None:
        plain = tokens.mint(settings.key, "anna", Role.VIEWER, ["a"], 60)
        await refused(JwtVerifier(settings), plain)
        anybodys = settings.model_copy(update={"api_jwt_issuer": ""})
        assert (await JwtVerifier(anybodys).verify(plain)).subject == "anna"


class TestIssuersTokens:
    async def test_each_kind_of_key(self, issuer: Issuer, settings: ApiSettings) -> None:
        verifier = JwtVerifier(settings, issuer.at)
        for key, key_id, algorithm in ((RSA, "one", "RS256"), (RSA, "one", "PS512"), (EC, "two", "ES256")):
            caller = await verifier.verify(jwt.encode(claims(), key, algorithm, {"kid": key_id}))
            assert (caller.subject, caller.role, caller.scope.sites) == ("anna", Role.VIEWER, frozenset({"a"}))

    async def test_the_key_says_the_algorithm(self, settings: ApiSettings) -> None:
        verifier = JwtVerifier(settings, Issuer(public(RSA, "one", alg="RS256")).at)
        await verifier.verify(jwt.encode(claims(), RSA, "RS256", {"kid": "one"}))
        await refused(verifier, jwt.encode(claims(), RSA, "RS512", {"kid": "one"}))

    async def test_unsigned_forged_and_signed_with_the_public_key(self, issuer: Issuer, settings: ApiSettings) -> None:
        verifier = JwtVerifier(settings, issuer.at)
        pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        for secret in (pem, pem.strip(), json.dumps(public(RSA, "one")).encode(), settings.key.encode()):
            await refused(verifier, hs256(secret, {"alg": "HS256", "kid": "one"}, claims(role="support")))
        await refused(verifier, jwt.encode(claims(), "", "none", {"kid": "one"}))
        await refused(verifier, hs256(b"", {"alg": "None", "kid": "one"}, claims()))
        await refused(verifier, jwt.encode(claims(), OTHER, "RS256", {"kid": "one"}))
        embedded = {"kid": "one", "jwk": public(OTHER, "one"), "jku": "https://elsewhere/keys"}
        await refused(verifier, jwt.encode(claims(), OTHER, "RS256", embedded))
        whole = jwt.encode(claims(), RSA, "RS256", {"kid": "one"})
        await refused(verifier, whole[: whole.rindex(".") + 1])

    def test_shared_secrets_and_keys_for_encryption_are_none(self) -> None:
        secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "x"}
        broken = {"kty": "RSA", "kid": "y", "n": "?"}
        assert signing_keys({"keys": [secret, public(RSA, "enc", use="enc"), public(RSA, "z", alg="HS256"), broken, 7]}) == {}
        for document in ({}, {"keys": 1}, ["keys"]):
            with pytest.raises(ValueError, match="not a JWKS"):
                signing_keys(document)  # type: ignore[arg-type]


class TestClaims:
    @pytest.mark.parametrize(
        "changed",
        [
            *({name: None} for name in ("sub", "aud", "iss", "exp", "role", "sites")),
            {"aud": "other"},
            {"aud": ["other", "another"]},
            {"iss": "https://issuer/other"},
            {"exp": 1_700_000_000},
            {"exp": "soon"},
            {"exp": float("inf")},
            {"nbf": 4_000_000_000},
            {"iat": 4_000_000_000},
            {"role": "admin"},
            {"role": []},
            {"role": {"viewer": 1}},
            {"sites": {"a": 1}},
            {"sites": ["a", 7]},
            {"sub": 7},
        ],
        ids=str,
    )
    async def test_refused(self, issuer: Issuer, settings: ApiSettings, changed: dict[str, Any]) -> None:
        await refused(JwtVerifier(settings, issuer.at), jwt.encode(claims(**changed), RSA, "RS256", {"kid": "one"}))

    async def test_clocks_may_be_ten_seconds_apart(self, issuer: Issuer, settings: ApiSettings) -> None:
        verifier, now = JwtVerifier(settings, issuer.at), time.time()
        for changed in ({"exp": now - 5}, {"nbf": now + 5}, {"iat": now + 5}):
            await verifier.verify(jwt.encode(claims(**changed), RSA, "RS256", {"kid": "one"}))
        await refused(verifier, jwt.encode(claims(exp=now - 12), RSA, "RS256", {"kid": "one"}))
        await refused(verifier, jwt.encode(claims(nbf=now + 60), RSA, "RS256", {"kid": "one"}))

    @pytest.mark.parametrize(
        ("path", "value", "expected"),
        [
            ("realm_access.roles", {"realm_access": {"roles": ["offline", "viewer", "support", "analyst"]}}, Role.SUPPORT),
            ("https://example.org/role", {"https://example.org/role": "analyst"}, Role.ANALYST),
        ],
    )
    async def test_claims_of_other_names(
        self, issuer: Issuer, settings: ApiSettings, path: str, value: dict[str, Any], expected: Role
    ) -> None:
        named = settings.model_copy(update={"api_jwt_role_claim": path, "api_jwt_sites_claim": "ocpplog.sites"})
        token = jwt.encode(claims(role=None, ocpplog={"sites": "*"}, **value), RSA, "RS256", {"kid": "one"})
        caller = await JwtVerifier(named, issuer.at).verify(token)
        assert (caller.role, caller.scope.sites) == (expected, None)
        await refused(JwtVerifier(settings, issuer.at), token)

    async def test_a_token_for_ever(self, issuer: Issuer, settings: ApiSettings) -> None:
        token = jwt.encode(claims(exp=10**15), RSA, "RS256", {"kid": "one"})
        assert (await JwtVerifier(settings, issuer.at).verify(token)).expires_at == datetime(9999, 1, 1, tzinfo=UTC)

    async def test_the_key_file(self, settings: ApiSettings) -> None:
        verifier = JwtVerifier(settings)
        assert (await verifier.verify(jwt.encode(claims(), settings.key, "HS256"))).subject == "anna"
        await refused(verifier, jwt.encode(claims(), settings.key, "HS512"))
        await refused(verifier, jwt.encode(claims(), "", "none"))


class TestTokensThatCameBefore:
    async def test_are_verified_once(self, issuer: Issuer, settings: ApiSettings, monkeypatch: pytest.MonkeyPatch) -> None:
        verifier = JwtVerifier(settings, issuer.at)
        token = jwt.encode(claims(), RSA, "RS256", {"kid": "one"})
        first = await verifier.verify(token)
        monkeypatch.setattr(jwt, "decode", None)
        assert await verifier.verify(token) is first
        monkeypatch.undo()
        await refused(verifier, token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"))

    async def test_end_with_their_time(self, settings: ApiSettings) -> None:
        verifier = JwtVerifier(settings)
        token = jwt.encode(claims(exp=int(time.time()) - LEEWAY_S + 2), settings.key, "HS256")
        await verifier.verify(token)
        await asyncio.sleep(2.1)
        with pytest.raises(Unauthenticated, match="expired"):
            await verifier.verify(token)

    async def test_end_with_their_key(self, issuer: Issuer, settings: ApiSettings) -> None:
        verifier = JwtVerifier(settings, issuer.at)
        token = jwt.encode(claims(), RSA, "RS256", {"kid": "one"})
        await verifier.verify(token)
        # Another key of the same name, then none of that name.
        for keys in ([public(OTHER, "one")], [public(EC, "two")]):
            issuer.keys = keys
            issuer.now += 601
            await issuer.at.get("one")
            assert issuer.at._reading
            await issuer.at._reading
            await refused(verifier, token)

    async def test_are_known_up_to_a_number(self, settings: ApiSettings, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(verification, "_MOST_KNOWN", 3)
        verifier = JwtVerifier(settings)
        for number in range(10):
            await verifier.verify(jwt.encode(claims(sub=str(number)), settings.key, "HS256"))
        assert len(verifier._known) == 3


class TestIssuersKeys:
    async def test_are_read_once(self, issuer: Issuer) -> None:
        assert issuer.reads == 0
        await asyncio.gather(*(issuer.at.get("one") for _ in range(20)))
        await issuer.at.get("two")
        assert issuer.reads == 1

    async def test_an_unknown_one_is_looked_for_but_not_each_time(self, issuer: Issuer) -> None:
        await issuer.at.get("one")
        for number in range(50):
            with pytest.raises(UnknownKey):
                await issuer.at.get(f"made up {number}")
        assert issuer.reads == 1
        issuer.keys = [public(OTHER, "new")]
        issuer.now += REFRESH_S
        await issuer.at.get("new")
        assert issuer.reads == 2
        with pytest.raises(UnknownKey):
            await issuer.at.get("one")

    async def test_while_the_issuer_is_away_known_ones_go_on(self, issuer: Issuer) -> None:
        await issuer.at.get("one")
        issuer.away = True
        for _ in range(3):
            issuer.now += 3600
            await issuer.at.get("one")
            with pytest.raises(IssuerUnavailable) as caught:
                await issuer.at.get("new")
            assert caught.value.headers == {"Retry-After": "30"}
            await issuer.at.get("one")
        issuer.away, issuer.keys = False, [public(OTHER, "new")]
        issuer.now += REFRESH_S
        await issuer.at.get("new")

    async def test_away_from_the_start(self, issuer: Issuer, settings: ApiSettings) -> None:
        issuer.away = True
        token = jwt.encode(claims(), RSA, "RS256", {"kid": "one"})
        for _ in range(5):
            with pytest.raises(IssuerUnavailable):
                await JwtVerifier(settings, issuer.at).verify(token)
        assert issuer.reads == 1
        await refused(JwtVerifier(settings, issuer.at), "no token at all")

    async def test_one_that_was_withdrawn_ends_with_its_time(self, issuer: Issuer) -> None:
        await issuer.at.get("one")
        issuer.keys = [public(EC, "two")]
        issuer.now += 601
        await issuer.at.get("one")
        assert issuer.at._reading
        await issuer.at._reading
        with pytest.raises(UnknownKey):
            await issuer.at.get("one")

    async def test_others_are_served_while_the_issuer_is_slow(self) -> None:
        answer = threading.Event()
        keys = IssuerKeys(lambda: (answer.wait(20), {"keys": [public(RSA, "one")]})[1], REFRESH_S)
        first = asyncio.create_task(keys.get("one"))
        second = asyncio.create_task(keys.get("one"))
        await asyncio.sleep(0)
        first.cancel()
        answer.set()
        assert (await second).algorithms
        assert first.cancelled()

    async def test_a_token_without_key_id(self) -> None:
        issuer = Issuer(public(RSA, "one"))
        assert await issuer.at.get(None) is await issuer.at.get("one")
        issuer.keys.append(public(EC, "two"))
        issuer.now += REFRESH_S
        await issuer.at.get("two")
        with pytest.raises(UnknownKey):
            await issuer.at.get(None)


def hs256(secret: bytes, header: dict[str, str], body: dict[str, Any]) -> str:
    """By hand: the library does not sign with a public key."""
    signed = b".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, body))
    digest = hmac.digest(secret, signed, hashlib.sha256)
    return (signed + b"." + urlsafe_b64encode(digest).rstrip(b"=")).decode()
