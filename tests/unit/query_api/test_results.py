"""Results in ClickHouse's JSON, as rows of Python's own values."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from ocpplog_query_api import results

AT = datetime(2024, 11, 26, 10, 3, 49, 120_000, tzinfo=UTC)
ISO = "2024-11-26T10:03:49.120Z"
NAME = "01a20b4b-0040-7cb2-b189-1fc12154b2e2"


def value(of: str, said: Any) -> Any:
    """One value of that type, as ClickHouse writes it."""
    content = {"meta": [{"name": "value", "type": of}], "data": [[said]], "rows": 1, "statistics": {"elapsed": 0.1}}
    [row] = results.rows(json.dumps(content).encode())
    return row["value"]


@pytest.mark.parametrize(
    ("of", "said", "expected"),
    [
        ("String", "é", "é"),
        ("UInt64", 2**64 - 1, 2**64 - 1),
        ("DateTime64(3, 'UTC')", ISO, AT),
        ("Nullable(DateTime64(6, 'UTC'))", None, None),
        ("DateTime", "2024-11-26T10:03:49Z", AT.replace(microsecond=0)),
        ("Date", "2024-11-26", date(2024, 11, 26)),
        ("UUID", NAME, UUID(NAME)),
        ("Float64", 1387299, 1387299.0),
        ("Float64", None, None),
        ("LowCardinality(Nullable(String))", None, None),
        ("Array(String)", ["frame: not a JSON array"], ["frame: not a JSON array"]),
        ("Array(Tuple(DateTime64(3, 'UTC'), UInt64, String))", [[ISO, 7, "Faulted"]], [(AT, 7, "Faulted")]),
        (
            "Tuple(at DateTime64(3, 'UTC'), outcome Enum8('sent' = 1, 'gap' = 2), id UUID)",
            [ISO, "gap", NAME],
            (AT, "gap", UUID(NAME)),
        ),
    ],
)
def test_values(of: str, said: Any, expected: Any) -> None:
    found = value(of, said)
    assert found == expected
    assert type(found) is type(expected)


def test_rows_by_the_names_of_their_columns() -> None:
    columns = [{"name": "site_id", "type": "String"}, {"name": "total", "type": "UInt64"}]
    content = {"meta": columns, "data": [["lab", 2], ["harbour", 3]]}
    assert results.rows(json.dumps(content).encode()) == [{"site_id": "lab", "total": 2}, {"site_id": "harbour", "total": 3}]


def test_no_rows() -> None:
    assert results.rows(b'{"meta": [{"name": "1", "type": "UInt8"}], "data": []}') == []


@pytest.mark.parametrize("content", [b"", b'{"meta": [', b'{"meta": [{"name": "a", "type": "UUID"}], "data": [["no id"]]}'])
def test_what_is_no_result_is_refused(content: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        results.rows(content)
