"""Entries as the list gives them: what is written without the model must be what the model says."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from ocpplog_query_api.logs import entries
from ocpplog_query_api.logs.query import KEY
from ocpplog_query_api.logs.schemas import LIST_COLUMNS, LogEntry, LogPage

CONNECTION = UUID("01a20b4b-0040-7cb2-b189-1fc12154b2e2")
ID = f"{1732615429120:x}-{CONNECTION.hex}-7"


def row(**values: Any) -> dict[str, Any]:
    """As ClickHouse's client returns it."""
    usual = dict.fromkeys(LIST_COLUMNS, "") | {
        "charger_id": "LAB-03",
        "site_id": "lab",
        "source": "charger",
        "outcome": "sent",
    }
    numbers = {name: None for name, field in LogEntry.model_fields.items() if field.annotation in (float | None, int | None)}
    key = {"datetime": datetime(2024, 11, 26, 10, 3, 49, 120_000), "connection_id": CONNECTION, "sequence": 7}
    place = {"kafka_partition": 3, "kafka_offset": 2**53 + 1}
    return {**usual, **numbers, **key, **place, "violations": [], "request_timestamp": None, **values}


def written(*rows: dict[str, Any], cursor: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(entries.page(rows, cursor))
    return found


class TestPage:
    def test_is_what_the_model_describes(self) -> None:
        found = written(row(), row(violations=["frame: not a JSON array"], meter_stop=1.0, latency_ms=0), cursor="more")
        assert LogPage.model_validate(found, strict=True).model_dump(mode="json") == found
        assert list(found["items"][0]) == list(LogEntry.model_fields)

    def test_has_the_fields_that_were_chosen(self) -> None:
        found = json.loads(entries.page([row(status="Faulted")], None, fields=["id", "datetime", "status", "action"]))
        assert found["items"] == [{"id": ID, "datetime": "2024-11-26T10:03:49.120Z", "status": "Faulted", "action": None}]

    def test_says_what_was_counted(self) -> None:
        found = json.loads(entries.page([], None, 12, True))
        assert found == {"items": [], "next_cursor": None, "total": 12, "total_is_lower_bound": True}

    def test_the_places_of_kafka_are_not_shown(self) -> None:
        assert not any("kafka" in name or name in ("connection_id", "sequence") for name in written(row())["items"][0])

    def test_the_id_is_made_of_the_key(self) -> None:
        [entry] = written(row())["items"]
        assert set(KEY) == {"datetime", "connection_id", "sequence"}
        assert entry["id"] == ID

    def test_empty_text_is_null_but_in_columns_that_are_always_filled(self) -> None:
        [entry] = written(row(charger_id="", action=""))["items"]
        assert (entry["charger_id"], entry["action"], entry["connector_id"]) == ("", None, None)

    def test_zero_is_a_number(self) -> None:
        [entry] = written(row(connector_id=0, power=0.0))["items"]
        assert (entry["connector_id"], entry["power"]) == (0, 0.0)

    @pytest.mark.parametrize(("micros", "said"), [(0, "10:03:49Z"), (5, "10:03:49.000005Z")])
    def test_times(self, micros: int, said: str) -> None:
        [entry] = written(row(request_timestamp=datetime(2024, 11, 26, 10, 3, 49, micros)))["items"]
        assert (entry["datetime"], entry["request_timestamp"]) == ("2024-11-26T10:03:49.120Z", f"2024-11-26T{said}")

    def test_payloads_are_there_where_they_were_read(self) -> None:
        [without, with_them] = written(row(), row(request='{"a":"é"}', response=""))["items"]
        assert (without["request"], with_them["request"], with_them["response"]) == (None, '{"a":"é"}', None)

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_what_json_has_no_number_for_is_null(self, value: float) -> None:
        assert written(row(power=value))["items"][0]["power"] is None
