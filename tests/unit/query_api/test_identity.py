"""Names of entries, and cursors."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplog_query_api.logs import endpoints
from ocpplog_query_api.logs.identity import CursorError, Cursors, EntryId, Place

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class TestIdentity:
    PLACE = Place("2026-11-24 00:00:00.123", "a" * 32, 9)

    def test_entry_id(self) -> None:
        found = EntryId(1_795_480_794_403, "0" * 31 + "f", 17)
        assert EntryId.parse(str(found)) == found

    @pytest.mark.parametrize("text", ["", "x", "1-2-3", "1-" + "g" * 32 + "-1", "1-" + "a" * 32 + "-1-1", "-" + "a" * 32 + "-1"])
    def test_what_is_no_entry_id(self, text: str) -> None:
        with pytest.raises(ValueError, match=r".*"):
            EntryId.parse(text)

    def test_cursor(self) -> None:
        cursors = Cursors("k" * 32)
        cursor = cursors.encode(self.PLACE, {"q": "a"})
        assert cursors.decode(cursor, {"q": "a"}) == self.PLACE
        for wrong, search in (
            (cursor, {"q": "b"}),
            (cursor[:-4], {"q": "a"}),
            ("", {"q": "a"}),
            ("é", {"q": "a"}),
            ("abc", {}),
        ):
            with pytest.raises(CursorError):
                cursors.decode(wrong, search)
        with pytest.raises(CursorError):
            Cursors("x" * 32).decode(cursor, {"q": "a"})

    @given(st.lists(st.integers() | st.text()), st.integers(0), st.integers(0, 255))
    def test_what_is_sealed_opens_unless_it_is_touched(self, values: list[object], place: int, bits: int) -> None:
        cursors = Cursors("k" * 32)
        cursor = cursors.seal(values, "search")
        assert cursors.unseal(cursor, "search") == values
        raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        raw[place % len(raw)] ^= bits
        touched = base64.urlsafe_b64encode(raw).decode()
        if bits:
            with pytest.raises(CursorError):
                cursors.unseal(touched, "search")

    def test_relative_times_count_from_the_first_page(self) -> None:
        cursors = Cursors("k" * 32)
        cursor = endpoints._continued(cursors, NOW - timedelta(hours=1), self.PLACE, ["search"])
        assert endpoints._begun(cursors, cursor, ["search"]) == (NOW - timedelta(hours=1), self.PLACE)
