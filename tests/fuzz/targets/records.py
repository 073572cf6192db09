"""Records of the compacted topics and of `ocpp.connections`: read or refused as RecordError, and of use whatever they say."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from fuzz.source import Source
from ocpplog_common import records
from ocpplog_common.level_changes import LevelChangeError, change_level, put_over
from ocpplog_common.levels import Level
from ocpplog_common.records import Charger, Connectivity, LevelName, RecordError, Site
from ocpplog_enricher.domain import gaps
from ocpplog_enricher.domain.connection_events import event_row
from ocpplog_enricher.domain.timestamps import from_us
from ocpplog_gateway.handshake import upstream_url
from ocpplog_gateway.registry import Registry, Upstream

WORDS = tuple(
    f'"{word}"'.encode()
    for word in (
        *("site_id", "charger_id", "level", "level_until", "level_after", "history", "last_change", "upstream", "retention_days"),
        *(
            "who",
            "at",
            "before",
            "after",
            "why",
            "until",
            "debug",
            "minimal",
            "wireless",
            "ws://u:p@h/x",
            "wss://[::1]:0/",
            "masked",
        ),
        *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59", "2026-11-24T10:00:00Z"),
    )
)
_NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


def seeds() -> Iterable[bytes]:
    change = '{"who":"a","at":"2026-11-01T00:00:00Z","before":"info","after":"debug","why":"x","until":"2026-11-30T00:00:00Z"}'
    yield f'a{{"site_id":"s","level":"debug","level_until":"2026-11-30T00:00:00Z","history":[{change}]}}'.encode()
    yield f'a{{"site_id":"s","connectivity":"wireless","level":"debug","last_change":{change}}}'.encode()
    yield b'a{"site_id":"s","upstream":"wss://host:443/path","upstream_credentials":"a.b","id_tags":"masked","retention_days":7}'
    yield b'b{"charger_id":"c","site_id":"s","upstream":"ws://h","min_profile":2,"missing_subprotocol":"ocpp1.6"}'
    event = '"charger_id":"c","at":"2026-11-24T10:00:00Z","gateway_id":"g","connection_id":"%s"' % ("a" * 32)
    yield f'c{{"kind":"disconnect",{event},"close_code":1006,"duration_s":1.5,"frames_from_charger":7}}'.encode()
    yield f'c{{"kind":"refuse",{event[:-52]},"reason":"x"}}'.encode()
    gap = '"first_at":"2026-11-24T10:00:00Z","last_at":"2026-11-24T11:00:00+01:00","count":1,"bytes":5'
    yield f'd{{"charger_id":"c","site_id":"s","source":"csms",{gap}}}'.encode()
    yield from (letter + b"[" * 3000 for letter in (b"a", b"c"))


def check(data: bytes) -> None:
    source = Source(data)
    kind = source.choice((_site, _charger, _event, _gap))
    value = source.rest()
    try:
        kind(value)
    except RecordError as error:
        assert str(error)


def _site(value: bytes) -> None:
    site = records.decode_site(value)
    assert records.decode_site(records.encode(site)) == site
    for microseconds in (0, 1_795_480_794_403_123, 2**53 - 1):
        assert isinstance(site.level_at(from_us(microseconds)), Level)
    _may_be_written(site)
    try:
        changed = change_level(site, LevelName.DEBUG, who="x", why="y", now=_NOW)
        assert changed.level_at(_NOW) is Level.DEBUG and len(changed.history) <= 50
        assert records.decode_site(records.encode(changed)) == changed
        line = Site(site_id=site.site_id, connectivity=Connectivity.WIRELESS)
        assert put_over(site, line, who="x", now=_NOW).connectivity is Connectivity.WIRELESS
    except LevelChangeError as error:
        assert str(error)


def _charger(value: bytes) -> None:
    charger = records.decode_charger(value)
    assert records.decode_charger(records.encode(charger)) == charger
    _may_be_written(charger)
    found = Registry({}, {charger.charger_id: charger}, "", Upstream("ws://default")).upstream(charger)
    assert found and found.url == (charger.upstream or "ws://default")


def _event(value: bytes) -> None:
    row = event_row(value, 0, 0, lambda _: 400)
    assert datetime(1970, 1, 1) <= datetime.fromisoformat(row.datetime) < datetime(2106, 1, 1)
    assert row.duration_s is None or abs(row.duration_s) < float("inf")
    assert event_row(value, 0, 0, lambda _: 400).id == row.id


def _gap(value: bytes) -> None:
    assert "recorded" in gaps.describe(records.decode_gap(value))


def _may_be_written(record: Site | Charger) -> None:
    """What may be has no credentials on Kafka, and an address that leads somewhere."""
    try:
        records.check_to_write(record)
    except RecordError as error:
        assert record.upstream not in str(error) or not record.upstream or "@" not in record.upstream
        return
    if record.upstream:
        parts = urlsplit(upstream_url(record.upstream, "CP 1/2"))
        assert parts.scheme in ("ws", "wss") and parts.hostname and not parts.username and not parts.password
        assert parts.path.endswith("/CP%201%2F2")
