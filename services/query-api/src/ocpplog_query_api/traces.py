"""A span a request, in the caller's trace where it says so. What people search for, and in which charger, stays out of it."""

from __future__ import annotations

from typing import Final

from opentelemetry.trace import Span, SpanKind
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocpplog_common import tracing

_UNTRACED: Final = ("/livez", "/readyz", "/metrics")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_ID: Final = "x-request-id"
_LONGEST_ID: Final = 128


class Traced:
    """Plain ASGI, outside of what writes the log: its lines then carry the trace. Names are those of OpenTelemetry's conventions
    for HTTP servers, without `url.path`: it may hold an entry's or a charger's id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _UNTRACED:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        known = {"http.request.method": method, "url.scheme": scope["scheme"]}
        with tracing.span(method, SpanKind.SERVER, known, parent=tracing.received(headers)) as span:

            async def observed(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _answered(span, scope, message, headers)
                await send(message)

            await self._app(scope, receive, observed)


def _answered(span: Span, scope: Scope, message: Message, asked: Headers) -> None:
    status: int = message["status"]
    span.set_attribute("http.response.status_code", status)
    if route := getattr(scope.get("route"), "path", ""):
        span.set_attribute("http.route", route)
        span.update_name(f"{scope['method']} {route}")
    if request_id := Headers(raw=message["headers"]).get(_REQUEST_ID) or asked.get(_REQUEST_ID, "")[:_LONGEST_ID]:
        span.set_attribute(f"http.request.header.{_REQUEST_ID}", [request_id])
    if status >= 500:
        tracing.failed(span, str(status))
