"""What callers send to and get from the log's endpoints."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ocpplog_query_api.errors import InvalidParameter
from ocpplog_query_api.logs import grammar, times
from ocpplog_query_api.logs.search import COLUMN_OF, Search

_Read = TypeVar("_Read")
_EQUAL = tuple(name for name in COLUMN_OF if name not in ("site", "connector"))
_Q = """Terms, all of which must be in the entry, whole or as a part of a word, in any case.

- `word`, `"two words"`: the entry has it; `-word`, `-"two words"`: it does not
- `field:value`, `field:"two words"`, `-field:value`, with a field named like the filters (`status:faulted`, `-action:Heartbeat`),
  in any case (of ids: as written, or all in lower or upper case). The same field again: or this value. `field:""`: without one
- in quotes everything is text (`"-5"`, `"status:x"`), and so is all that is none of these (`50%`, `a_b`, `C:\\tmp`, `ws://x`)
- a phrase ends with a quote before a blank or the end, with or without a comma between, so it may hold quotes (`"a":"b"`,
  `"a": "b"`), but none that begins another term. Where none ends it, `"a":1` is a word as it stands, and a single quote is an
  error; `\"\"\"` finds a quote

Looked at are request, response, charger, site, action, outcome, transaction, violations and error code; message ids as a whole,
from 16 characters; subprotocols from their beginning (`ocpp2`). Case is as Unicode lower-cases: ß is not ss."""
Values = Annotated[list[Annotated[str, Field(max_length=256)]], Field(max_length=100)]


def _connector(values: list[str]) -> list[str]:
    for value in values:
        grammar.connector(value)
    return values


class LogFilters(BaseModel):
    """What entries have to match. Each may be given several times: one of the values has to fit."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field(
        "",
        description=_Q,
        max_length=4096,
        examples=["CP0037 faulted", 'status:faulted -"emergency stop"', "-action:MeterValues 4356987"],
    )
    site: Values = Field([], description="Site id", examples=[["harbour-depot"]])
    charger: Values = Field([], description="Charger id", examples=[["LAB-03"]])
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
    id_tag: Values = Field([], description="RFID tag, as the site shows it: plain, masked (`****F6`) or hashed (`h:...`)")
    transaction_id: Values = Field([], description="Transaction id")
    message_id: Values = Field([], description="OCPP-J message id")
    subprotocol: Values = Field([], description="ocpp1.6, ocpp2.0.1 or ocpp2.1")
    violations: bool = Field(False, description="true: only entries that break a rule of OCPP, or that the log has a note on")
    from_: str = Field("", alias="from", description="From this time on: 2024-11-26T10:03:49Z, or -24h", examples=["-24h"])
    to: str = Field("", description="Before this time", examples=["2024-11-26T10:03:49Z"])

    def search(self, now: datetime) -> Search:
        """`q` and the filters must both fit. Raises InvalidParameter."""
        parsed = _checked("q", lambda: grammar.parse(self.q))
        return Search(
            terms=parsed.terms,
            without=parsed.without,
            matches=parsed.matches,
            sites=self.site,
            equal={COLUMN_OF[name]: getattr(self, name) for name in _EQUAL},
            connectors=[grammar.connector(value) for value in self.connector],
            violations=self.violations,
            since=_checked("from", lambda: times.parse(self.from_, now)) if self.from_ else None,
            until=_checked("to", lambda: times.parse(self.to, now)) if self.to else None,
        )

    def identity(self) -> dict[str, Any]:
        """What a cursor is tied to: the search as it was written, so that a relative time stays the same search."""
        return {name: getattr(self, name) for name in LogFilters.model_fields}


def _checked(name: str, read: Callable[[], _Read]) -> _Read:
    try:
        return read()
    except ValueError as error:
        raise InvalidParameter(name, str(error)) from None


