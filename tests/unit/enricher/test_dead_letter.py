"""What is said of a record that is put aside, whatever is wrong with it."""

from __future__ import annotations

from typing import Any

from ocpplog_enricher.dead_letter import _named


def test_headers_without_a_value_name_nothing() -> None:
    """As aiokafka has them, whatever its types say."""
    headers: list[Any] = [("connection-id", None), ("sequence", b"7\xff")]
    assert _named(headers) == {"sequence": "7\ufffd"}
