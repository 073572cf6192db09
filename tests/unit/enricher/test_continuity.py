"""No record of a partition is passed over unnoticed, wherever in a batch it is missing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

from prometheus_client import REGISTRY

from ocpplog_enricher.continuity import Continuity
from ocpplog_enricher.kafka_driver import Batch


class Kafka:
    """`there`: the offsets that it has. Reads three records at a time."""

    def __init__(self, there: Sequence[int]) -> None:
        self.there = there
        self.asked: list[tuple[int, int, int]] = []

    async def between(self, topic: str, partition: int, first: int, end: int) -> AsyncIterator[list[Any]]:
        assert topic == "frames"
        self.asked.append((partition, first, end))
        found = [_record(offset) for offset in self.there if first <= offset < end]
        for number in range(0, len(found), 3):
            yield found[number : number + 3]


def _record(offset: int) -> Any:
    return SimpleNamespace(offset=offset)


def _batch(*offsets: int, generation: int = 1, begins: int | None = None, partition: int = 0) -> Batch:
    return Batch("frames", partition, generation, begins, [_record(offset) for offset in offsets])


async def _complete(continuity: Continuity, batch: Batch) -> list[int]:
    return [record.offset async for records in continuity.complete(batch) for record in records]


async def test_nothing_is_asked_where_nothing_is_missing() -> None:
    kafka = Kafka(range(100))
    continuity = Continuity(kafka.between)
    assert await _complete(continuity, _batch(4, 5, 6, begins=4)) == [4, 5, 6]
    assert await _complete(continuity, _batch(7, begins=4)) == [7]
    # Redelivered within a generation.
    assert await _complete(continuity, _batch(6, 7, 8, begins=4)) == [6, 7, 8]
    # Another generation goes back to what was committed.
    assert await _complete(continuity, _batch(5, 6, generation=2, begins=5)) == [5, 6]
    # The group has committed nothing: the beginning of the topic may be gone.
    assert await _complete(continuity, _batch(50, 51, partition=1)) == [50, 51]
    assert kafka.asked == []


async def test_what_is_missing_comes_in_its_place() -> None:
    kafka = Kafka(range(100))
    continuity = Continuity(kafka.between)
    # Behind where the group was, and in the middle, twice.
    assert await _complete(continuity, _batch(9, 10, 14, 15, 17, begins=4)) == list(range(4, 18))
    assert kafka.asked == [(0, 4, 9), (0, 11, 14), (0, 16, 17)]
    # Behind the batch before.
    assert await _complete(continuity, _batch(19, 20, begins=4)) == [18, 19, 20]
    # Another generation begins where the group was, not where this one had been.
    assert await _complete(continuity, _batch(21, 22, generation=2, begins=18)) == [18, 19, 20, 21, 22]
    # Other partitions are others.
    assert await _complete(continuity, _batch(31, partition=1, begins=30)) == [30, 31]
    assert await _complete(continuity, _batch(23, generation=2, begins=18)) == [23]


async def test_what_is_gone_is_said_and_stops_nothing() -> None:
    kafka = Kafka([7, 8, 9])
    continuity = Continuity(kafka.between)
    missing, passed_over = _counted("missing"), _counted("passed_over")
    assert await _complete(continuity, _batch(9, 10, begins=2)) == [7, 8, 9, 10]
    assert await _complete(continuity, _batch(11, 12, begins=2)) == [11, 12]
    assert (_counted("missing") - missing, _counted("passed_over") - passed_over) == (5, 2)


async def test_a_batch_that_was_read_before_moves_nothing_back() -> None:
    kafka = Kafka(range(100))
    continuity = Continuity(kafka.between)
    assert await _complete(continuity, _batch(4, 5, 6, begins=4)) == [4, 5, 6]
    assert await _complete(continuity, _batch(4, begins=4)) == [4]
    assert await _complete(continuity, _batch(8, begins=4)) == [7, 8]


def _counted(what: str) -> float:
    return REGISTRY.get_sample_value(f"ocpplog_enricher_{what}_total", {"topic": "frames"}) or 0
