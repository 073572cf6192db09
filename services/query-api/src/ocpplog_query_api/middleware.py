"""What every answer carries: security headers, a line in the log, a count."""

from __future__ import annotations

import time

import structlog
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from ocpplog_query_api import metrics

_log = structlog.get_logger(__name__)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_UNLOGGED = ("/livez", "/readyz", "/metrics")


def install(app: FastAPI) -> None:
    @app.middleware("http")
    async def observe(request: Request, call_next: RequestResponseEndpoint) -> Response:
        started = time.perf_counter()
        response = await call_next(request)
        elapsed = time.perf_counter() - started
        route = getattr(request.scope.get("route"), "path", "none")
        metrics.REQUESTS.labels(request.method, route, str(response.status_code)).inc()
        metrics.REQUEST_SECONDS.labels(route).observe(elapsed)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if request.url.path.startswith("/v1"):
            response.headers.setdefault("Cache-Control", "no-store")
        if request.url.path not in _UNLOGGED:
            # The path alone: a query string holds what people search for.
            _log.info(
                "answered", method=request.method, path=request.url.path, status=response.status_code, ms=round(elapsed * 1000, 1)
            )
        return response
