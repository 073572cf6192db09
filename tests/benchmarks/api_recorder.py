"""Between the API and ClickHouse: notes what is asked, so that the same can be asked without the API."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from benchmarks.api_calls import Call

_KEPT: Final = ("content-type", "accept-encoding", "authorization", "x-clickhouse-user", "x-clickhouse-key")
_OF_ONE_REQUEST: Final = re.compile(r"(?<=[?&])(?:query_id|session_id)=[^&]*&?")
"""Two queries at once with one id are refused."""


@dataclass
class Recorder:
    """`calls`: what was asked since it was last emptied."""

    port: int
    calls: list[Call] = field(default_factory=list)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """The API ends its connections when it stops: what else goes wrong, it answers with an error itself."""


@contextlib.contextmanager
def recorder(store_port: int) -> Iterator[Recorder]:
    """Hands on everything to the store."""
    found = Recorder(0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() in _KEPT}
            found.calls.append(Call(store_port, self.command, _OF_ONE_REQUEST.sub("", self.path), body, headers))
            connection = HTTPConnection("127.0.0.1", store_port, timeout=600)
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            connection.close()

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None: ...

    server = _Server(("127.0.0.1", 0), Handler)
    found.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
