"""Before anything is answered under /v1: who calls, how often, and how much they send."""

from __future__ import annotations

import math
import time
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocpplog_query_api import limits
from ocpplog_query_api.errors import ApiError, TooLarge, TooManyRequests, Unauthenticated, respond
from ocpplog_query_api.limits import AtOnce, Buckets
from ocpplog_query_api.settings import ApiSettings
from ocpplog_query_api.verification import CHALLENGE, Caller, Verifier

_MOST_CALLERS: Final = 10_000
"""Of whom it is known how often they called: by subject, and as many by address. More share no memory with them."""
OPEN: Final = frozenset({"/v1/config"})
"""All that is answered without a token."""
_TAIL: Final = "/v1/logs/tail"
"""Has slots of its own: it lasts as long as somebody watches."""


class Admission:
    """Lets nobody without a valid token pass under /v1, whatever the endpoint asks for, and leaves the caller in the ASGI scope:
    `ocpplog_query_api.auth` takes them from there.

    A caller is limited by the subject of a valid token, whoever else is at that address; without one, by the address. So nobody
    uses up what is somebody else's.
    """

    def __init__(self, app: ASGIApp, settings: ApiSettings, verifier: Verifier) -> None:
        self._app = app
        self._verifier = verifier
        rate = (settings.api_rate_per_s, settings.api_rate_burst, _MOST_CALLERS, time.monotonic)
        self._subjects, self._addresses = Buckets(*rate), Buckets(*rate)
        self._at_once = AtOnce(settings.api_max_requests_per_caller)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        found = await self._caller(scope)
        who, wait_s = self._take(scope, found)
        if wait_s:
            await _refuse(f"Wait {math.ceil(wait_s)} s.", math.ceil(wait_s))(scope, receive, send)
        elif isinstance(found, ApiError) and scope["path"] not in OPEN:
            await respond(found)(scope, receive, send)
        else:
            scope["caller"] = found
            await self._answer(who, scope, receive, send)

    async def _answer(self, who: str, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == _TAIL:
            await self._app(scope, receive, send)
        elif not self._at_once.take(who):
            await _refuse(f"{self._at_once.most} of your requests are being answered.", 1)(scope, receive, send)
        else:
            try:
                await self._app(scope, receive, send)
            finally:
                self._at_once.give_back(who)

    async def _caller(self, scope: Scope) -> Caller | ApiError:
        kind, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            return Unauthenticated("Send Authorization: Bearer <token>.", CHALLENGE)
        try:
            return await self._verifier.verify(token.strip())
        except ApiError as error:
            return error

    def _take(self, scope: Scope, found: Caller | ApiError) -> tuple[str, float]:
        """Who it is, and how long they have to wait."""
        cost = limits.cost(scope["path"])
        if isinstance(found, Caller):
            who = limits.subject(found.subject)
            return who, self._subjects.take(who, cost)
        who = limits.address((scope["client"] or ("unknown", 0))[0])
        return who, self._addresses.take(who, cost)


class BodyLimit:
    """Reads what is sent before anything is done with it, up to `most` bytes."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        if "content-length" not in headers and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(headers, receive)
        except TooLarge as error:
            await respond(error)(scope, receive, send)
            return
        if body is not None:
            await self._app(scope, _again(body, receive), send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes | None:
        """None: whoever sent it is gone. Raises TooLarge."""
        if int(headers.get("content-length", "0")) > self._most:
            raise TooLarge(f"At most {self._most} bytes.")
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            if len(body) > self._most:
                raise TooLarge(f"At most {self._most} bytes.")
            if not message.get("more_body"):
                return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def read() -> Message:
        return unread.pop() if unread else await receive()

    return read


def _refuse(detail: str, wait_s: int) -> ASGIApp:
    return respond(TooManyRequests(detail, {"Retry-After": str(wait_s)}))
