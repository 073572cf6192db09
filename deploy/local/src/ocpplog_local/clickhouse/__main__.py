"""Entry of the local ClickHouse."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Final

import uvicorn

from ocpplog_local.clickhouse.directory import DataDirectory
from ocpplog_local.clickhouse.engine import Engine
from ocpplog_local.clickhouse.errors import EngineError
from ocpplog_local.clickhouse.http import create_app

_PATIENCE_S: Final = 10
"""How long a stop waits for requests in flight."""


def main() -> int:
    """Serve until SIGTERM or SIGINT. Returns 1 after one line that says what is wrong."""
    parser = argparse.ArgumentParser(prog="ocpplog_local.clickhouse", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the tables; kept between runs")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8123, help="0: any free one, printed")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    try:
        listener = _listen(options.host, options.port)
        directory = DataDirectory(options.data)
        engine = Engine(directory.engine)
    except (OSError, EngineError, RuntimeError) as error:
        print(f"local ClickHouse: {error}", file=sys.stderr)
        return 1
    print(f"local ClickHouse listens on http://{options.host}:{listener.getsockname()[1]}/", flush=True)
    # uvicorn stops on these two, then raises them again for whoever was there before: here nobody, so that the engine is closed.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    _server(engine, directory).run(sockets=[listener])
    if not engine.close(patience_s=1):
        # A thread is still inside the engine and would keep the process; what was acknowledged is on disk.
        os._exit(0)
    return 0


def _server(engine: Engine, directory: DataDirectory) -> uvicorn.Server:
    config = uvicorn.Config(
        create_app(engine, directory.spool),
        # A result that broke off, a client that sent no HTTP: they know already, and it is no affair of ours.
        log_level="critical",
        access_log=False,
        http="h11",
        lifespan="off",
        # Pools of connections are spared a race with a server that closes idle ones.
        timeout_keep_alive=600,
        timeout_graceful_shutdown=_PATIENCE_S,
        # ClickHouse's http_max_uri_size.
        h11_max_incomplete_event_size=1024 * 1024,
    )
    return uvicorn.Server(config)


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        raise OSError(f"port {port} of {host} cannot be taken: {error.strerror}") from error
    return listener


if __name__ == "__main__":
    sys.exit(main())
