"""Which inserts a look finds new, and from where a client can go on."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ocpplog_query_api.live import journal
from ocpplog_query_api.live.journal import ID_AGE_MS, KEEP_MOST, KEEP_MS, OVERLAP_MS, SITES_MOST, Found, Insert, Journal
from ocpplog_query_api.live.sites import BITS
from ocpplog_query_api.settings import ApiSettings

START = 1_788_220_800_000


def insert(stored_ms: int, partition: int = 0, entries: int = 1, *sites: str) -> Found:
    return Found(Insert(START + stored_ms, partition, entries), sites or ("mine",))


def noted(*looks: tuple[int, list[Found]]) -> Journal:
    found = Journal()
    for looked_ms, inserts in looks:
        found.note(START + looked_ms, inserts)
    return found


def stored(found: Journal, number: int = 0, *sites: str) -> list[int]:
    return [one.insert.stored_ms - START for one in found.after(number, frozenset(sites) or None)]


class TestLooks:
    def test_each_insert_is_new_once_whatever_the_order(self) -> None:
        found = noted(
            (1000, [insert(500)]), (2000, [insert(500), insert(1500), insert(400)]), (3000, [insert(400), insert(1500)])
        )
        assert stored(found) == [500, 400, 1500]

    def test_inserts_of_one_moment_are_told_apart(self) -> None:
        assert stored(noted((1000, [insert(500, 1)]), (2000, [insert(500, 1), insert(500, 2)]))) == [500, 500]

    def test_an_insert_that_has_grown_is_new_again(self) -> None:
        assert stored(noted((1000, [insert(500, 0, 3)]), (2000, [insert(500, 0, 5)]), (3000, [insert(500, 0, 5)]))) == [500, 500]

    def test_what_a_replica_does_not_show_for_a_while_is_not_new(self) -> None:
        assert stored(noted((1000, [insert(500)]), (2000, []), (3000, [insert(500)]))) == [500]

    def test_a_look_goes_back_to_before_the_last_one(self) -> None:
        assert noted().since_ms == 0
        assert noted((20_000, [insert(19_000)])).since_ms == START + 20_000 - OVERLAP_MS

    def test_a_clock_that_goes_back_hides_nothing(self) -> None:
        assert noted((20_000, []), (10_000, [])).since_ms == START + 20_000 - OVERLAP_MS

    def test_sites(self) -> None:
        found = noted((1000, [insert(500, 0, 1, "mine"), insert(600, 0, 2, "mine", "theirs"), insert(700, 0, 1, "theirs")]))
        assert stored(found, 0, "mine") == [500, 600]
        assert stored(found, 0) == [500, 600, 700]

    def test_an_insert_of_more_sites_than_are_kept_may_have_any(self) -> None:
        found = Journal()
        found.note(START + 1000, [insert(500, 0, 1, "theirs"), Found(Insert(START + 600, 0, 20), ())])
        assert stored(found, 0, "mine") == [600]

    def test_of_a_fleet_each_site_has_its_own_inserts(self) -> None:
        names = [f"site-{number}" for number in range(400)]
        fleet = [insert(10 * place, place % 12, 1, *names[place::12]) for place in range(12)]
        assert max(len(one.sites) for one in fleet) <= SITES_MOST
        found = noted((1000, fleet))
        for number, name in enumerate(names):
            assert stored(found, 0, name) == [10 * (number % 12)]
        assert stored(found, 0, "none-of-them") == []

    def test_however_many_sites_there_are_none_misses_an_insert(self) -> None:
        names = [f"site-{number}" for number in range(4 * BITS)]
        fleet = [insert(place, 0, 1, *names[place * 4 : place * 4 + 4]) for place in range(BITS)]
        found = noted((1000, fleet))
        for number, name in enumerate(names):
            mine = stored(found, 0, name)
            assert number // 4 in mine
            assert len(mine) < BITS // 8
        assert len(stored(found, 0, *names)) == BITS

    def test_the_first_ones(self) -> None:
        found = noted((1000, [insert(at, 0, 1, "mine" if at % 2 else "theirs") for at in range(10)]))
        assert [one.insert.stored_ms - START for one in found.after(found.start + 2, frozenset({"mine"}), 3)] == [3, 5, 7]


class TestGoingOn:
    def test_only_what_came_after(self) -> None:
        found = noted((1000, [insert(500)]))
        end = found.end
        found.note(START + 2000, [insert(1500)])
        assert stored(found, end) == [1500]
        assert stored(found, found.end) == []

    def test_resuming_goes_back_by_the_overlap(self) -> None:
        found = noted((60_000, [insert(10_000), insert(30_000), insert(50_000)]))
        number = found.resume(START + 40_000)
        assert number is not None
        assert stored(found, number) == [30_000, 50_000]
        assert found.resume(START + 70_000) == found.end

    def test_too_long_ago(self) -> None:
        found = noted((KEEP_MS, []))
        assert found.resume(START + OVERLAP_MS - 1) is None
        assert found.resume(START + OVERLAP_MS) == found.end

    def test_ten_minutes_of_a_hundred_inserts_a_second(self) -> None:
        found = Journal()
        for second in range(0, 1000, 10):
            found.note(START + 1000 * (second + 10), [insert(1000 * second + 10 * number) for number in range(1000)])
        number = found.resume(START + 1_000_000 - 600_000 - ID_AGE_MS)
        assert number is not None
        assert len(found.after(number, None)) == (600_000 + OVERLAP_MS + ID_AGE_MS) // 10
        assert found.resume(START + 1_000_000 - 600_000 - ID_AGE_MS - 10) is None

    def test_no_silence_is_longer_than_an_id_may_be_old(self, tmp_path: Path) -> None:
        key = tmp_path / "key"
        key.write_text("0" * 64)
        longest_s = ApiSettings(api_jwt_key_file=key, api_tail_ping_s=15).api_tail_ping_s
        # Besides: the pause between two looks, and what one takes.
        assert longest_s * 1000 + 2000 <= ID_AGE_MS
        with pytest.raises(ValidationError, match="less than or equal to 15") as refused:
            ApiSettings(api_jwt_key_file=key, api_tail_ping_s=15.1)
        assert refused.value.errors()[0]["loc"] == ("api_tail_ping_s",)

    @pytest.mark.parametrize("sites", [400, 4000])
    def test_an_insert_takes_little_memory(self, sites: int) -> None:
        names = [f"site-{number}" for number in range(sites)]
        # What the sites themselves take is told apart: their names and bits are there once.
        kept = noted((1000, [insert(0, partition, 1, name) for partition, name in enumerate(names)]))
        tracemalloc.start()
        try:
            # They come from JSON: nothing of one is any other's.
            found = [
                Found(
                    Insert(START + 2000 + number, number % 12, 1000 + number),
                    tuple(f"site-{(number * 7 + place * 61) % sites}" for place in range(SITES_MOST)),
                )
                for number in range(2000)
            ]
            kept.note(START + 10_000, found)
            kept.note(START + 60_000, [])
            del found
            size, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert kept.end - kept.start == sites + 2000
        assert size / 2000 * KEEP_MOST < 22 * 2**20

    def test_old_inserts_go(self) -> None:
        found = noted((1000, [insert(500)]), (KEEP_MS // 2, []), (KEEP_MS + 600, [insert(KEEP_MS)]))
        assert stored(found) == [KEEP_MS]
        assert found.start == 2
        assert found.resume(START + 500 + OVERLAP_MS) is None

    def test_no_more_inserts_than_memory_allows(self) -> None:
        found = noted((1000, [insert(at) for at in range(KEEP_MOST - 1)]), (2000, [insert(1500 + at, 1) for at in range(5)]))
        assert len(found.after(0, None)) == KEEP_MOST
        assert found.start == 5

    def test_after_a_long_silence_nobody_goes_on_unawares(self) -> None:
        found = noted((1000, [insert(500)]))
        end = found.end
        found.note(START + 1000 + KEEP_MS + OVERLAP_MS, [])
        assert found.start > end
        short = noted((1000, [insert(500)]), (1000 + KEEP_MS - OVERLAP_MS, []))
        assert short.start <= end

    def test_where_more_came_than_a_look_returns_nobody_goes_on_unawares(self) -> None:
        found = noted((1000, [insert(500)]))
        end = found.end
        found.note(START + 30_000, [insert(1000 + at) for at in range(KEEP_MOST)])
        assert found.start > end


@dataclass(frozen=True)
class Row:
    stored_ms: int
    visible_ms: int
    partition: int


ROWS = st.lists(
    st.builds(
        lambda stored_ms, delay_ms, partition: Row(stored_ms, stored_ms + delay_ms, partition),
        st.integers(0, 60_000),
        st.integers(0, OVERLAP_MS),
        st.integers(0, 2),
    ),
    max_size=30,
    unique_by=lambda row: (row.stored_ms, row.partition),
)
LOOKS = st.lists(st.integers(1, 90_000), min_size=1, max_size=30, unique=True).map(sorted)


def looked(found: Journal, rows: list[Row], at_ms: int) -> None:
    since_ms = max(found.since_ms, START + at_ms - KEEP_MS)
    visible = [row for row in rows if row.visible_ms <= at_ms and START + row.stored_ms >= since_ms]
    found.note(START + at_ms, [insert(row.stored_ms, row.partition) for row in visible])


@given(ROWS, LOOKS)
def test_whatever_becomes_visible_when_is_noticed_once(rows: list[Row], looks: list[int]) -> None:
    found = Journal()
    for at_ms in [*looks, 90_001]:
        looked(found, rows, at_ms)
    noticed = [(one.insert.stored_ms - START, one.insert.partition) for one in found.after(0, None)]
    assert sorted(noticed) == sorted((row.stored_ms, row.partition) for row in rows)


@given(ROWS, LOOKS, st.integers(0, 29), st.integers(0, 30), LOOKS)
def test_who_goes_on_elsewhere_misses_nothing(rows: list[Row], looks: list[int], got: int, first: int, others: list[int]) -> None:
    """A client had the first `got` inserts of one process, and resumes with the last one's id at another."""
    one, other = Journal(), Journal()
    for at_ms in looks:
        looked(one, rows, at_ms)
    had = one.after(0, None)[: got + 1]
    later = [at_ms for at_ms in others if at_ms > looks[-1]] or [looks[-1] + first + 1]
    looked(other, rows, later[0])
    number = other.resume(had[-1].at_ms) if had else 0
    assert number is not None
    for at_ms in [*later[1:], 120_000]:
        looked(other, rows, at_ms)
    names = {news.insert.name for news in had} | {news.insert.name for news in other.after(number, None)}
    assert names == {insert(row.stored_ms, row.partition).insert.name for row in rows}


def test_the_name_is_the_sql_one() -> None:
    assert insert(0, 7).insert.name == START * 65_536 + 7
    assert journal.KEEP_MS > OVERLAP_MS
