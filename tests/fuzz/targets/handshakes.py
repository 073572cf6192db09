"""Requests of chargers, as bytes: what the WebSocket library makes of them is refused as a Refusal, or is whom it says it is."""

from __future__ import annotations

import base64
import re
from collections.abc import Generator, Iterable
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from websockets.exceptions import SecurityError
from websockets.http11 import Request
from websockets.streams import StreamReader

from fuzz.corpora import handshakes
from ocpplog_common.records import Charger
from ocpplog_common.secrets import hash_password
from ocpplog_gateway import auth, certificates, handshake, headers
from ocpplog_gateway.errors import CertificateError, Refusal
from ocpplog_gateway.handshake import MAX_ID, SUBPROTOCOLS, Paths
from ocpplog_gateway.peers import Proxies, came_by_tls

WORDS = (
    *(
        b"GET /ocpp/CP1 HTTP/1.1\r\n",
        b"Sec-WebSocket-Protocol: ",
        b"Authorization: Basic ",
        b"X-Forwarded-For: ",
        b"X-Forwarded-Proto: ",
    ),
    *(
        b"Client-Cert: ",
        b"Connection: ",
        b"Upgrade: websocket\r\n",
        b"%2F",
        b"%00",
        b"%ff",
        b"..",
        b"x://[",
        b"::ffff:10.0.0.1",
        b"ocpp1.6",
    ),
    *(b"permessage-deflate", b"-----BEGIN%20CERTIFICATE-----", b":MIIB:", b"10.0.0.1, 203.0.113.5", b"\r\n\r\n"),
)
_PASSWORD = b"0123456789abcdef0123"
_PATHS = (Paths("/ocpp"), Paths("/ocpp,/{site}/x/*,/"))
_PROXIES = Proxies("10.0.0.0/8, fd00::/8")
_BROKEN = (EOFError, ValueError, SecurityError)
"""What the library answers with 400 or more, or breaks off."""


def seeds() -> Iterable[bytes]:
    yield from handshakes()
    plain = b"GET %b HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n%b\r\n\r\n"
    yield plain % (b"/ocpp/CP1", b"Authorization: Basic " + base64.b64encode(b"CP1:" + _PASSWORD))
    yield plain % (b"/site/x/y/CP%201", b"X-Forwarded-For: [2001:db8::7]:443, 10.1.1.1:99\r\nX-Forwarded-Proto: https, wss")
    yield plain % (b"/ocpp/%43P1?key=x", b"Connection: keep-alive\r\nSec-WebSocket-Protocol: ocpp1.6, ocpp2.0.1")
    yield plain % (b"http://host/ocpp/CP1", b"Client-Cert: :MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A:")


def check(data: bytes) -> None:
    request = _request(data)
    if request is None:
        return
    for paths in _PATHS:
        target = _or_refused(partial(paths.find, request.path))
        if target:
            _names_a_charger(target, request.path)
    _asks_for(request)
    _comes_from(request)
    _certificate(request)


def _request(data: bytes) -> Request | None:
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    parsing: Generator[None, None, Request] = Request.parse(reader.read_line)
    try:
        next(parsing)
    except StopIteration as done:
        found: Request = done.value
        return found
    except _BROKEN:
        return None
    raise AssertionError("it waits for more than there is")


def _names_a_charger(target: handshake.Target, path: str) -> None:
    found = target.charger_id
    assert 0 < len(found) <= MAX_ID and found.isascii() and found.isprintable() and found.strip() == found
    assert not set(found) & set("/\\?#%\"'<>;,") and found not in (".", "..")
    if not path.startswith("/") and not path.isprintable():
        # Python's reader of URLs drops some control characters.
        return
    assert found == unquote([part for part in _without_host(path).split("/") if part][-1])
    there = urlsplit(handshake.upstream_url("ws://csms:80/base", found))
    assert there.netloc == "csms:80" and unquote(there.path) == f"/base/{found}" and not there.query and not there.fragment


def _without_host(path: str) -> str:
    """Of a request target, what is between host and query."""
    if not path.startswith("/"):
        path = path.partition("#")[0]
        path = re.sub(r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://[^/?]*)?", "", path)
    return path.partition("?")[0]


def _asks_for(request: Request) -> None:
    authorization = _or_refused(lambda: headers.authorization(request))
    shown = auth.Presented(authorization)
    charger = Charger("CP1", "site", password_hash=hash_password(_PASSWORD, b"salt"))
    reached = _or_refused(lambda: auth.Rules().admit(charger, shown))
    assert reached is None or (reached == 1 and _is_the_password(authorization))
    offered = _or_refused(lambda: headers.offered(request))
    assert set(handshake.common_subprotocols(offered or [])) <= set(SUBPROTOCOLS) & set(offered or [])
    assert headers.compression(request) in (None, "deflate")
    _or_refused(lambda: headers.require_websocket(request))


def _is_the_password(authorization: str | None) -> bool:
    assert authorization and authorization[:6].lower() == "basic "
    user, _, password = base64.b64decode(authorization[6:].strip()).partition(b":")
    digits = _PASSWORD.decode()
    return user == b"CP1" and (
        password == _PASSWORD or password in (bytes.fromhex(digits), _PASSWORD.hex().encode()) or _spells(password)
    )


def _spells(password: bytes) -> bool:
    """Hex digits may be spelled in either case, and with blanks."""
    return bytes.fromhex(password.decode()) in (_PASSWORD, bytes.fromhex(_PASSWORD.decode()))


def _comes_from(request: Request) -> None:
    """Nobody but a trusted proxy is believed, and a limit has a key that is an address."""
    proxy = _PROXIES.peer(("10.0.0.7", 1234))
    found = _PROXIES.behind(proxy, request.headers.get_all("X-Forwarded-For"))
    assert found == proxy or (found.proxy and re.fullmatch(r"[0-9a-f:.]+(/64)?", found.key) and found.name)
    assert _PROXIES.peer(("203.0.113.5", 1234)).proxy is False
    came_by_tls(request.headers.get_all("X-Forwarded-Proto"))


def _certificate(request: Request) -> None:
    try:
        found = certificates.from_header(request.headers.get_all("Client-Cert"))
        if found:
            certificates.subject_of(found)
        certificates.chain_from_header(request.headers.get_all("Client-Cert-Chain"))
    except CertificateError as error:
        assert str(error)


def _or_refused(ask: Any) -> Any:
    try:
        return ask()
    except Refusal as refusal:
        assert 400 <= refusal.status < 500 and refusal.text
        return None
