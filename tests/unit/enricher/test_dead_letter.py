"""What is said of a record that is put aside, whatever is wrong with it."""

from __future__ import annotations

from typing import Any

from ocpplog_common import topics
from ocpplog_enricher.dead_letter import DeadLetters, _named


def test_headers_without_a_value_name_nothing() -> None:
    """As aiokafka has them, whatever its types say."""
    headers: list[Any] = [("connection-id", None), ("sequence", b"7\xff")]
    assert _named(headers) == {"sequence": "7\ufffd"}


def test_letters_are_as_large_as_their_topic_takes() -> None:
    """aiokafka takes 1 MiB and no more, headers included, unless told otherwise; a frame may be as large by itself."""
    [spec] = [spec for spec in topics.topic_specs() if spec.name == topics.DEAD_LETTER]
    options = DeadLetters({}, True)._producer_options
    assert options["max_request_size"] == int(spec.config["max.message.bytes"]) > 2 * 1024 * 1024
