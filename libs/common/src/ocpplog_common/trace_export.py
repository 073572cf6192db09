"""Where spans go: to a collector, over OTLP/HTTP. Needs the OpenTelemetry SDK (the extra `traces`): `tracing` imports it late."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

_log = structlog.get_logger(__name__)
_EXPORT_WITHIN_S: Final = 3.0


def provider(service: str, endpoint: str, share: float) -> TracerProvider:
    """Sends its spans every few seconds, from a thread. What waits is bounded: while no collector answers, the oldest go.

    Certificates and headers for the collector are the exporter's own variables, `OTEL_EXPORTER_OTLP_*`.
    """
    resource = Resource.create({"service.name": f"ocpplog-{service}", "service.namespace": "ocpplog"})
    made = TracerProvider(ParentBasedTraceIdRatio(share), resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_WITHIN_S)
    made.add_span_processor(BatchSpanProcessor(Told(exporter, service, endpoint)))
    return made


class Told(SpanExporter):
    """Says in the log when the collector stops answering, and when it answers again."""

    def __init__(self, exporter: SpanExporter, service: str, endpoint: str) -> None:
        # What they say of every attempt.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._exporter = exporter
        # Of another thread: what the logs are bound to elsewhere is not known in it.
        self._log = _log.bind(service=service, collector=endpoint)
        self._answers = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        answers = result is SpanExportResult.SUCCESS
        if answers != self._answers:
            self._answers = answers
            self._log.warning("traces", state="answers again" if answers else "the collector does not take them")
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()
