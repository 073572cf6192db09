"""What callers send to and get from the log's endpoints."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ocpplog_query_api.errors import InvalidParameter
from ocpplog_query_api.logs import terms, times
from ocpplog_query_api.logs.query import Search

_EQUAL = (
    *("action", "status", "error_code", "vendor_error_code", "outcome", "source"),
    *("id_tag", "transaction_id", "message_id", "subprotocol"),
)
_CONNECTOR = re.compile(r"none|-?[0-9]{1,12}")
Values = Annotated[list[Annotated[str, Field(max_length=256)]], Field(max_length=100)]


def _connector(values: list[str]) -> list[str]:
    for value in values:
        if not _CONNECTOR.fullmatch(value):
            raise ValueError(f"{value!r} is neither a number nor `none`")
    return values


class LogFilters(BaseModel):
    """What entries have to match. Each may be given several times: one of the values has to fit."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field("", description='Terms, all of which must be in the entry, in any case: words or "phrases"', max_length=4096)
    site: Values = Field([], description="Site id")
    charger: Values = Field([], description="Charger id")
    connector: Annotated[Values, AfterValidator(_connector)] = Field([], description="Connector number, or `none`")
    action: Values = Field([], description="OCPP action", examples=[["StatusNotification"]])
    status: Values = Field(
        [],
        description="Operational state, of StatusNotification; in 2.x also of TransactionEvent and NotifyEvent",
        examples=[["Faulted"]],
    )
    error_code: Values = Field([], description="errorCode of StatusNotification; of a 2.x fault its component and variable")
    vendor_error_code: Values = Field([], description="The maker's own error code")
    outcome: Values = Field([], description="result, error, timeout, unmatched, superseded, lost, violation, sent, gap")
    source: list[Literal["charger", "csms"]] = Field([], description="Who sent the request")
    id_tag: Values = Field([], description="RFID tag")
    transaction_id: Values = Field([], description="Transaction id")
    message_id: Values = Field([], description="OCPP-J message id")
    subprotocol: Values = Field([], description="ocpp1.6, ocpp2.0.1 or ocpp2.1")
    from_: str = Field("", alias="from", description="From this time on: 2024-11-26T10:03:49Z, or -24h", examples=["-24h"])
    to: str = Field("", description="Before this time")

    def search(self, now: datetime) -> Search:
        """Raises InvalidParameter."""
        return Search(
            terms=_checked("q", lambda: terms.split(self.q)),
            sites=self.site,
            equal={"charger_id": self.charger} | {name: getattr(self, name) for name in _EQUAL},
            connectors=[None if value == "none" else max(-(2**31), min(int(value), 2**31 - 1)) for value in self.connector],
            since=_checked("from", lambda: times.parse(self.from_, now)) if self.from_ else None,
            until=_checked("to", lambda: times.parse(self.to, now)) if self.to else None,
        )

    def identity(self) -> dict[str, Any]:
        """What a cursor is tied to: the search as it was written, so that a relative time stays the same search."""
        return {name: getattr(self, name) for name in LogFilters.model_fields}


def _checked(name: str, read: Any) -> Any:
    try:
        return read()
    except ValueError as error:
        raise InvalidParameter(name, str(error)) from None


class LogPageQuery(LogFilters):
    order: Literal["desc", "asc"] = Field("desc", description="desc: newest first")
    limit: int = Field(50, ge=1, description="Entries of a page")
    cursor: str = Field("", max_length=1024, description="`next_cursor` of the page before")
    fields: str = Field("", max_length=200, description="More fields, comma-separated: request, response")
    count: bool = Field(False, description="Also count what matches")


class LogEntry(BaseModel):
    """One exchange: a request and its response. What the charger did not send is null."""

    id: str
    datetime: str = Field(description="When the request passed the gateway, UTC", examples=["2024-11-26T10:03:49.123Z"])
    action: str | None = Field(description="Null for a frame that is not OCPP-J, and for a gap")
    charger_id: str
    connector_id: int | None = Field(description="0 is the station itself")
    site_id: str
    source: str = Field(description="Who sent the request: charger or csms")
    subprotocol: str | None
    outcome: str
    latency_ms: int | None
    status: str | None
    error_code: str | None
    vendor_error_code: str | None
    info: str | None
    vendor_id: str | None
    request_timestamp: str | None
    id_tag: str | None
    id_tag_info_status: str | None
    transaction_id: str | None
    meter_stop: float | None
    reason: str | None
    response_error_code: str | None
    response_error_description: str | None
    violations: list[str]
    message_id: str | None
    voltage_l1: float | None
    voltage_l2: float | None
    voltage_l3: float | None
    voltage: float | None
    voltage_unit: str | None
    current_import_l1: float | None
    current_import_l2: float | None
    current_import_l3: float | None
    current_import: float | None
    current_import_unit: str | None
    power_l1: float | None
    power_l2: float | None
    power_l3: float | None
    power: float | None
    power_unit: str | None
    request: str | None = Field(None, description="Payload as it was sent, secrets as ***; in lists only with fields=request")
    response: str | None = Field(None, description="Payload as it was sent, secrets as ***; in lists only with fields=response")


class LogEntryDetail(LogEntry):
    request_json: Any = Field(description="The request, parsed; null where it is no JSON")
    response_json: Any = Field(description="The response, parsed; null where there is none")
    connection_id: str
    sequence: int
    gateway_id: str
    kafka_partition: int
    kafka_offset: int
    stored_at: str


class LogPage(BaseModel):
    items: list[LogEntry]
    next_cursor: str | None = Field(description="Null on the last page")
    total: int | None = Field(None, description="How many match, with count=true")
    total_is_lower_bound: bool | None = Field(None, description="True where counting stopped")


LIST_COLUMNS = [name for name in LogEntry.model_fields if name not in ("id", "request", "response")]
DETAIL_COLUMNS = [name for name in LogEntryDetail.model_fields if name not in ("id", "request_json", "response_json")]
