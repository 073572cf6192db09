"""What callers get and give of sites."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from ocpplog_common.records import Connectivity, IdTags, LevelName


class _Recorded(BaseModel):
    site_id: str
    name: str
    connectivity: Connectivity | None = Field(description="Null where ocpp.sites lacks the site")
    level: LevelName | None = Field(description="What is logged now; null while the records cannot be read")
    level_until: str | None = Field(description="When that ends by itself, UTC")
    level_after: LevelName | None = Field(description="What is logged then; null where it does not end")
    registered: bool | None = Field(description="Whether ocpp.sites has it; null while the records cannot be read")


class _Settings(BaseModel):
    id_tags: IdTags | None = Field(description="What becomes of RFID tags in its rows; null as connectivity")
    retention_days: int | None = Field(description="How long rows are kept; null: as the enricher is set")
    upstream: str | None = Field(description="URL of its central system; null but for the role support")
    upstream_credentials: str | None = Field(description="Name of the gateway's credentials for it; null as upstream")


class SiteSummary(_Recorded):
    """A site: one of ocpp.sites, or one that has entries."""

    chargers: int = Field(description="Registered there, or that ever connected")
    chargers_online: int
    entries_24h: int = Field(description="Entries of the last 24 hours")
    errors_24h: int = Field(description="Of these, other outcomes than result and sent")
    last_entry: str | None = Field(description="When the newest entry came, UTC")


class SiteDetail(_Settings, SiteSummary):
    """A site, and how it is set."""


class SiteWritten(_Settings, _Recorded):
    """A site as it was just written. What the log tells of it is null where the log did not answer at once: the site is
    written all the same."""

    chargers: int | None = Field(description="Registered there, or that ever connected")
    chargers_online: int | None
    entries_24h: int | None = Field(description="Entries of the last 24 hours")
    errors_24h: int | None = Field(description="Of these, other outcomes than result and sent")
    last_entry: str | None = Field(description="When the newest entry came, UTC")


class SiteBody(BaseModel):
    """A site as a whole: what is left out is empty. Its log level is changed with /log-level."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("", max_length=200)
    connectivity: Connectivity = Field(Connectivity.LAN, description="How it reaches the central system: the default level")
    retention_days: int | None = Field(None, ge=1, le=3650, description="How long rows are kept; null: as the enricher is set")
    upstream: str = Field("", max_length=2000, description="ws:// or wss:// URL of its central system, without credentials")
    upstream_credentials: str = Field("", max_length=200, description="Name of the gateway's credentials for it")
    id_tags: IdTags = Field(IdTags.PLAIN, description="What becomes of RFID tags in its rows")


class Change(BaseModel):
    who: str
    at: str
    before: LevelName
    after: LevelName
    why: str
    until: str | None = Field(description="Null: for good")


class LogLevel(BaseModel):
    level: LevelName = Field(description="What is logged now")
    default_level: LevelName = Field(description="That of the site's connectivity")
    until: str | None = Field(description="When the level ends by itself, UTC")
    after: LevelName | None = Field(description="What is logged then; null where it does not end")
    history: list[Change] = Field(description="The last 50 changes, newest first")


class LogLevelBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    level: LevelName | None = Field(description="Null: the default of the site's connectivity")
    until: str | None = Field(
        None, max_length=64, description="When it ends: ISO 8601 with its zone, or +2h, +1d12h", examples=["+2h"]
    )
    reason: str = Field(min_length=1, max_length=500, pattern=r"\S", description="Kept with the change")
