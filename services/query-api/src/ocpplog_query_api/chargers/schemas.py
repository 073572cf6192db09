"""What callers get of chargers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ocpplog_query_api.logs.schemas import Values

Site = Annotated[str, Field(max_length=256, description="Site id, where a charger's id is in several sites")]


class ChargerQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    site: Values = Field([], description="Site id; several: one of them")
    q: str = Field("", max_length=256, description="Part of the charger id, in any case")
    online: bool | None = Field(None, description="Only chargers with an open connection, or only those without")
    status: Values = Field([], description="State that one of the connectors is in", examples=[["Faulted"]])
    limit: int = Field(50, ge=1, description="Chargers of a page")
    cursor: str = Field("", max_length=2048, description="`next_cursor` of the page before")

    def identity(self) -> dict[str, object]:
        """What a cursor is tied to."""
        return self.model_dump(exclude={"limit", "cursor"})


class ConnectorState(BaseModel):
    connector_id: int | None = Field(description="In 2.x the EVSE; 0 is the station itself, null where the charger names none")
    status: str = Field(description="As its newest StatusNotification says (or NotifyEvent)", examples=["Charging"])
    error_code: str | None = Field(description="That came with it")
    since: str = Field(description="When it said so first, without another state in between, UTC")


class LastError(BaseModel):
    at: str
    error_code: str | None
    vendor_error_code: str | None
    info: str | None
    entry_id: str = Field(description="The entry: /v1/logs/{id}")


class ChargerSummary(BaseModel):
    """A charger at a site. What is not known is null."""

    charger_id: str
    site_id: str
    registered: bool | None = Field(
        description="Whether ocpp.chargers has it for this site; null while the records cannot be read"
    )
    online: bool = Field(description="Whether its newest connection is open")
    since: str | None = Field(description="Since when it is online, or offline, UTC; null: it never came")
    last_seen: str | None = Field(description="Its newest sign of life: an entry, or that it came or left")
    subprotocol: str | None
    peer: str | None = Field(description="Address of its newest connection")
    vendor: str | None = Field(description="As its newest BootNotification says; also model, firmware, serial_number")
    model: str | None
    firmware: str | None
    serial_number: str | None
    status: str | None = Field(description="The worst state of its connectors, the station included")
    connectors: list[ConnectorState]
    last_error: LastError | None


class ChargerDetail(ChargerSummary):
    connections_24h: int = Field(description="Connections that began in the last 24 hours")
    profile: int | None = Field(description="OCPP security profile of its newest connection")
    gateway_id: str | None = Field(description="Replica of the gateway that has, or had, its newest connection")


class ChargerPage(BaseModel):
    items: list[ChargerSummary]
    next_cursor: str | None = Field(description="Null on the last page")
