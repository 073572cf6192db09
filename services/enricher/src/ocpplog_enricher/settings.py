"""Settings of the enricher."""

from __future__ import annotations

from pydantic import Field

from ocpplog_common.settings import ClickHouseSettings, KafkaSettings, TraceSettings
from ocpplog_enricher.domain.open_requests import Limits
from ocpplog_enricher.domain.policy import Retention
from ocpplog_enricher.lane import WriteLimits


class EnricherSettings(KafkaSettings, ClickHouseSettings, TraceSettings):
    enricher_group: str = Field("ocpplog-enricher", description="Consumer group; its members share the partitions")
    enricher_answer_timeout_s: float = Field(60.0, gt=0, description="How long a request may wait for its answer")
    enricher_max_open: int = Field(256, gt=0, description="Open requests a charger may have; more close the oldest")
    enricher_max_open_bytes: int = Field(
        4 << 20, gt=0, description="Memory for the open requests of a charger; over it, the oldest are closed"
    )
    enricher_max_open_partition_bytes: int = Field(
        32 << 20, gt=0, description="Memory for the open requests of a partition; over it, the oldest are closed"
    )
    enricher_max_open_frames: int = Field(
        100_000, gt=0, description="Frames of a partition that may come after an open request before it is closed"
    )
    enricher_retention_minimal_days: int = Field(
        400, ge=1, le=3650, description="How long rows are kept whose action is logged at every level"
    )
    enricher_retention_info_days: int = Field(
        400, ge=1, le=3650, description="How long rows are kept whose action is logged from level info up"
    )
    enricher_retention_debug_days: int = Field(
        100, ge=1, le=3650, description="How long rows are kept whose action is logged at level debug only"
    )
    enricher_batch_rows: int = Field(5000, gt=0, description="Rows of a write, at most")
    enricher_batch_within_s: float = Field(0.3, gt=0, description="How long a row may wait for others to be written with")
    enricher_writes_at_once: int = Field(2, gt=0, description="Partitions that are written at the same time, at most")
    enricher_backlog_bytes: int = Field(
        128 << 20, gt=0, description="Memory for what waits to be written; over it, no more is read from Kafka"
    )
    enricher_retry_for_s: float = Field(300.0, gt=0, description="How long a write is tried before the process gives up")
    enricher_write_timeout_s: float = Field(
        60.0, gt=0, description="How long ClickHouse may take over a request before it is tried again"
    )
    enricher_rebalance_timeout_s: float = Field(10.0, gt=0, description="How long a rebalance waits for the other members")
    enricher_session_timeout_s: float = Field(15.0, gt=0, description="After this silence a member counts as dead")
    enricher_id_tag_key_file: str = Field(
        "", description="File with the key of RFID tags' hashes; empty: masked where hashed is asked"
    )
    enricher_health_host: str = Field("127.0.0.1", description="Where /livez, /readyz and /metrics listen")
    enricher_health_port: int = Field(9312, ge=0, le=65535, description="Port of /livez, /readyz and /metrics")

    def limits(self) -> Limits:
        return Limits(
            requests=self.enricher_max_open,
            charger_bytes=self.enricher_max_open_bytes,
            partition_bytes=self.enricher_max_open_partition_bytes,
            frames=self.enricher_max_open_frames,
        )

    def write_limits(self) -> WriteLimits:
        return WriteLimits(
            rows=self.enricher_batch_rows,
            within_s=self.enricher_batch_within_s,
            at_once=self.enricher_writes_at_once,
            backlog_bytes=self.enricher_backlog_bytes,
        )

    def retention(self) -> Retention:
        return Retention(
            self.enricher_retention_minimal_days, self.enricher_retention_info_days, self.enricher_retention_debug_days
        )
