"""Limits, and that they cost nothing whoever comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplog_gateway.limits import Connections, Failures, Over, Place


class TestConnections:
    def test_of_the_gateway(self) -> None:
        places = Connections(2, 0)
        first = places.enter("a")
        assert first and places.enter("b")
        refused = places.enter("c")
        assert refused and refused.over is Over.GATEWAY
        places.leave(refused)
        places.leave(first)
        last = places.enter("c")
        assert last and last.over is None

    def test_of_a_peer(self) -> None:
        places = Connections(100, 2)
        assert [
            place and place.over for place in (places.enter("a"), places.enter("a"), places.enter("a"), places.enter("b"))
        ] == [*(None, None, Over.PEER, None)]

    def test_those_without_a_key_have_the_gateway_s_limit_only(self) -> None:
        places = Connections(3, 1)
        assert [place and place.over for place in (places.enter("") for _ in range(4))] == [None, None, None, Over.GATEWAY]

    def test_not_even_refused(self) -> None:
        places = Connections(1, 0, refused_at_once=2)
        places.enter("a")
        assert places.enter("b") and places.enter("b")
        assert places.enter("b") is None

    def test_whose_it_turned_out_to_be(self) -> None:
        places = Connections(10, 1)
        behind = [places.enter("") for _ in range(3)]
        for place, key in zip(behind, ("a", "a", "b"), strict=True):
            assert place
            places.rename(place, key)
        assert [place and place.over for place in behind] == [None, Over.PEER, None]
        assert behind[0]
        places.leave(behind[0])
        again = places.enter("a")
        assert again and again.over is None

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
    def test_nothing_is_left(self, steps: list[tuple[str, bool]]) -> None:
        places = Connections(5, 2, refused_at_once=3)
        inside: list[Place] = []
        for key, leaves in steps:
            if leaves and inside:
                places.leave(inside.pop(0))
            elif place := places.enter(""):
                places.rename(place, key)
                inside.append(place)
            assert sum(place.over is None for place in inside) <= 5
            assert all(sum(p.over is None and p.key == k for p in inside) <= 2 for k in "abc")
        for place in inside:
            places.leave(place)
        assert not places._peers
        fresh = [places.enter(key) for key in "aabbc"]
        assert all(place and place.over is None for place in fresh)


class TestFailures:
    def test_so_many_at_once_then_so_many_a_minute(self) -> None:
        failures = Failures(3, 6)
        for _ in range(3):
            assert failures.wait_s("a", 100) == 0
            failures.failed("a", 100)
        assert failures.wait_s("a", 100) == pytest.approx(10)
        assert failures.wait_s("b", 100) == 0
        assert failures.wait_s("a", 104) == pytest.approx(6)
        assert failures.wait_s("a", 110) == 0
        failures.failed("a", 110)
        assert failures.wait_s("a", 110) == pytest.approx(10)
        # No more than at first, however long the peer was away.
        for _ in range(3):
            failures.failed("a", 10_000)
        assert failures.wait_s("a", 10_000) > 0

    def test_no_limit(self) -> None:
        failures = Failures(0, 1)
        for _ in range(10):
            failures.failed("a", 0)
        assert failures.wait_s("a", 0) == 0
        behind_a_proxy = Failures(1, 1)
        behind_a_proxy.failed("", 0)
        assert behind_a_proxy.wait_s("", 0) == 0

    def test_a_clock_that_runs_back_gives_and_takes_nothing(self) -> None:
        failures = Failures(1, 60)
        failures.failed("a", 100)
        assert failures.wait_s("a", 0) == pytest.approx(1)
        assert failures.wait_s("a", 1) == 0

    def test_those_turned_away_are_summed_up_once(self) -> None:
        failures = Failures(1, 1)
        failures.failed("a", 0)
        for _ in range(5):
            failures.turned_away("a")
        assert failures.told() == {"a": 5}
        assert failures.told() == {}

    def test_memory_is_bounded(self) -> None:
        """By peers, by failures of one, and by those turned away; the peer that failed last is remembered."""
        failures = Failures(1, 1, peers=100)
        for number in range(10_000):
            failures.failed(str(number), number / 1000)
            failures.turned_away(str(number))
            failures.failed("busy", number / 1000)
        assert len(failures) == 100
        assert failures.wait_s("busy", 10) > 0
        assert failures.wait_s("9999", 10) > 0
        assert failures.wait_s("0", 10) == 0
        told = failures.told()
        assert len(told) <= 101
        assert sum(told.values()) == 10_000
        for _ in range(10_000):
            failures.turned_away("never seen")
        assert failures.told() == {"": 10_000}
