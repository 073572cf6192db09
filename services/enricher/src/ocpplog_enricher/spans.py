"""A span a write to ClickHouse: which rows, from where on Kafka. Frames have none: there are too many of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry.trace import SpanKind

from ocpplog_common import topics, tracing
from ocpplog_enricher.domain.rows import EventRow, LogRow, SampleRow

Rows = Sequence[LogRow] | Sequence[SampleRow] | Sequence[EventRow]


@contextmanager
def write(table: str, rows: Rows) -> Iterator[None]:
    """Around an insert of rows of one partition, all its attempts included."""
    if not tracing.enabled():
        yield
        return
    with tracing.span(f"INSERT {table}", SpanKind.CLIENT, _described(table, rows)):
        yield


def _described(table: str, rows: Rows) -> tracing.Attributes:
    """Names are those of OpenTelemetry's conventions for databases and Kafka, where these have one."""
    offsets = [offset for row in rows for offset in _offsets(row)]
    return {
        "db.system.name": "clickhouse",
        "db.operation.name": "INSERT",
        "db.collection.name": table,
        "db.operation.batch.size": len(rows),
        "messaging.system": "kafka",
        "messaging.destination.name": topics.CONNECTIONS if isinstance(rows[0], EventRow) else topics.FRAMES,
        "messaging.destination.partition.id": str(rows[0].kafka_partition),
        "ocpplog.offset.first": min(offsets),
        "ocpplog.offset.last": max(offsets),
    }


def _offsets(row: LogRow | SampleRow | EventRow) -> tuple[int, ...]:
    """Of the frames that the row was made of, as far as it says."""
    if isinstance(row, LogRow):
        return row.kafka_offset, row.closed_offset
    return (row.closed_offset if isinstance(row, SampleRow) else row.kafka_offset,)
