"""Rows of the log, with the columns of the tables. Absent values are left out: the table's default stands for them."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

RowName = tuple[str | int, ...]
"""What names a row of a table for good."""
RowId = tuple[str, int]
"""(connection id, 32 hex digits; number of the frame on that connection): what names a row for good."""


class LogRow(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A row of `ocpp_log`. Times as `timestamps.for_clickhouse` writes them."""

    datetime: str
    site_id: str
    charger_id: str
    source: str
    subprotocol: str
    outcome: str
    connection_id: str
    sequence: int
    gateway_id: str
    kafka_partition: int
    kafka_offset: int
    closed_offset: int
    message_id: str = ""
    action: str = ""
    connector_id: int | None = None
    latency_ms: int | None = None
    status: str = ""
    error_code: str = ""
    vendor_error_code: str = ""
    info: str = ""
    vendor_id: str = ""
    request_timestamp: str | None = None
    id_tag: str = ""
    id_tag_info_status: str = ""
    transaction_id: str = ""
    meter_stop: float | None = None
    reason: str = ""
    voltage_l1: float | None = None
    voltage_l2: float | None = None
    voltage_l3: float | None = None
    voltage: float | None = None
    voltage_unit: str = ""
    current_import_l1: float | None = None
    current_import_l2: float | None = None
    current_import_l3: float | None = None
    current_import: float | None = None
    current_import_unit: str = ""
    power_l1: float | None = None
    power_l2: float | None = None
    power_l3: float | None = None
    power: float | None = None
    power_unit: str = ""
    response_error_code: str = ""
    response_error_description: str = ""
    violations: list[str] = []
    request: str = ""
    response: str = ""
    unescaped: str = ""
    retention_days: int = 400

    @property
    def id(self) -> RowId:
        return self.connection_id, self.sequence


class SampleRow(msgspec.Struct, omit_defaults=True):
    """A row of `meter_sample`: what the samples of a message have in common, then the sample's own. In this order, because the
    rows of a message are made of one beginning, by position."""

    site_id: str
    charger_id: str
    datetime: str
    action: str
    connection_id: str
    sequence: int
    kafka_partition: int
    closed_offset: int
    connector_id: int | None
    transaction_id: str
    retention_days: int

    sample: int
    sampled_at: str
    measurand: str
    phase: str = ""
    context: str = ""
    location: str = ""
    unit: str = ""
    value: float | None = None
    value_si: float | None = None
    signed: bool = False

    @property
    def id(self) -> RowId:
        """The id of the log row whose request carried the sample: the samples of one message are stored all or none."""
        return self.connection_id, self.sequence


class EventRow(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A row of `connection_event`."""

    datetime: str
    site_id: str
    charger_id: str
    kind: str
    gateway_id: str
    event_id: str
    kafka_partition: int
    kafka_offset: int
    connection_id: str
    peer: str = ""
    subprotocol: str = ""
    profile: int | None = None
    close_code: int | None = None
    closed_by: str = ""
    reason: str = ""
    duration_s: float | None = None
    frames_from_charger: int = 0
    frames_from_csms: int = 0
    retention_days: int = 400

    @property
    def id(self) -> tuple[str]:
        return (self.event_id,)


@dataclass(frozen=True, slots=True)
class Enriched:
    """What one exchange becomes."""

    log: LogRow
    samples: list[SampleRow]
