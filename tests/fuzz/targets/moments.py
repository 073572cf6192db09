"""Times: of payloads, of searches, of changes of a level. In range, as another reader has them, or refused with ValueError."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from fuzz.source import Source
from ocpplog_common import moments
from ocpplog_enricher.domain import timestamps
from ocpplog_query_api.logs import times

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
WORDS = (
    b"2026-11-24T10:00:00",
    b"23:59:60Z",
    b"24:00:00",
    b"+23:59",
    b"-00:00",
    b".123456789",
    b"99999w",
    b"0001-01-01",
    b"9999-12-31",
)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def seeds() -> Iterable[bytes]:
    texts = [
        "2026-11-24T10:03:49.123Z",
        "20261124T100349Z",
        "2026-11-24 10:03:49+01:00",
        "1795480794",
        "1795480794403",
        "-24h",
        "1d12h",
    ]
    return (
        letter.encode() + text.encode() for letter in "abcd" for text in [*texts, "2016-12-31T23:59:60Z", "2026-11-24T24:00Z"]
    )


def check(data: bytes) -> None:
    source = Source(data)
    source.choice((_payload, _search, _duration, _change))(source.text())


def _payload(text: str) -> None:
    try:
        found = timestamps.read(text)
    except ValueError as error:
        assert 0 < len(str(error)) < 250
        return
    assert found.at.tzinfo is UTC and timestamps.EARLIEST <= found.at <= timestamps.LATEST
    assert datetime.fromisoformat(timestamps.for_clickhouse(found.at)).replace(tzinfo=UTC) == found.at
    other = _iso(text.strip().upper().replace(" Z", "Z").replace(" +", "+").replace(" -", "-"))
    if other and not found.note:
        assert found.at == other


def _search(text: str) -> None:
    try:
        found = times.parse(text, NOW)
    except ValueError as error:
        assert str(error).startswith("expected a time")
        return
    assert found.tzinfo is not None and times.EARLIEST <= found <= times.LATEST
    assert datetime.fromisoformat(times.for_clickhouse(found)).replace(tzinfo=UTC) <= found
    if text[:1] == "-" and text[1:-1].isdecimal():
        seconds = int(text[1:-1]) * _SECONDS[text[-1]]
        assert found == datetime.fromtimestamp(max(0, NOW.timestamp() - seconds), UTC)
    elif other := _iso(text.replace(" ", "+")):
        assert found == min(max(other, times.EARLIEST), times.LATEST)


def _duration(text: str) -> None:
    try:
        found = moments.parse_duration(text)
    except ValueError as error:
        assert str(error)
        return
    assert found >= timedelta()
    seconds, digits = 0, ""
    for letter in text:
        if letter.isdigit():
            digits += letter
        else:
            seconds, digits = seconds + int(digits) * _SECONDS[letter], ""
    assert found == timedelta(seconds=seconds) and not digits


def _change(text: str) -> None:
    try:
        found = moments.parse_moment(text)
    except ValueError as error:
        assert str(error)
        return
    assert found.tzinfo is UTC and found == datetime.fromisoformat(text)


def _iso(text: str) -> datetime | None:
    """What Python's own reader makes of it; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
