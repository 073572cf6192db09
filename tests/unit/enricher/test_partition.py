"""What is held of a partition: what may be acknowledged, and which rows may be stored already."""

from __future__ import annotations

from msgspec.structs import replace

from ocpplog_enricher.domain.pairing import Exchange, Outcome
from ocpplog_enricher.partition import Partition

from .test_pairing import CHARGER, CSMS, Stream


def partition(first_offset: int = 0) -> Partition:
    return Partition(0, 1, Stream().pairing, first_offset, suspect_rows=10, opened_end=first_offset + 100)


class TestAcknowledging:
    def test_an_open_request_holds_what_comes_after_it(self) -> None:
        found, seen = partition(), Stream()
        observed = [
            seen.observe(b'[2,"a","Heartbeat",{}]', CHARGER),
            seen.observe(b'[2,"b","Heartbeat",{}]', CHARGER),
            seen.observe(b'[3,"b",{}]', CSMS),
            seen.observe(b'[3,"a",{}]', CSMS),
        ]
        finished = []
        for one in observed:
            found.complete(found.accept(one))
            finished.append((found.finished, found.behind))
        assert finished == [(0, 1), (0, 2), (0, 3), (4, 0)]

    def test_what_is_not_stored_holds_too(self) -> None:
        found, seen = partition(first_offset=7), Stream(first_offset=7)
        stored = found.accept(seen.observe(b"nonsense"))
        later = found.accept(seen.observe(b"nonsense"))
        assert found.finished == 7
        found.complete(later)
        assert found.finished == 7
        found.complete(stored)
        assert found.finished == 9

    def test_a_frame_that_comes_again_changes_nothing(self) -> None:
        found = partition()
        first = Stream().observe(b'[2,"a","Heartbeat",{}]', CHARGER)
        found.accept(first)
        assert found.accept(first) == []
        assert len(found.pairing) == 1

    def test_a_copy_is_done_with(self) -> None:
        found = partition()
        nonsense = Stream().observe(b"nonsense")
        for one in (nonsense, replace(nonsense, offset=1)):
            found.complete(found.accept(one))
        assert found.finished == 2

    def test_what_is_no_frame_is_passed_over(self) -> None:
        found = partition()
        found.skip(0)
        assert found.finished == 1
        found.accept(Stream(first_offset=1).observe(b'[2,"a","Heartbeat",{}]', CHARGER))
        found.skip(2)
        assert found.finished == 1


class TestSuspicion:
    def test_ends_with_the_rows_that_whoever_was_before_could_write(self) -> None:
        found = partition()
        [seen, unseen] = [
            Exchange(replace(Stream().observe(b"nonsense"), offset=offset), None, Outcome.VIOLATION, offset, True)
            for offset in (99, 100)
        ]
        assert (found.suspects([seen]), found.suspects([unseen]), found.suspects([unseen, seen])) == (True, False, True)
        found.wrote(10, stored_before=False)
        assert not found.suspects([seen])
        found.wrote(1, stored_before=True)
        assert found.suspects([seen])

    def test_stays_with_what_may_have_timed_out_by_the_clock(self) -> None:
        """Whoever was before stored it where the partition was quiet; here it ends among later frames."""
        found = partition()
        found.wrote(10, stored_before=False)
        asked = Stream().observe(b'[2,"a","Heartbeat",{}]', CHARGER)
        for outcome in (Outcome.TIMEOUT, Outcome.LOST, Outcome.SUPERSEDED):
            assert found.suspects([Exchange(asked, None, outcome, 50, True)])
            assert not found.suspects([Exchange(replace(asked, offset=100), None, outcome, 150, True)])
        assert not found.suspects([Exchange(asked, asked, Outcome.RESULT, 50, True)])

    def test_what_is_as_late_as_a_forgotten_copy_is_suspect_until_it_is_stored(self) -> None:
        found, seen = partition(), Stream()
        found.wrote(10, stored_before=False)
        on_time = seen.observe(b'[2,"1","Heartbeat",{}]', at=100)
        late = seen.observe(b'[2,"2","Heartbeat",{}]', at=40)
        [first, second] = [Exchange(one, None, Outcome.UNMATCHED, 1, True) for one in (on_time, late)]
        found.accept(on_time)
        found.accept(late)
        assert (found.suspects([first]), found.suspects([first, second])) == (False, True)
        found.complete([second])
        assert not found.suspects([second])

    def test_stays_with_a_request_from_before_the_assignment(self) -> None:
        found = partition(first_offset=5)
        found.wrote(10, stored_before=False)
        old = Stream().observe(b'[2,"a","Heartbeat",{}]', CHARGER)
        assert found.suspects([Exchange(old, None, Outcome.TIMEOUT, 9, True)])
