"""What every answer carries: security headers, a line in the log, a count."""

from __future__ import annotations

import time

import structlog
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocpplog_query_api import metrics

_log = structlog.get_logger(__name__)


def policy(*connect: str) -> str:
    """`connect`: origins, besides its own, that a page may ask."""
    origins = " ".join(("'self'", *connect))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        f" connect-src {origins}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


_HEADERS = {
    "Content-Security-Policy": policy(),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_UNLOGGED = ("/livez", "/readyz", "/metrics")


def install(app: FastAPI) -> None:
    app.add_middleware(Observed)


class Observed:
    """Plain ASGI: Starlette's own base for middleware would end a stream that broke off as if it were whole."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(scope, message)
                _count(scope, message["status"], time.perf_counter() - started)
            await send(message)

        await self._app(scope, receive, observed)


def _add_headers(scope: Scope, message: Message) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if scope["path"].startswith("/v1"):
        headers.setdefault("Cache-Control", "no-store")


def _count(scope: Scope, status: int, elapsed: float) -> None:
    route = getattr(scope.get("route"), "path", "none")
    metrics.REQUESTS.labels(scope["method"], route, str(status)).inc()
    metrics.REQUEST_SECONDS.labels(route).observe(elapsed)
    if scope["path"] not in _UNLOGGED:
        # The path alone: a query string holds what people search for.
        _log.info("answered", method=scope["method"], path=scope["path"], status=status, ms=round(elapsed * 1000, 1))
