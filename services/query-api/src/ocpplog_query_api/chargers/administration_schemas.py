"""What callers get and give of the records of chargers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from ocpplog_common.records import MissingSubprotocol


class ChargerFields(BaseModel):
    site_id: str = Field(max_length=256, description="A registered site")
    user_name: str = Field("", max_length=256, description="User of HTTP Basic, where it is not the charger id")
    certificate_name: str = Field(
        "", max_length=256, description="Common name of its certificate, where it is not the charger id"
    )
    certificate_organisation: str = Field(
        "", max_length=256, description="Organisation in it, where it is not the gateway's setting"
    )
    min_profile: int | None = Field(None, ge=0, le=3, description="Lowest OCPP security profile; null: as the gateway is set")
    missing_subprotocol: MissingSubprotocol | None = Field(
        None, description="What becomes of it where it offers no subprotocol; null: as the gateway is set"
    )
    upstream: str = Field("", max_length=2000, description="URL of its central system, where it is not the site's")
    upstream_credentials: str = Field("", max_length=200, description="Name of the gateway's credentials for it")


class ChargerBody(ChargerFields):
    """A charger as a whole: what is left out is empty. Its key stays."""

    model_config = ConfigDict(extra="forbid")

    new_key: bool = Field(False, description="Make a key, and show it in the answer, once")


class ChargerRecord(ChargerFields):
    charger_id: str
    has_key: bool = Field(description="Whether it has a key: else it comes in with a certificate, or with profile 0")
    key: str | None = Field(None, description="A key that was made just now: shown once, 40 hex digits")


class ChargerKey(BaseModel):
    charger_id: str
    key: str = Field(description="Shown once, 40 hex digits: the new AuthorizationKey (BasicAuthPassword in 2.x)")
