"""Entry of the local ClickHouse."""

from __future__ import annotations

import argparse
import shutil
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from ocpplog_local.clickhouse.engine import Engine
from ocpplog_local.clickhouse.errors import EngineError
from ocpplog_local.clickhouse.http import create_app


def main() -> int:
    """Serve until SIGTERM or SIGINT. Returns 1 after one line that says what is wrong."""
    parser = argparse.ArgumentParser(prog="ocpplog_local.clickhouse", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the tables; kept between runs")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8123, help="0: any free one, printed")
    options = parser.parse_args()
    try:
        listener = _listen(options.host, options.port)
        engine = Engine(options.data / "engine")
    except (OSError, EngineError, RuntimeError) as error:
        print(f"local ClickHouse: {error}", file=sys.stderr)
        return 1
    spool = options.data / "spool"
    # What a killed run left behind.
    shutil.rmtree(spool, ignore_errors=True)
    spool.mkdir()
    print(f"local ClickHouse listens on http://{options.host}:{listener.getsockname()[1]}/", flush=True)
    config = uvicorn.Config(create_app(engine, spool), log_level="warning", access_log=False, timeout_graceful_shutdown=10)
    # uvicorn stops on these two, then raises them again for whoever was there before: here nobody, so that the engine is closed.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    uvicorn.Server(config).run(sockets=[listener])
    engine.close()
    return 0


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise OSError(f"port {port} of {host} cannot be taken: {error.strerror}") from error
    return listener


if __name__ == "__main__":
    sys.exit(main())
