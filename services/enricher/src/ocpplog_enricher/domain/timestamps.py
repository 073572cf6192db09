"""Timestamps as chargers send them, to UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2261, 12, 31, tzinfo=UTC)
"""What ClickHouse's DateTime64(6) holds for sure."""


def parse(value: object) -> datetime:
    """The moment that `value` means (aware, UTC). OCPP 1.6 section 3.14 asks for ISO 8601; a text without a zone is UTC.

    Raises ValueError that says why it cannot be read.
    """
    if not isinstance(value, str):
        raise ValueError(f"expected a date and time, got {type(value).__name__}")
    try:
        found = datetime.fromisoformat(value.strip())
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{value[:40]!r} is not a date and time") from None
    if not EARLIEST <= found <= LATEST:
        raise ValueError(f"{value[:40]!r} is out of range")
    return found


def for_clickhouse(moment: datetime) -> str:
    """As ClickHouse reads a DateTime64 in UTC."""
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds")


def from_us(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)
