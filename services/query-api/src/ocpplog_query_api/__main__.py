"""Entry of the query API."""

from __future__ import annotations

import signal
import socket
import sys
from typing import Final

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from ocpplog_common import logging, tracing
from ocpplog_common.tracing import TracingError
from ocpplog_query_api.app import create_app
from ocpplog_query_api.connections import ConnectionLimits, guarded
from ocpplog_query_api.settings import ApiSettings

_MOST_HEAD_BYTES: Final = 64 * 1024
"""Of a request: its line and headers. A hundred filters of a search and a token fit many times."""


def main() -> int:
    """Serve until SIGTERM or SIGINT. Returns 1 after one line that says what is wrong."""
    try:
        settings = ApiSettings()
    except ValidationError as error:
        for problem in error.errors():
            variable = "".join(f"OCPPLOG_{part}: ".upper() for part in problem["loc"])
            print(f"ocpplog-query-api: {variable}{problem['msg']}", file=sys.stderr)
        return 1
    logging.configure("query-api", settings.log_level, settings.log_json, bool(settings.otlp_endpoint))
    try:
        tracing.start("query-api", settings)
        listener = _listen(settings.api_host, settings.api_port)
        health = _listen(settings.api_health_host, settings.api_health_port) if settings.api_health_port else None
    except OSError as error:
        print(f"ocpplog-query-api: {error.strerror}", file=sys.stderr)
        return 1
    except TracingError as error:
        print(f"ocpplog-query-api: {error}", file=sys.stderr)
        return 1
    # uvicorn stops on these two, then raises them again for whoever was there before: here nobody.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    app = create_app(settings, health)
    # h11 refuses headers that do not end; httptools, which uvicorn takes where it finds it, keeps them all.
    limits = ConnectionLimits(settings.api_max_connections, settings.api_request_seconds)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=10,
        server_header=False,
        http=guarded(limits),
        # Nobody speaks WebSocket with it: a request to change to that is answered as any other.
        ws="none",
        # Beyond h11's own 16 KiB, a head was refused or not by how the network cut it.
        h11_max_incomplete_event_size=_MOST_HEAD_BYTES,
    )
    try:
        _Server(app, config).run(sockets=[listener])
    finally:
        tracing.stop()
    return 0


class _Server(uvicorn.Server):
    """One that ends the streams before it waits for answers to end."""

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.live.watch.close()
        await super().shutdown(sockets)


def _listen(host: str, port: int) -> socket.socket:
    """Raises OSError, whose `strerror` says where."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise OSError(error.errno, f"port {port} of {host}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
