"""Tokens of an issuer that comes, goes and changes its keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from integration.query_api_support import Bench, problem, query_api

pytestmark = pytest.mark.integration


class Issuer:
    """Serves a JWKS."""

    def __init__(self) -> None:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.reads = 0
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.reads += 1
                keys = [RSAAlgorithm.to_jwk(key.public_key(), True) | {"kid": name} for name, key in issuer.keys.items()]
                body = json.dumps({"keys": keys}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._handler = Handler
        self._server: http.server.ThreadingHTTPServer | None = None
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/keys"

    def start(self) -> None:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), self._handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def add(self, name: str) -> None:
        self.keys[name] = rsa.generate_private_key(65537, 2048)

    def token(self, key_id: str, **claims: Any) -> str:
        usual = {"sub": "anna", "aud": "ocpplog", "iss": "https://issuer", "exp": time.time() + 60, "sites": ["mine"]}
        return jwt.encode(usual | {"roles": {"log": ["viewer"]}} | claims, self.keys[key_id], "RS256", {"kid": key_id})


@contextmanager
def with_issuer(directory: Path) -> Iterator[tuple[Issuer, Bench]]:
    issuer = Issuer()
    settings = {
        "api_jwks_url": issuer.url,
        "api_jwt_issuer": "https://issuer",
        "api_jwks_refresh_s": 1,
        "api_jwt_role_claim": "roles.log",
        "api_oidc_authority": "https://issuer/realm",
        "api_oidc_client_id": "dash",
    }
    try:
        with query_api(directory, **settings) as bench:
            yield issuer, bench
    finally:
        issuer.stop()


def test_an_issuer_that_is_away_comes_and_changes_its_keys(tmp_path: Path) -> None:
    with with_issuer(tmp_path) as (issuer, bench):
        oidc = httpx.get(f"{bench.url}/v1/config").json()["oidc"]
        assert oidc == {"authority": "https://issuer/realm", "client_id": "dash", "scopes": "openid profile"}
        issuer.stop()
        issuer.add("one")
        answer = bench.get("/v1/me", issuer.token("one"))
        problem(answer, 503, "issuer-unavailable")
        assert answer.headers["retry-after"]
        issuer.start()
        time.sleep(1)
        me = bench.get("/v1/me", issuer.token("one")).json()
        assert (me["subject"], me["role"], me["sites"]) == ("anna", "viewer", ["mine"])
        # The key file signs cursors only.
        problem(bench.get("/v1/me", bench.token()), 401, "unauthenticated")
        for token in forged(issuer):
            problem(bench.get("/v1/me", token), 401, "unauthenticated")
        issuer.stop()
        issuer.add("two")
        time.sleep(1)
        assert bench.get("/v1/me", issuer.token("one")).status_code == 200
        problem(bench.get("/v1/me", issuer.token("two")), 503, "issuer-unavailable")
        issuer.start()
        time.sleep(1)
        assert bench.get("/v1/me", issuer.token("two")).status_code == 200
        reads = issuer.reads
        issuer.keys["made up"] = issuer.keys["two"]
        for _ in range(20):
            bench.get("/v1/me", issuer.token("made up"))
        assert issuer.reads - reads <= 5


def forged(issuer: Issuer) -> list[str]:
    """Signed with what everybody knows (RFC 8725, section 2.1), or not at all, or for somebody else."""
    claims = jwt.decode(issuer.token("one"), options={"verify_signature": False})
    public, form = issuer.keys["one"].public_key(), serialization.PublicFormat.SubjectPublicKeyInfo
    secrets = [public.public_bytes(encoding, form) for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER)]
    return [
        *(by_hand(claims, secret) for secret in secrets),
        jwt.encode(claims, "", "none", {"kid": "one"}),
        issuer.token("one", iss="https://another"),
        issuer.token("one", aud="another"),
        issuer.token("one", exp=time.time() - 60),
        issuer.token("one", roles={"log": ["boss"]}),
    ]


def by_hand(claims: dict[str, Any], secret: bytes) -> str:
    """PyJWT refuses to sign with a public key."""
    parts = [{"alg": "HS256", "typ": "JWT", "kid": "one"}, claims]
    text = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = hmac.new(secret, text, hashlib.sha256).digest()
    return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()
