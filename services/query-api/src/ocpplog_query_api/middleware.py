"""What every answer carries: security headers, a name, a line in the log, a count."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final

import structlog
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocpplog_query_api import metrics, security
from ocpplog_query_api.admission import Admission, BodyLimit
from ocpplog_query_api.errors import ApiError, respond
from ocpplog_query_api.exports import endpoints as exports
from ocpplog_query_api.settings import ApiSettings
from ocpplog_query_api.verification import Verifier

_log = structlog.get_logger(__name__)
_UNLOGGED: Final = ("/livez", "/readyz", "/metrics")
_METHODS: Final = ("GET", "HEAD", "OPTIONS", "PUT", "POST", "DELETE", "PATCH")
_REQUEST_ID: Final = "X-Request-ID"
_GOOD_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_CORS: Final[dict[str, Any]] = {
    "allow_methods": ["GET", "PUT", "POST", "DELETE"],
    "allow_headers": ["Authorization", "Content-Type", "If-Match", "If-None-Match", "Last-Event-ID", _REQUEST_ID],
    "expose_headers": [*exports.HEADERS, "ETag", "Retry-After", _REQUEST_ID],
}


def install(app: FastAPI, settings: ApiSettings, verifier: Verifier) -> None:
    """The last one added is the first to see a request. Nobody sends a body who is not let in."""
    app.add_middleware(BodyLimit, most=settings.api_max_body_bytes)
    app.add_middleware(Admission, settings=settings, verifier=verifier)
    app.add_middleware(Observed)
    if settings.api_cors_origins:
        app.add_middleware(CORSMiddleware, allow_origins=settings.api_cors_origins, **_CORS)


class Observed:
    """Plain ASGI: Starlette's own base for middleware would end a stream that broke off as if it were whole."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        with structlog.contextvars.bound_contextvars(request_id=request_id), metrics.REQUESTS_IN_FLIGHT.track_inprogress():
            await self._answer(scope, receive, send, {**security.HEADERS, _REQUEST_ID: request_id})

    async def _answer(self, scope: Scope, receive: Receive, send: Send, headers: Mapping[str, str]) -> None:
        started, has_begun = time.perf_counter(), False

        async def observed(message: Message) -> None:
            nonlocal has_begun
            if message["type"] != "http.response.start":
                await send(message)
                return
            has_begun = True
            _add_headers(scope, message, headers)
            elapsed = time.perf_counter() - started
            await send(message)
            # What has been written by now goes out first: nobody waits for the line in the log.
            asyncio.get_running_loop().call_soon(_count, scope, message["status"], elapsed)

        try:
            await self._app(scope, receive, observed)
        except Exception as error:
            if has_begun:
                raise
            # Here, and not by Starlette, whose answer would carry none of this.
            _log.error("request failed", path=scope["path"], exc_info=error)
            await respond(ApiError("It is in our log."))(scope, receive, observed)


def _request_id(scope: Scope) -> str:
    """As the caller or a proxy has named it, or a new one."""
    given = Headers(scope=scope).get(_REQUEST_ID, "")
    return given if _GOOD_ID.fullmatch(given) else uuid.uuid4().hex


def _add_headers(scope: Scope, message: Message, more: Mapping[str, str]) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in more.items():
        headers.setdefault(name, value)
    if scope["path"].startswith("/v1"):
        headers.setdefault("Cache-Control", "no-store")


def _count(scope: Scope, status: int, elapsed: float) -> None:
    route = getattr(scope.get("route"), "path", "none")
    # Anybody may send any word as a method, and each label stays.
    method = scope["method"] if scope["method"] in _METHODS else "other"
    metrics.REQUESTS.labels(method, route, str(status)).inc()
    metrics.REQUEST_SECONDS.labels(route).observe(elapsed)
    if scope["path"] not in _UNLOGGED:
        # The path alone: a query string holds what people search for.
        _log.info("answered", method=scope["method"], path=scope["path"], status=status, ms=round(elapsed * 1000, 1))
