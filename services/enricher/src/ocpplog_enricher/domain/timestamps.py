"""Timestamps as chargers send them, to UTC. The forms are in docs/architecture.md."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, NamedTuple

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2261, 12, 31, tzinfo=UTC)
"""What ClickHouse's DateTime64(6) holds for sure."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT: Final = re.compile(
    r"(?P<year>\d{4})(?P<dash>-?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)[Tt ]"
    r"(?P<hour>\d\d)(?P<colon>:?)(?P<minute>\d\d)(?:(?P=colon)(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    r" ?(?P<zone>[Zz]|(?P<sign>[+-])(?P<hours>\d\d)(?::?(?P<minutes>\d\d))?)?",
    re.ASCII,
)
_USUAL: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII)
"""What nearly all send, and Python reads by itself: but for leap seconds and midnight at the end of a day."""
_COUNTED: Final = re.compile(r"(?P<seconds>\d{10})(?:\.(?P<fraction>\d+))?|(?P<milliseconds>\d{13})", re.ASCII)
"""Seconds or milliseconds since 1970, told apart by their length: 2001 to 2286 either way."""

_NO_ZONE: Final = "without a time zone, taken as UTC"
_SECONDS: Final = "a number, taken as seconds since 1970"
_MILLISECONDS: Final = "a number, taken as milliseconds since 1970"
_LEAP_SECOND: Final = "a leap second, taken as the last microsecond before it"


class Moment(NamedTuple):
    """`at` is aware, in UTC, what is finer than microseconds cut off. `note` says what had to be supposed to read it."""

    at: datetime
    note: str = ""


def read(value: object) -> Moment:
    """The moment that `value` means. OCPP 1.6 section 3.14 asks for ISO 8601, 2.x for RFC 3339.

    Raises ValueError that says why it cannot be read.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"expected a date and time, got {type(value).__name__}")
    text = value.strip() if isinstance(value, str) else _digits(value)
    try:
        found = _moment(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:40]!r} is not a date and time") from None
    if not EARLIEST <= found.at <= LATEST:
        raise ValueError(f"{text[:40]!r} is out of range")
    return found


def for_clickhouse(moment: datetime) -> str:
    """As ClickHouse reads a DateTime64 in UTC."""
    return moment.isoformat(" ", "microseconds").removesuffix("+00:00")


def us_for_clickhouse(microseconds: int) -> str:
    """Since 1970, as `for_clickhouse` writes it."""
    second, rest = divmod(microseconds, 1_000_000)
    return f"{_second(second)}.{rest:06}"


@lru_cache(1000)
def _second(seconds: int) -> str:
    """What comes together was received within a few seconds."""
    return from_us(seconds * 1_000_000).strftime("%Y-%m-%d %H:%M:%S")


def from_us(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _digits(number: int | float) -> str:
    # Python refuses to write integers of thousands of digits, which JSON may hold.
    return repr(number) if abs(number) < 10**16 else "a number so large"


def _moment(text: str) -> Moment:
    if _USUAL.fullmatch(text):
        try:
            return Moment(datetime.fromisoformat(text))
        except ValueError:
            pass
    if parts := _MOMENT.fullmatch(text):
        return _from_parts(parts)
    if counted := _COUNTED.fullmatch(text):
        if milliseconds := counted["milliseconds"]:
            return Moment(from_us(int(milliseconds) * 1000), _MILLISECONDS)
        return Moment(from_us(int(counted["seconds"]) * 1_000_000 + _microseconds(counted)), _SECONDS)
    raise ValueError


def _from_parts(parts: re.Match[str]) -> Moment:
    """Raises ValueError or OverflowError for what no calendar or clock has."""
    hour, second = int(parts["hour"]), int(parts["second"] or 0)
    leap, midnight = second == 60, hour == 24
    local = datetime(
        int(parts["year"]),
        int(parts["month"]),
        int(parts["day"]),
        0 if midnight else hour,
        int(parts["minute"]),
        59 if leap else second,
        999_999 if leap else _microseconds(parts),
        _zone(parts),
    )
    if midnight:
        # ISO 8601 section 5.3.2: the end of a day.
        if local.minute or second or local.microsecond:
            raise ValueError
        local += timedelta(days=1)
    at = local.astimezone(UTC)
    if leap and (at.hour, at.minute) != (23, 59):
        raise ValueError
    return Moment(at, ", ".join(filter(None, (_LEAP_SECOND if leap else "", "" if parts["zone"] else _NO_ZONE))))


def _zone(parts: re.Match[str]) -> timezone:
    """UTC where there is none, or -00:00 (RFC 3339 section 4.3)."""
    if not parts["sign"]:
        return UTC
    hours, minutes = int(parts["hours"]), int(parts["minutes"] or 0)
    if hours > 23 or minutes > 59:
        raise ValueError
    ahead = timedelta(hours=hours, minutes=minutes)
    return timezone(ahead if parts["sign"] == "+" else -ahead)


def _microseconds(parts: re.Match[str]) -> int:
    return int((parts["fraction"] or "")[:6].ljust(6, "0"))
