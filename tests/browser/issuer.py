"""A small OIDC issuer: discovery, authorization code with PKCE (RFC 7636), tokens signed with a key of its JWKS."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT = "dashboard"
_PAGE = "<!doctype html><link rel=icon href=data:,><title>Sign in</title><a href='{back}'>I am {subject}</a>"


class Issuer:
    """`claims` are those of the next token; `refuse`: what it answers instead of a code."""

    def __init__(self) -> None:
        self.subject = "alice@example.org"
        self.claims: dict[str, Any] = {"role": "support", "sites": ["*"]}
        self.refuse = ""
        self.asked: list[dict[str, str]] = []
        """Queries of the authorization endpoint."""
        self.posted: list[dict[str, str]] = []
        """Forms of the token endpoint."""
        self._codes: dict[str, dict[str, str]] = {}
        self._key = rsa.generate_private_key(65537, 2048)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        # Another host than the dashboard's, so that it is another site too.
        return f"http://localhost:{self._server.server_port}/realm"

    def discovery(self) -> dict[str, str]:
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        return {"issuer": self.url, **{name: f"{self.url}/{path}" for name, path in ends.items()}}

    def jwks(self) -> dict[str, Any]:
        public: dict[str, Any] = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": "one", "alg": "RS256", "use": "sig"}]}

    def authorize(self, query: dict[str, str]) -> str:
        """The page on which one signs in; its link leads back."""
        self.asked.append(query)
        assert (query["response_type"], query["client_id"], query["code_challenge_method"]) == ("code", CLIENT, "S256")
        answer = {"state": query["state"], **self._answer(query)}
        return _PAGE.format(back=f"{query['redirect_uri']}?{urlencode(answer)}", subject=self.subject)

    def _answer(self, query: dict[str, str]) -> dict[str, str]:
        if self.refuse:
            return {"error": "access_denied", "error_description": self.refuse}
        code = secrets.token_urlsafe()
        self._codes[code] = query
        return {"code": code}

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """A code counts once, and for who has the verifier of its challenge."""
        self.posted.append(form)
        begun = self._codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if begun is None or begun["code_challenge"] != challenge or begun["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant", "error_description": "the code does not fit"}
        return 200, {"access_token": self._minted(), "token_type": "Bearer", "expires_in": 600}

    def _minted(self) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "sub": self.subject, "aud": "ocpplog", "iat": now, "exp": now + 600, **self.claims}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "one"})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, query = self._asked(self.path)
                if path == "authorize":
                    self._send(200, issuer.authorize(query).encode(), "text/html")
                else:
                    documents = {".well-known/openid-configuration": issuer.discovery, "jwks": issuer.jwks}
                    self._send(200, json.dumps(documents[path]()).encode())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status, answer = issuer.token(self._asked(f"?{body}")[1])
                self._send(status, json.dumps(answer).encode())

            def _asked(self, url: str) -> tuple[str, dict[str, str]]:
                parts = urlsplit(url)
                return parts.path.removeprefix("/realm/"), {name: value[0] for name, value in parse_qs(parts.query).items()}

            def _send(self, status: int, body: bytes, media_type: str = "application/json") -> None:
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Access-Control-Allow-Origin", "*")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler
