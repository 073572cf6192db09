"""What callers send to and get from the endpoints that count."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from ocpplog_query_api.logs.schemas import LogFilters
from ocpplog_query_api.logs.summaries import By

_Of = Literal["site", "charger", "connector", "action", "status", "error_code", "vendor_error_code"]
_More = Literal["outcome", "source", "id_tag", "transaction_id", "message_id", "subprotocol"]
FacetField = Literal[_Of, _More]
_USUAL: list[FacetField] = ["site", "charger", "action", "status", "outcome", "error_code"]


class Total(BaseModel):
    total: int = Field(description="How many entries match", examples=[12])
    total_is_lower_bound: bool = Field(description="True where counting stopped: at 100,000, or because it took too long")


class HistogramQuery(LogFilters):
    by: By = Field("outcome", description="What to count apart in each bucket; `none`: nothing, under the name `all`")
    buckets: int = Field(60, ge=2, le=500, description="At most so many buckets; they are as narrow as that allows")


class Bucket(BaseModel):
    at: str = Field(
        description="Where it begins, UTC; the first one may begin before `from`", examples=["2024-11-26T10:00:00.000Z"]
    )
    counts: dict[str, int] = Field(
        description="Outcome or action -> entries; empty where there are none. Without an action: the empty name",
        examples=[{"result": 12, "error": 1}],
    )


class Histogram(BaseModel):
    from_: str = Field(alias="from", description="Beginning of what was counted, UTC", examples=["2024-11-26T10:00:00.000Z"])
    to: str = Field(description="End of what was counted, UTC; not in it", examples=["2024-11-26T11:00:00.000Z"])
    bucket_seconds: int = Field(
        description="1, 2, 5, 10, 15, 30 seconds or minutes, 1, 2, 3, 6, 12 hours, 1, 2, 7, 30 days, or multiples of 30 days",
        examples=[60],
    )
    buckets: list[Bucket] = Field(description="All of the time from `from` to `to`, in order, without holes")


class FacetsQuery(LogFilters):
    field: Annotated[list[FacetField], Field(min_length=1, max_length=13)] = Field(
        _USUAL, description="Fields to count the values of"
    )
    top: int = Field(10, ge=1, le=200, description="How many values of each field")
    contains: str = Field(
        "",
        max_length=256,
        description="Only values with this text, in any case: for suggestions while somebody types. With one `field` only",
        examples=["cp00"],
    )


class FacetValue(BaseModel):
    value: str = Field(examples=["Heartbeat"], description="As the filter takes it; of a connector, `none` too")
    count: int = Field(examples=[12])


class Facet(BaseModel):
    field: FacetField
    values: list[FacetValue] = Field(description="The most frequent first")
    others: int = Field(description="Entries with other values; those without a value are in neither", examples=[3])
    is_sample: bool = Field(description="True where too much matches: counted are the newest entries only")


class Facets(BaseModel):
    facets: list[Facet] = Field(description="In the order in which the fields were named")
