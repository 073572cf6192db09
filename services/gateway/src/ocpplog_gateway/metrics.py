"""Every metric of the gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from ocpplog_common import tasks
from ocpplog_common.envelope import Source

CONNECTIONS: Final = Gauge("ocpplog_gateway_connections", "Chargers connected, by subprotocol", ["subprotocol"])
FRAMES: Final = Counter("ocpplog_gateway_frames_total", "Frames received, by who sent them", ["source"])
BYTES: Final = Counter("ocpplog_gateway_frame_bytes_total", "Bytes of frames received, by who sent them", ["source"])
ACK_SECONDS: Final = Histogram(
    "ocpplog_gateway_kafka_ack_seconds",
    "From receiving the oldest frame of a batch to Kafka's acknowledgement",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
KAFKA_UP: Final = Gauge("ocpplog_gateway_kafka_up", "Whether Kafka takes what comes: 1, or 0 while records have to wait")
BUFFER_RECORDS: Final = Gauge("ocpplog_gateway_buffer_records", "Records that Kafka has not acknowledged")
BUFFER_BYTES: Final = Gauge("ocpplog_gateway_buffer_bytes", "Memory that records take which Kafka has not acknowledged, in bytes")
PASSED_EARLY: Final = Counter("ocpplog_gateway_passed_early_total", "Frames passed on before Kafka had them")
DROPPED: Final = Counter("ocpplog_gateway_dropped_frames_total", "Frames that the buffer had no room for: each is part of a gap")
GAPS: Final = Counter("ocpplog_gateway_gaps_total", "Gaps declared on Kafka")
NOT_RECORDED: Final = Counter(
    "ocpplog_gateway_not_recorded_total", "Frames that Kafka did not take in time, and that were not passed on"
)
PRODUCERS_REPLACED: Final = Counter("ocpplog_gateway_producers_replaced_total", "Kafka producers that failed for good")
REFUSALS: Final = Counter("ocpplog_gateway_refusals_total", "Handshakes refused, by reason", ["reason"])
EVENTS_LOST: Final = Counter("ocpplog_gateway_events_lost_total", "Connection events that Kafka did not take")
SOCKETS: Final = Gauge("ocpplog_gateway_sockets", "Connections that are open, from accept on")
CUT: Final = Counter("ocpplog_gateway_cut_connections_total", "Connections over a limit that were cut without an answer")
UPSTREAM_WAITING: Final = Gauge("ocpplog_gateway_upstream_waiting", "Handshakes that wait for their turn at a central system")
CERTIFICATE_EXPIRES: Final = Gauge(
    "ocpplog_gateway_certificate_expiry_timestamp_seconds", "When the gateway's own certificate expires, by its use", ["use"]
)
TASKS: Final = Gauge("ocpplog_gateway_asyncio_tasks", tasks.TASKS_HELP)
TASKS.set_function(tasks.running)

_RECEIVED: Final = {source: (FRAMES.labels(source), BYTES.labels(source)) for source in Source}


def received(source: Source, size: int) -> None:
    frames, size_counter = _RECEIVED[source]
    frames.inc()
    size_counter.inc(size)


def watch(records: Callable[[], int], size: Callable[[], int], problem: Callable[[], str]) -> None:
    """Where the gauges look when they are read."""
    BUFFER_RECORDS.set_function(records)
    BUFFER_BYTES.set_function(size)
    KAFKA_UP.set_function(lambda: not problem())


class Records:
    """A `buffer.Observer`."""

    passed_early = staticmethod(PASSED_EARLY.inc)
    dropped = staticmethod(DROPPED.inc)
    lost = staticmethod(EVENTS_LOST.inc)
    declared = staticmethod(GAPS.inc)
