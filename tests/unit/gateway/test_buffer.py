"""What waits for Kafka: in order, bounded, and declared where it did not fit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplog_common import records
from ocpplog_common.envelope import Connection, Envelope, Opcode, Source
from ocpplog_gateway.buffer import TOO_LARGE, TOO_LATE, Buffer
from ocpplog_gateway.queues import Queue, Record

SIZE = 1900
"""Of a record here: 1,000 bytes and what it costs."""


@dataclass(eq=False)
class FakeOwner:
    charger_id: str = "CP1"
    connection_id: str = "c1" * 16
    source: Source = Source.CHARGER
    told: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connection = Connection(self.charger_id, "s", "ocpp1.6", self.connection_id, "g")

    def release(self, record: Record) -> None:
        self.told.append(("release", record.sequence))

    def refuse(self, record: Record) -> None:
        self.told.append(("refuse", record.sequence))

    @property
    def released(self) -> list[int]:
        return [sequence for what, sequence in self.told if what == "release"]


class Scene:
    def __init__(self, room: int = 100, *, strict: bool = False, patience_s: float = 5) -> None:
        self.counts: Counter[str] = Counter()
        self.buffer = Buffer(room * SIZE, patience_s, self, strict=strict)
        self.queue = self.buffer.queue("t", 0)
        self.kafka: list[Record] = []

    def passed_early(self) -> None:
        self.counts["early"] += 1

    def dropped(self) -> None:
        self.counts["dropped"] += 1

    def lost(self) -> None:
        self.counts["lost"] += 1

    def declared(self) -> None:
        self.counts["declared"] += 1

    def take(self, owner: FakeOwner | None, *sequences: int, at: float = 0, queue: Queue | None = None, ahead_s: int = 0) -> None:
        for sequence in sequences:
            headers = owner.connection.headers(owner.source, Opcode.TEXT, sequence, sequence) if owner else []
            received_at_us = (sequence + ahead_s) * 1_000_000
            record = Record(b"k", b"x" * 1000, headers, at, owner, Opcode.TEXT, sequence, received_at_us)
            self.buffer.take(queue or self.queue, record)

    def fill(self, most: int = 1000, now: float = 0) -> list[int]:
        def append(record: Record) -> bool:
            return len(self.queue.sending) < most

        self.buffer.fill(self.queue, append, now)
        return [record.sequence for record in self.queue.sending]

    def acknowledge(self, now: float = 0) -> None:
        self.kafka += self.queue.sending
        self.buffer.acknowledged(self.queue, now)

    def gaps(self) -> list[records.Gap]:
        return [records.decode_gap(record.value) for record in self.kafka if record.dropped]


def test_released_once_acknowledged_in_order() -> None:
    scene, owner = Scene(), FakeOwner()
    scene.take(owner, 1, 2, 3)
    assert scene.fill(most=2) == [1, 2]
    assert owner.told == []
    scene.acknowledge()
    assert owner.told == [("release", 1), ("release", 2)]
    assert len(scene.buffer) == 1 and scene.buffer.bytes == SIZE
    scene.fill()
    scene.acknowledge()
    assert owner.released == [1, 2, 3]
    assert len(scene.buffer) == scene.buffer.bytes == 0 and not scene.queue.pending


def test_what_kafka_did_not_take_comes_again_first() -> None:
    scene, owner = Scene(), FakeOwner()
    scene.take(owner, 1, 2)
    scene.fill()
    scene.take(owner, 3)
    scene.buffer.put_back(scene.queue)
    assert scene.fill() == [1, 2, 3]


def test_held_for_the_patience_then_passed_on_and_still_recorded() -> None:
    scene, owner = Scene(), FakeOwner()
    scene.take(owner, 1, at=0)
    scene.fill()
    scene.take(owner, 2, at=3)
    scene.buffer.check(5)
    assert owner.told == []
    scene.buffer.check(5.1)
    assert owner.released == [1, 2] and scene.queue.behind and scene.counts == {"early": 2}
    # While Kafka is behind, nobody waits for it again.
    scene.take(owner, 3, at=6)
    assert owner.released == [1, 2, 3]
    scene.acknowledge(now=20)
    assert scene.queue.behind
    scene.fill()
    scene.acknowledge(now=20)
    assert not scene.queue.behind
    assert [record.sequence for record in scene.kafka] == [1, 2, 3]
    # Told once, and held back again from now on.
    scene.take(owner, 4, at=20)
    assert owner.released == [1, 2, 3]


def test_strict_refuses_what_is_late_and_records_it_all_the_same() -> None:
    scene, owner = Scene(strict=True), FakeOwner()
    scene.take(owner, 1, at=0)
    scene.fill()
    scene.take(owner, 2, at=3)
    scene.buffer.check(6)
    assert owner.told == [("refuse", 1)] and scene.queue.late
    scene.acknowledge(now=6)
    assert not scene.queue.late
    scene.fill()
    scene.acknowledge(now=6)
    assert owner.told == [("refuse", 1), ("release", 2)]
    assert [record.sequence for record in scene.kafka] == [1, 2]


def test_what_does_not_fit_is_a_gap_in_its_place() -> None:
    scene, owner = Scene(room=5), FakeOwner()
    scene.take(owner, 1, 2)
    assert scene.fill() == [1, 2]
    scene.take(owner, 3, 4, 5, 6, 7, 8)
    assert scene.counts["dropped"] == 3 and scene.buffer.bytes <= 5 * SIZE
    # In order, the dropped ones too.
    assert owner.released == [1, 2, 3, 4, 5, 6, 7, 8]
    scene.acknowledge()
    scene.fill()
    scene.acknowledge()
    assert [record.sequence for record in scene.kafka if not record.dropped] == [1, 2, 6, 7, 8]
    declared = scene.kafka[2]
    envelope = Envelope.from_record(declared.key, declared.value, declared.headers)
    assert (envelope.opcode, envelope.charger_id, envelope.connection_id, envelope.sequence) == (Opcode.GAP, "CP1", "c1" * 16, 3)
    [gap] = scene.gaps()
    assert (gap.count, gap.bytes, gap.connections, gap.source, gap.reason) == (3, 3000, 1, Source.CHARGER, TOO_LATE)
    assert (gap.first_at.timestamp(), gap.last_at.timestamp()) == (3, 5)
    assert scene.buffer.bytes == 0


def test_what_is_left_counts_the_frames_of_gaps_that_kafka_has_not() -> None:
    scene, owner = Scene(room=5), FakeOwner()
    scene.take(owner, 1, 2)
    scene.fill()
    scene.take(owner, 3, 4, 5, 6, 7, 8)
    assert (len(scene.buffer), scene.buffer.left()) == (5, 8)
    scene.acknowledge()
    # The declaration is under way, and may be lost: it stands for three.
    scene.fill()
    assert (len(scene.buffer), scene.buffer.left()) == (4, 6)
    scene.acknowledge()
    assert scene.buffer.left() == 0


def test_a_gap_alone_is_left_too() -> None:
    scene = Scene()
    scene.take(FakeOwner(), 1)
    scene.fill()
    scene.buffer.too_large(scene.queue)
    assert (len(scene.buffer), scene.buffer.left()) == (0, 1)


def test_a_gap_over_several_connections_and_both_sources() -> None:
    scene = Scene(room=1)
    first, second = FakeOwner(connection_id="c1" * 16), FakeOwner(connection_id="c2" * 16)
    back = FakeOwner(connection_id="c2" * 16, source=Source.CSMS)
    scene.take(first, 1)
    scene.take(second, 2, 3)
    scene.take(back, 4, 5)
    scene.take(FakeOwner("CP2"), 6)
    scene.fill()
    scene.acknowledge()
    gaps = {(gap.charger_id, gap.source): (gap.count, gap.connections) for gap in scene.gaps()}
    assert gaps == {("CP1", Source.CHARGER): (3, 2), ("CP1", Source.CSMS): (2, 1)}


def test_a_gap_is_named_by_its_first_frame_also_where_the_clock_was_set_back() -> None:
    scene, owner = Scene(room=1), FakeOwner()
    scene.take(owner, 1, 2, ahead_s=60)
    scene.take(owner, 3, 4)
    scene.fill()
    scene.acknowledge()
    [gap] = scene.gaps()
    [record] = [record for record in scene.kafka if record.dropped]
    assert dict(record.headers)["sequence"] == b"1"
    assert (gap.count, gap.first_at.timestamp(), gap.last_at.timestamp()) == (3, 3, 62)


def test_a_gap_that_kafka_may_have_is_declared_again_as_it_was() -> None:
    """One of the same name that says something else would pass for its copy."""
    scene, owner = Scene(room=2), FakeOwner()
    scene.take(owner, 1, 2, 3)
    scene.fill()
    first = scene.queue.sending[0]
    scene.take(owner, 4, 5)
    scene.buffer.put_back(scene.queue)
    scene.take(owner, 6, 7, 8)
    scene.fill()
    scene.acknowledge()
    kept = [record.sequence for record in scene.kafka if not record.dropped]
    assert scene.kafka[0] is first and kept == [2, 3]
    assert sum(gap.count for gap in scene.gaps()) + len(kept) == 8
    names = [(record.dropped.connection.connection_id, record.dropped.sequence) for record in scene.kafka if record.dropped]
    assert names == [("c1" * 16, 1), ("c1" * 16, 4)]
    assert scene.buffer.bytes == 0


def test_what_may_have_arrived_is_not_dropped() -> None:
    scene, owner = Scene(room=2), FakeOwner()
    scene.take(owner, 1, 2)
    scene.fill()
    scene.buffer.put_back(scene.queue)
    scene.take(owner, 3, 4)
    scene.fill()
    scene.acknowledge()
    assert [record.sequence for record in scene.kafka if not record.dropped] == [1, 2]
    assert [gap.count for gap in scene.gaps()] == [2]


def test_the_oldest_of_all_partitions_is_dropped() -> None:
    scene, owner = Scene(room=2), FakeOwner()
    other = scene.buffer.queue("t", 1)
    scene.take(owner, 1, at=1)
    scene.take(owner, 2, at=0, queue=other)
    scene.take(owner, 3, at=2)
    assert [record.sequence for record in scene.queue.waiting] == [1, 3] and not other.waiting and other.gaps


def test_a_record_that_nobody_owns_is_counted_when_it_does_not_fit() -> None:
    scene = Scene(room=1)
    scene.take(None, 1, 2)
    assert scene.counts == {"lost": 1}
    assert not scene.queue.gaps


def test_a_record_that_is_too_large_does_not_take_others_with_it() -> None:
    scene, owner = Scene(), FakeOwner()
    scene.take(owner, 1, 2, 3, 4)
    sent: list[list[int]] = []
    for _ in range(20):
        if not scene.queue.pending:
            break
        sent.append(scene.fill())
        if 3 in sent[-1]:
            scene.buffer.too_large(scene.queue)
        else:
            scene.acknowledge()
    assert sorted(record.sequence for record in scene.kafka if not record.dropped) == [1, 2, 4]
    [gap] = scene.gaps()
    assert (gap.count, gap.reason) == (1, TOO_LARGE)
    assert owner.released == [1, 2, 3, 4]


def test_strict_refuses_what_does_not_fit() -> None:
    scene, owner = Scene(room=1, strict=True), FakeOwner()
    scene.take(owner, 1, 2)
    assert owner.told == [("refuse", 1)]
    assert scene.queue.gaps


Step = st.one_of(
    st.tuples(st.just("take"), st.integers(0, 2)),
    st.tuples(st.sampled_from(["fill", "ack", "fail", "check", "wait"]), st.just(0)),
)


@given(st.lists(Step, max_size=120), st.integers(1, 12))
def test_every_frame_is_recorded_or_declared_whatever_happens(steps: list[tuple[str, int]], room: int) -> None:
    """And passed on once, in order; and the memory is bounded."""
    scene = Scene(room)
    owners = [FakeOwner(), FakeOwner(source=Source.CSMS), FakeOwner("CP2")]
    taken: list[list[int]] = [[], [], []]
    now, number = 0.0, 0
    for step, which in steps:
        now += 0.1
        if step == "take":
            number += 1
            taken[which].append(number)
            scene.take(owners[which], number, at=now)
        elif step == "fill" and not scene.queue.sending:
            scene.fill(most=3, now=now)
        elif step == "ack":
            scene.acknowledge(now)
        elif step == "fail":
            scene.buffer.put_back(scene.queue)
        elif step == "check":
            scene.buffer.check(now)
        elif step == "wait":
            now += 6
        assert scene.buffer.bytes <= max(room, 3) * SIZE + 3 * SIZE
    scene.buffer.put_back(scene.queue)
    while scene.queue.pending:
        scene.fill(most=5, now=now)
        scene.acknowledge(now)
    for owner, numbers in zip(owners, taken, strict=True):
        assert owner.released == numbers
        kept = [r.sequence for r in scene.kafka if r.owner is owner]
        assert kept == sorted(kept)
        missing = [gap for gap in scene.gaps() if (gap.charger_id, gap.source) == (owner.charger_id, owner.source)]
        assert sum(gap.count for gap in missing) == len(numbers) - len(kept)
    assert scene.buffer.bytes == 0 and scene.counts["dropped"] == sum(gap.count for gap in scene.gaps())
    assert scene.counts["declared"] == len(scene.gaps())


@pytest.mark.parametrize("strict", [True, False])
def test_nothing_happens_while_kafka_answers(strict: bool) -> None:
    scene, owner = Scene(strict=strict), FakeOwner()
    scene.buffer.check(1000)
    scene.take(owner, 1, at=1000)
    scene.buffer.check(1001)
    assert owner.told == []
