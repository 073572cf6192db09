"""Moments as callers give them: ISO 8601, or relative to now."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from ocpplog_query_api.moving import moving

_RELATIVE: Final = re.compile(r"-(\d{1,6})([smhdw])")
_UNIT: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2261, 1, 1, tzinfo=UTC)


def parse(text: str, now: datetime) -> datetime:
    """-24h, or 2024-11-26T10:03:49Z; without a zone it is UTC. Raises ValueError that says what is possible.

    A relative one is to the second, as it is written: who asks for the same within a second, asks the same of ClickHouse.
    """
    if match := _RELATIVE.fullmatch(text):
        try:
            return max(EARLIEST, moving(now.replace(microsecond=0)) - timedelta(**{_UNIT[match[2]]: int(match[1])}))
        except OverflowError:
            return EARLIEST
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("expected a time such as 2024-11-26T10:03:49Z, or -24h (s, m, h, d, w)") from None
    return min(max(found, EARLIEST), LATEST)


def for_clickhouse(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def aware(moment: datetime) -> datetime:
    """As ClickHouse's client returns it: naive is UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def iso(moment: datetime, timespec: str = "milliseconds") -> str:
    """As ClickHouse's client returns it, to ISO 8601 with Z."""
    return aware(moment).isoformat(timespec=timespec).replace("+00:00", "Z")
