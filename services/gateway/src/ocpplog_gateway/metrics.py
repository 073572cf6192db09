"""Every metric of the gateway."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

CONNECTIONS: Final = Gauge("ocpplog_gateway_connections", "Chargers connected, by subprotocol", ["subprotocol"])
FRAMES: Final = Counter("ocpplog_gateway_frames_total", "Frames received, by who sent them", ["source"])
BYTES: Final = Counter("ocpplog_gateway_frame_bytes_total", "Bytes of frames received, by who sent them", ["source"])
ACK_SECONDS: Final = Histogram(
    "ocpplog_gateway_kafka_ack_seconds",
    "From receiving a frame to Kafka's acknowledgement",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
NOT_RECORDED: Final = Counter("ocpplog_gateway_not_recorded_total", "Frames that Kafka did not take, and that were not passed on")
REFUSALS: Final = Counter("ocpplog_gateway_refusals_total", "Handshakes refused, by reason", ["reason"])
EVENTS_LOST: Final = Counter("ocpplog_gateway_events_lost_total", "Connection events that Kafka did not take")
