"""What callers send to and get from the endpoints of sessions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from ocpplog_query_api.logs.schemas import Values
from ocpplog_query_api.parameters import moment
from ocpplog_query_api.sessions.query import Wanted

OPEN_WITHIN: Final = timedelta(days=31)


class SessionQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    site: Values = Field([], description="Site id; several: one of them")
    charger: Values = Field([], description="Charger id")
    from_: str = Field(
        "", alias="from", description="That began from this time on: 2024-11-26T10:03:49Z, or -24h", examples=["-24h"]
    )
    to: str = Field("", description="That began before this time")
    open: bool | None = Field(None, description="Only those that go on (without `from`: of 31 days), or only those that do not")
    id_tag: Values = Field([], description="RFID tag that started it, as the site shows tags")
    transaction_id: Values = Field([], description="Transaction id")
    limit: int = Field(50, ge=1, description="Sessions of a page")
    cursor: str = Field("", max_length=2048, description="`next_cursor` of the page before")

    def wanted(self, now: datetime) -> Wanted:
        """Raises InvalidParameter."""
        since, until = moment("from", self.from_, now), moment("to", self.to, now)
        if self.open and since is None:
            # Stops get lost: to ask of all that ever did would be to read everything, and nobody charges for so long.
            since = now - OPEN_WITHIN
        return Wanted(self.site, self.charger, self.transaction_id, self.id_tag, self.open, since, until)

    def identity(self) -> dict[str, object]:
        return self.model_dump(exclude={"limit", "cursor"})


class Session(BaseModel):
    """A charging session, out of what the log has of it. What is not known is null."""

    id: str
    site_id: str
    charger_id: str
    connector_id: int | None = Field(description="In 2.x the EVSE")
    transaction_id: str | None = Field(description="Null where the start was never answered")
    id_tag: str | None = Field(description="Who started it, as the site shows tags")
    id_tag_info_status: str | None = Field(description="What the central system said to the tag")
    subprotocol: str | None
    started_at: str | None = Field(description="By the charger's clock, where that can be true")
    stopped_at: str | None
    is_open: bool = Field(description="No stop was logged, and no later session on the connector")
    duration_s: float | None
    energy_wh: float | None = Field(description="So far, where it is open")
    energy_from: str | None = Field(description="meter, samples or register: what the energy was reckoned from")
    max_power_w: float | None
    reason: str | None = Field(description="Why it stopped")
    first_seen_at: str = Field(description="When its first message passed the gateway, UTC")
    last_seen_at: str = Field(description="When its last one did")


class CurvePoint(BaseModel):
    at: str
    power_w: float | None = Field(None, description="Of all phases together; where the charger tells phases alone, their sum")
    power_l1_w: float | None = None
    power_l2_w: float | None = None
    power_l3_w: float | None = None
    current_a: float | None = Field(None, description="Without a phase")
    current_l1_a: float | None = None
    current_l2_a: float | None = None
    current_l3_a: float | None = None
    voltage_v: float | None = Field(None, description="Without a phase; between lines: nowhere here")
    voltage_l1_v: float | None = None
    voltage_l2_v: float | None = None
    voltage_l3_v: float | None = None
    energy_wh: float | None = Field(None, description="Register of the meter")
    soc_percent: float | None = None


class Curve(BaseModel):
    points: list[CurvePoint] = Field(description="In order of time, 1,000 at most")
    every_s: int | None = Field(description="Width of the steps that values are averaged over; null: as they were sampled")


class SessionDetail(Session):
    curve: Curve
    entries: int = Field(description="Entries of the log that name its transaction")


class SessionPage(BaseModel):
    items: list[Session]
    next_cursor: str | None = Field(description="Null on the last page")
