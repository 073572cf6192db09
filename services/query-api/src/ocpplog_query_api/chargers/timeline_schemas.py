"""What callers send to and get from a charger's timeline: one item type a kind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ocpplog_query_api.chargers.schemas import Site
from ocpplog_query_api.chargers.timeline_query import KINDS, Happenings, Kind
from ocpplog_query_api.parameters import moment


class TimelineQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    site: Site = ""
    kind: list[Kind] = Field([], max_length=len(KINDS), description="Several: any of them; none: all")
    from_: str = Field("", alias="from", description="From this time on: 2024-11-26T10:03:49Z, or -24h", examples=["-24h"])
    to: str = Field("", description="Before this time")
    limit: int = Field(50, ge=1, description="Items of a page")
    cursor: str = Field("", max_length=1024, description="`next_cursor` of the page before")

    def search(self, charger: str, sites: Sequence[str], now: datetime) -> Happenings:
        """Raises InvalidParameter."""
        kinds = frozenset(self.kind) or frozenset(KINDS)
        return Happenings(charger, sites, kinds, moment("from", self.from_, now), moment("to", self.to, now))

    def identity(self) -> dict[str, object]:
        return self.model_dump(exclude={"limit", "cursor"})


class _Item(BaseModel):
    at: str = Field(description="When it passed the gateway, UTC")
    until: str | None = Field(None, description="When it was over, of connections and sessions; null: not yet, or not known")
    title: str = Field(description="In short, for people", examples=["Connector 1: Faulted, GroundFailure"])
    site_id: str
    connector_id: int | None = None


class ConnectionItem(_Item):
    kind: Literal["connect", "disconnect", "refuse"]
    peer: str | None
    subprotocol: str | None
    profile: int | None
    gateway_id: str | None
    close_code: int | None = Field(description="RFC 6455 section 7.4, or the HTTP status of a refusal")
    closed_by: str | None
    reason: str | None
    duration_s: float | None


class _EntryItem(_Item):
    entry_id: str = Field(description="The entry: /v1/logs/{id}")


class StatusItem(_EntryItem):
    kind: Literal["status"]
    status: str | None
    error_code: str | None
    vendor_error_code: str | None
    info: str | None


class SessionItem(_EntryItem):
    """The start or the stop of a session, with what is known of all of it."""

    kind: Literal["session"]
    event: Literal["start", "stop"]
    transaction_id: str | None
    id_tag: str | None
    reason: str | None
    started_at: str | None = None
    stopped_at: str | None = None
    energy_wh: float | None = None
    session_id: str | None = Field(None, description="The session: /v1/sessions/{id}")


class BootItem(_EntryItem):
    kind: Literal["boot"]
    reason: str | None = Field(description="2.x only")
    vendor: str | None
    model: str | None
    firmware: str | None


class ErrorItem(_EntryItem):
    """An exchange that failed (its `outcome` says how), or frames that are missing."""

    kind: Literal["error"]
    action: str | None
    source: str
    outcome: str
    status: str | None
    error_code: str | None
    transaction_id: str | None
    response_error_code: str | None
    response_error_description: str | None


Item = Annotated[ConnectionItem | StatusItem | SessionItem | BootItem | ErrorItem, Field(discriminator="kind")]


class Timeline(BaseModel):
    items: list[Item]
    next_cursor: str | None = Field(description="Null on the last page")
