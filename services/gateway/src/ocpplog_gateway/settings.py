"""Settings of the gateway."""

from __future__ import annotations

import socket
from typing import Literal

from pydantic import Field

from ocpplog_common.settings import TraceSettings
from ocpplog_gateway.door_settings import DoorSettings


class GatewaySettings(DoorSettings, TraceSettings):
    gateway_id: str = Field(default_factory=socket.gethostname, description="Name of this replica in the log")
    gateway_default_site: str = Field("", description="Site of chargers that ocpp.chargers lacks; empty: they are refused")
    gateway_max_frame_bytes: int = Field(1024 * 1024, gt=0, description="Longest message; over it: close 1009")
    gateway_max_in_flight: int = Field(
        64, gt=0, description="Frames a direction may have between receiving and passing on; then its sender has to wait"
    )
    gateway_mode: Literal["hold", "strict"] = Field(
        "hold",
        description="While Kafka does not answer: hold frames back for a while, then pass them on; strict: never pass them on",
    )
    gateway_hold_s: float = Field(5.0, gt=0, description="How long a frame waits for Kafka before it is passed on all the same")
    gateway_buffer_bytes: int = Field(
        64 * 1024 * 1024, gt=0, description="Memory for frames that Kafka has not acknowledged; what does not fit becomes a gap"
    )
    gateway_delivery_timeout_s: float = Field(
        10.0,
        gt=0,
        description="How long Kafka may take over a request; in mode strict: over a frame, before its connection is closed",
    )
    gateway_flush_s: float = Field(10.0, ge=0, description="On SIGTERM, how long Kafka has to take what still waits")
    gateway_heartbeat_interval_s: int = Field(
        300, ge=1, le=86400, description="What the built-in central system tells chargers, for those that have no other"
    )
    gateway_ping_interval_s: float = Field(30.0, gt=0, description="Pause between pings to chargers and central systems")
    gateway_ping_timeout_s: float = Field(
        0.0, ge=0, description="A peer silent after a ping for so long is cut off; 0: never, since some chargers answer no ping"
    )
    gateway_spread_s: float = Field(
        5.0, ge=0, description="When a central system goes down, its chargers are closed spread over this time"
    )
    gateway_backlog: int = Field(4096, gt=0, description="Connections that may wait to be accepted")
    gateway_drain_s: float = Field(5.0, ge=0, description="On SIGTERM, connections are closed spread over this time")
    gateway_health_host: str = Field("127.0.0.1", description="Address of /livez, /readyz and /metrics")
    gateway_health_port: int = Field(9311, ge=0, le=65535, description="Port of /livez, /readyz and /metrics")
