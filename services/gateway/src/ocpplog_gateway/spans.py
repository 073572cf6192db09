"""A span a handshake, from accept to its answer. Frames have none: there are too many of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.trace import Span, SpanKind

from ocpplog_common import tracing
from ocpplog_gateway.door import GuardedConnection

_NAME: Final = "handshake"


@contextmanager
def handshake(connection: GuardedConnection) -> Iterator[None]:
    """Around what answers a request. The span goes on after it, until `answered`."""
    known = {"http.request.method": "GET", "network.protocol.name": "websocket"}
    with tracing.span(_NAME, SpanKind.SERVER, known, began_ns=connection.accepted_ns, held=True) as connection.span:
        yield


def answered(
    connection: GuardedConnection, status: int, refusal: str = "", *, site_id: str = "", connection_id: str = ""
) -> None:
    """End the handshake's span; only the first call counts. `refusal`: the reason's short word. One that broke off before there
    was a request has its span here."""
    if connection.answered:
        return
    connection.answered = True
    known: dict[str, str | int] = {
        "http.response.status_code": status,
        "ocpplog.charger.id": connection.charger_id,
        "ocpplog.site.id": site_id,
        "ocpplog.connection.id": connection_id,
        "ocpplog.refusal": refusal,
    }
    attributes: dict[str, tracing.Attribute] = {name: value for name, value in known.items() if value}
    if connection.span is None:
        with tracing.span(_NAME, SpanKind.SERVER, began_ns=connection.accepted_ns) as span:
            _describe(span, attributes, status)
    elif connection.span.is_recording():
        _describe(connection.span, attributes, status)
        connection.span.end()
    connection.span = None


def _describe(span: Span, attributes: tracing.Attributes, status: int) -> None:
    span.set_attributes(attributes)
    if status >= 500:
        tracing.failed(span, str(status))


@contextmanager
def upstream(url: str) -> Iterator[None]:
    """Around the handshake with a central system, without the time that it waits for its turn."""
    place = urlsplit(url)
    port = place.port or (443 if place.scheme == "wss" else 80)
    with tracing.child("handshake upstream", SpanKind.CLIENT, {"server.address": place.hostname or "", "server.port": port}):
        yield
