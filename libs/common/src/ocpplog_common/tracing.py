"""OpenTelemetry traces, off unless `OCPPLOG_OTLP_ENDPOINT` is set: without it no span is made, and the SDK is not even imported.

The provider is this module's own, not OpenTelemetry's global one: a library that brings instrumentation with it (FastAPI does)
would find the global one, and put what people search for, and the texts of errors, into spans of its own.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Link, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ocpplog_common.settings import TraceSettings

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_NO_LINKS: Final[Sequence[Link]] = ()
_STOP_WITHIN_S: Final = 2.0
"""What a process that ends has left for its last spans."""

Attribute = str | bool | int | float | Sequence[str]
Attributes = Mapping[str, Attribute]


class TracingError(RuntimeError):
    """Traces are asked for, and cannot be made: says what to do."""


class _Tracing:
    """What `start` has made: `tracer` is none while traces are off."""

    tracer: Tracer | None = None
    provider: Any = None


def start(service: str, settings: TraceSettings) -> None:
    """Export traces where the settings ask for it, from a thread. Call it once, from `__main__`. Raises TracingError."""
    if settings.otlp_endpoint:
        _Tracing.provider = _provider(service, settings.otlp_endpoint, settings.trace_share)
        _Tracing.tracer = _Tracing.provider.get_tracer("ocpplog")


def stop() -> None:
    """Send what waits, for a moment: a collector that is silent must not keep the process."""
    provider, _Tracing.provider, _Tracing.tracer = _Tracing.provider, None, None
    if provider is not None:
        # The SDK's own shutdown would wait half a minute.
        ending = threading.Thread(target=provider.shutdown, name="last spans", daemon=True)
        ending.start()
        ending.join(_STOP_WITHIN_S)


def enabled() -> bool:
    return _Tracing.tracer is not None


@contextlib.contextmanager
def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    *,
    parent: Context | None = None,
    began_ns: int | None = None,
    held: bool = False,
) -> Iterator[Span]:
    """A span around the block, current in it; one that does nothing where traces are off.

    Without a `parent` it belongs to the current span, and without that it begins a trace. `began_ns`: since 1970, where it began
    before the block. `held`: whoever has it ends it, unless the block raises. Of an error it says the class, not the text: that
    may hold what a row or a query holds.
    """
    if _Tracing.tracer is None:
        yield INVALID_SPAN
        return
    made = _Tracing.tracer.start_span(name, parent, kind, attributes, _NO_LINKS, began_ns, record_exception=False)
    with trace.use_span(made, end_on_exit=False, record_exception=False, set_status_on_exception=False):
        try:
            yield made
        except BaseException as error:
            failed(made, type(error).__qualname__)
            made.end()
            raise
    if not held:
        made.end()


@contextlib.contextmanager
def child(name: str, kind: SpanKind, attributes: Attributes | None = None, *, held: bool = False) -> Iterator[Span]:
    """As `span`, of a span that is recorded; where there is none, this is none either: it begins no trace."""
    if not trace.get_current_span().is_recording():
        yield INVALID_SPAN
        return
    with span(name, kind, attributes, held=held) as made:
        yield made


def failed(of: Span, kind: str) -> None:
    """`kind`: the class of an error, or a status; few of them."""
    of.set_attribute("error.type", kind)
    of.set_status(Status(StatusCode.ERROR))


def note(attributes: Attributes) -> None:
    """Something to be known of the current span, if there is one."""
    trace.get_current_span().set_attributes(attributes)


def event(name: str, attributes: Attributes) -> None:
    """Something that happened within the current span, if there is one."""
    trace.get_current_span().add_event(name, attributes)


def received(headers: Mapping[str, str]) -> Context:
    """The caller's trace, by its `traceparent` (W3C Trace Context); without one that can be read, a new one begins. Names of
    headers are in lower case."""
    return _PROPAGATOR.extract(headers, Context())


def headers() -> dict[str, str] | None:
    """HTTP headers that take the trace further: of the current span, where it is recorded. None where there is nothing to say."""
    if not trace.get_current_span().is_recording():
        return None
    found: dict[str, str] = {}
    _PROPAGATOR.inject(found)
    return found


def name_trace(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor of structlog: within a recorded span, a line says which it is; one just after its end, too."""
    context = trace.get_current_span().get_span_context()
    if context.trace_flags.sampled:
        line["trace_id"], line["span_id"] = trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
    return line


def _provider(service: str, endpoint: str, share: float) -> Any:
    try:
        from ocpplog_common import trace_export
    except ImportError as error:
        missing = "OCPPLOG_OTLP_ENDPOINT is set, and the OpenTelemetry SDK is not installed: install ocpplog-common[traces]"
        raise TracingError(f"{missing} ({error})") from error
    return trace_export.provider(service, endpoint, share)
