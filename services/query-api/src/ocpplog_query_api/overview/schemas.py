"""What callers get of the fleet."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from ocpplog_query_api.logs.schemas import LogEntry, Values


class OverviewQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    site: Values = Field([], description="Site id; several: any of them")


class ChargerCounts(BaseModel):
    total: int = Field(
        description="Registered, or ever connected, or with entries in the last 24 hours; one that moved: at each site"
    )
    online: int = Field(description="With an open connection")
    offline: int = Field(description="Without one")
    faulted: int = Field(description="With a connector whose newest state is Faulted")
    silent: int = Field(description="With an open connection, and quiet for longer than usual")


class Hour(BaseModel):
    at: str = Field(description="Its begin, UTC")
    count: int = Field(description="Entries")
    errors: int = Field(description="Of these, exchanges that failed: CALLERROR, no answer, no OCPP-J, a gap")


class TopError(BaseModel):
    error_code: str | None
    vendor_error_code: str | None
    count: int = Field(description="Notifications")
    chargers: int = Field(description="Of how many chargers")


class SilentCharger(BaseModel):
    charger_id: str
    site_id: str
    last_seen: str | None = Field(description="Its newest sign of life, UTC")
    usual_gap_s: float | None = Field(
        description="95 of 100 pauses are no longer; null: not known, and silent for 12 hours at level debug"
    )


class Overview(BaseModel):
    """The last 24 hours, and the state of now."""

    sites: int = Field(description="Sites that may be seen, registered or with chargers")
    chargers: ChargerCounts
    entries_per_hour: list[Hour] = Field(description="24 hours, the oldest first; the last one is not over yet")
    top_errors: list[TopError] = Field(description="That chargers told of most often")
    slowest: list[LogEntry] = Field(description="By the time that the answer took")
    silent: list[SilentCharger] = Field(description="Silent for the longest time first, 20 at most")
