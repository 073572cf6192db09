"""The moment now, and the ways in which makers write it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

Now = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def stamp(moment: datetime, utc_offset_minutes: int | None = None, *, milliseconds: bool = False) -> str:
    """RFC 3339. Without an offset: UTC with a trailing Z."""
    precision = "milliseconds" if milliseconds else "seconds"
    if utc_offset_minutes is None:
        return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
    zone = timezone(timedelta(minutes=utc_offset_minutes))
    return moment.astimezone(zone).isoformat(timespec=precision)
