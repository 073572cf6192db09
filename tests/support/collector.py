"""A collector of traces (OTLP over HTTP/protobuf) that keeps what it gets, or does not answer at all; in a thread of its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    failed: bool
    seconds: float


class Collector:
    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.requests = 0
        self.thaw = Event()
        self.thaw.set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.requests += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.thaw.wait(60)
                if self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf":
                    collector.spans += _spans(ExportTraceServiceRequest.FromString(body))
                with contextlib.suppress(OSError):
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(ExportTraceServiceResponse().SerializeToString())

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def freeze(self) -> None:
        """Connections and requests are taken, and none is answered."""
        self.thaw.clear()

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def until(self, condition: Callable[[], bool], timeout: float = 30) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, [span.name for span in self.spans]
            time.sleep(0.1)

    @contextlib.contextmanager
    def running(self) -> Iterator[Collector]:
        thread = Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.thaw.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join(10)


def _spans(request: ExportTraceServiceRequest) -> list[Span]:
    found = []
    for resource in request.resource_spans:
        service = _attributes(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            found += [_span(service, one) for one in scope.spans]
    return found


def _span(service: str, one: Any) -> Span:
    return Span(
        service=service,
        name=one.name,
        kind=one.kind,
        trace_id=one.trace_id.hex(),
        span_id=one.span_id.hex(),
        parent_id=one.parent_span_id.hex(),
        attributes=_attributes(one.attributes),
        events=[(event.name, _attributes(event.attributes)) for event in one.events],
        failed=one.status.code == 2,
        seconds=(one.end_time_unix_nano - one.start_time_unix_nano) / 1e9,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_value(one) for one in value.array_value.values] if kind == "array_value" else getattr(value, kind)
