"""Cursors, ids of events, names of entries and sessions: nobody makes one up, and what is none is refused as such."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from fuzz.source import Source
from ocpplog_query_api.errors import InvalidParameter
from ocpplog_query_api.live import endpoints
from ocpplog_query_api.logs.identity import CursorError, Cursors, EntryId, Place
from ocpplog_query_api.sessions.identity import SessionId

_CURSORS = Cursors("0123456789abcdef" * 4)
_TIED = ["tail", {"q": "x"}, ["mine"]]
_OTHERS = ["tail", {"q": "x"}, ["theirs"]]
_PLACE = Place("2026-11-24 10:00:00.000", "a" * 32, 7)
_PAGES = [{"q": "x"}, ["mine"]]
_GOOD = (_CURSORS.seal([1_795_480_794_403], _TIED), _CURSORS.encode(_PLACE, _PAGES))
WORDS = (b"-" + b"a" * 32 + b"-", b"ffffffffffff", *(text.encode() for text in _GOOD))
_MOST_MS = 2**48


def seeds() -> Iterable[bytes]:
    yield from (
        letter + text.encode() for letter in (b"a", b"b") for text in (*_GOOD, _CURSORS.seal([1], _OTHERS), "é", "===", "")
    )
    yield from (b"c" + str(EntryId(1_795_480_794_403, "a" * 32, 7)).encode(), b"cffffffffffff-" + b"a" * 32 + b"-ffffffff")
    yield b"d" + str(SessionId("site", "CP1", "7", 1_795_480_794_403)).encode()
    yield from (b"d" + base64.urlsafe_b64encode(text) for text in (b'["a","b","c",7]', b'{"a":1}', b"[[[", b'["a","b","c",1e3]'))
    yield from (b"e" + text for text in (b'["a","b","c",7]', b'["\\ud800","b","c",7]', b'["a","b","c",NaN]'))


def check(data: bytes) -> None:
    source = Source(data)
    source.choice((_cursor, _event_id, _entry, _session, _json))(source)


def _cursor(source: Source) -> None:
    text = source.text()
    try:
        found = _CURSORS.decode(text, _PAGES)
    except CursorError as error:
        assert str(error)
        return
    # Base64 says the same in several ways; what is in it was sealed here.
    assert found == _PLACE


def _event_id(source: Source) -> None:
    text = source.text()
    for tied in (_TIED, _OTHERS):
        try:
            found = endpoints._resumed(_CURSORS, text, tied)
        except InvalidParameter:
            continue
        assert found is None or found == (1_795_480_794_403 if tied is _TIED else 1)


def _entry(source: Source) -> None:
    text = source.text()
    try:
        found = EntryId.parse(text)
    except ValueError:
        return
    assert EntryId.parse(str(found)) == found
    assert 0 <= found.milliseconds < _MOST_MS and 0 <= found.sequence < 2**32
    assert found.connection_id == text.split("-")[1]


def _session(source: Source) -> None:
    _is_a_session(source.text())


def _json(source: Source) -> None:
    _is_a_session(base64.urlsafe_b64encode(source.rest()).decode().rstrip("="))


def _is_a_session(text: str) -> None:
    try:
        found = SessionId.parse(text)
    except ValueError:
        return
    assert SessionId.parse(str(found)) == found
    assert all(
        type(part) is str and part.encode() is not None for part in (found.site_id, found.charger_id, found.transaction_id)
    )
    assert type(found.first_seen_ms) is int and 0 <= found.first_seen_ms < _MOST_MS
