"""/livez, /readyz and /metrics, answered before any WebSocket handshake."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from prometheus_client import generate_latest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from ocpplog_gateway.libraries import WEBSOCKET_LOG

_OPEN_TIMEOUT_S = 5

ReadinessProblem = Callable[[], str]
"""Why the gateway is not ready; empty when it is."""


async def serve_health(host: str, port: int, problem: ReadinessProblem) -> Server:
    async def answer(connection: ServerConnection, request: Request) -> Response:
        match request.path.partition("?")[0]:
            case "/livez":
                return connection.respond(HTTPStatus.OK, "ok\n")
            case "/readyz":
                found = problem()
                return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE if found else HTTPStatus.OK, (found or "ok") + "\n")
            case "/metrics":
                body = generate_latest()
                headers = Headers({"Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Content-Length": str(len(body))})
                return Response(200, "OK", headers, body)
            case _:
                return connection.respond(HTTPStatus.NOT_FOUND, "not found\n")

    async def never(_: ServerConnection) -> None:
        return None

    return await serve(never, host, port, process_request=answer, open_timeout=_OPEN_TIMEOUT_S, logger=WEBSOCKET_LOG)