class LogPageQuery(LogFilters):
    order: Literal["desc", "asc"] = Field("desc", description="desc: newest first")
    limit: int = Field(50, ge=1, description="Entries of a page")
    cursor: str = Field("", max_length=1024, description="`next_cursor` of the page before")
    fields: str = Field("", max_length=200, description="More fields, comma-separated: request, response")
    columns: str = Field(
        "",
        max_length=1000,
        description="Only these fields, comma-separated, besides `id`, `datetime` and those of `fields`: few of them come faster",
        examples=["charger_id,action,status"],
    )
    count: bool = Field(False, description="Also count what matches")


class LogEntry(BaseModel):
    """One exchange: a request and its response. What the charger did not send is null."""

    id: str = Field(description="Names the entry: GET /v1/logs/{id}", examples=["1a20b4b42a0-01a20b4b00407cb2b1891fc12154b2e2-7"])
    datetime: str = Field(description="When the request passed the gateway, UTC", examples=["2024-11-26T10:03:49.123Z"])
    action: str | None = Field(description="Null for a frame that is not OCPP-J, and for a gap")
    charger_id: str = Field(examples=["LAB-03"])
    connector_id: int | None = Field(description="0 is the station itself")
    site_id: str = Field(examples=["test-lab"])
    source: str = Field(description="Who sent the request: charger or csms")
    subprotocol: str | None = Field(description="ocpp1.6, ocpp2.0.1 or ocpp2.1")
    outcome: str = Field(description="result, error, timeout, unmatched, superseded, lost, violation, sent or gap")
    latency_ms: int | None = Field(description="From request to response, as they passed the gateway")
    status: str | None = Field(description="Operational state", examples=["Faulted"])
    error_code: str | None = Field(
        description="Of StatusNotification; of a 2.x fault `Component.Variable`", examples=["GroundFailure"]
    )
    vendor_error_code: str | None = Field(description="The maker's own error code")
    info: str | None = Field(description="Further text, mostly of an error")
    vendor_id: str | None
    request_timestamp: str | None = Field(description="The payload's own timestamp, UTC, to the microsecond")
    id_tag: str | None = Field(description="RFID tag: plain, masked or hashed, as the site wants it")
    id_tag_info_status: str | None = Field(description="Authorisation status of the tag, from the response")
    transaction_id: str | None
    meter_stop: float | None = Field(description="Meter reading at the end of a transaction, Wh")
    reason: str | None = Field(description="Why a transaction ended")
    response_error_code: str | None = Field(description="errorCode of a CALLERROR")
    response_error_description: str | None = Field(description="errorDescription of a CALLERROR")
    violations: list[str] = Field(
        description="What is wrong with the frames: place and reason", examples=[["frame: not a JSON array"]]
    )
    message_id: str | None
    voltage_l1: float | None
    voltage_l2: float | None
    voltage_l3: float | None
    voltage: float | None
    voltage_unit: str | None = Field(description="As reported; null means V. So for the units of current (A) and power (W)")
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


class Neighbours(BaseModel):
    """The exchanges of the same charger and site around one, the nearest first; without payloads."""

    before: list[LogEntry]
    after: list[LogEntry]


class LogEntryDetail(LogEntry):
    request_json: Any = Field(description="The request, parsed; null where it is no JSON")
    response_json: Any = Field(description="The response, parsed; null where there is none")
    connection_id: str
    sequence: int
    gateway_id: str
    kafka_partition: int | None = Field(description="Null for who may not see all sites")
    kafka_offset: int | None = Field(description="Null for who may not see all sites")
    stored_at: str
    neighbours: Neighbours


def _required(schema: dict[str, Any]) -> None:
    schema["required"] = ["id", "datetime"]


class ListedEntry(LogEntry):
    """An exchange. Where `columns` says which fields, the others are left out."""

    model_config = ConfigDict(json_schema_extra=_required)


class LogPage(BaseModel):
    items: list[ListedEntry]
    next_cursor: str | None = Field(description="Null on the last page")
    total: int | None = Field(None, description="How many match, with count=true")
    total_is_lower_bound: bool | None = Field(None, description="True where counting stopped")


LIST_COLUMNS = [name for name in LogEntry.model_fields if name not in ("id", "request", "response")]
DETAIL_COLUMNS = [
    name for name in LogEntryDetail.model_fields if name not in ("id", "request_json", "response_json", "neighbours")
]
