"""Which of the frames that may be missing a gap is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from faults.pipeline.topic import Recorded
from faults.pipeline.ways import Way

Missing = tuple[Way, int]
"""A frame that is not on the topic, by its place among what was sent."""
Cursor = tuple[int, int]
"""A stretch, and how far into it."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is missing of a connection: `places`, of which the first `known` are missing for certain and the others perhaps."""

    way: Way
    places: Sequence[int]
    known: int

    @classmethod
    def of(cls, way: Way) -> Stretch:
        known = way.missing()
        return cls(way, [*known, *way.perhaps_missing()], len(known))

    def part(self, begin: int, end: int) -> list[Missing]:
        return [(self.way, place) for place in self.places[begin:end]]


def fit(
    stretches: Sequence[Stretch], after: Cursor, record: Recorded, clock_us: int
) -> tuple[list[Missing], list[Missing], Cursor] | None:
    """The frames that a gap tells, exactly, and those before them that it skips, and where it ends; the earliest that it can be,
    at the times that it tells if there are such.

    A gap tells what was dropped of one sender, in its order, over all its connections: nothing between its first and its last is
    missing otherwise. What may not have arrived at all, at the end of a connection, can be left out.
    """
    gap = record.gap

    def at(when: datetime) -> Callable[[Missing], bool]:
        return lambda frame: on_its_way(frame, when, clock_us)

    return _fit(stretches, after, record, at(gap.first_at), at(gap.last_at)) or _fit(stretches, after, record)


def on_its_way(frame: Missing, when: datetime, clock_us: int) -> bool:
    """Whether the frame was between its sender and whoever got it then; `clock_us`: by how much a clock may be wrong."""
    (earliest, latest), at_us = way_times(frame), int(when.timestamp() * 1e6)
    return earliest - clock_us <= at_us and (latest is None or at_us <= latest + clock_us)


def way_times(frame: Missing) -> tuple[int, int | None]:
    """When it was sent, and when it was got, if it was. Microseconds since 1970."""
    way, place = frame
    return way.sent_at[place], way.received[place][0] if place < len(way.received) else None


def _any(_: Missing) -> bool:
    return True


def _fit(
    stretches: Sequence[Stretch],
    after: Cursor,
    record: Recorded,
    may_begin: Callable[[Missing], bool] = _any,
    may_end: Callable[[Missing], bool] = _any,
) -> tuple[list[Missing], list[Missing], Cursor] | None:
    gap, search = record.gap, _Search(stretches, may_end)
    for begin in _begins(stretches, after):
        way, place = stretches[begin[0]].way, stretches[begin[0]].places[begin[1]]
        if not _named(way, place, record) or not may_begin((way, place)):
            continue
        if found := search.fit(*begin, gap.count, gap.bytes, gap.connections):
            frames, end = found
            return frames, between(stretches, after, begin), end
    return None


def between(stretches: Sequence[Stretch], begin: Cursor, end: Cursor) -> list[Missing]:
    """What is missing for certain from one to the other."""
    found: list[Missing] = []
    for number in range(begin[0], min(end[0] + 1, len(stretches))):
        stretch = stretches[number]
        first = begin[1] if number == begin[0] else 0
        last = min(stretch.known, end[1]) if number == end[0] else stretch.known
        found += stretch.part(first, max(first, last))
    return found


def _begins(stretches: Sequence[Stretch], after: Cursor) -> Iterator[Cursor]:
    for number in range(after[0], len(stretches)):
        first = after[1] if number == after[0] else 0
        yield from ((number, offset) for offset in range(first, len(stretches[number].places)))


def _named(way: Way, place: int, record: Recorded) -> bool:
    """Whether the name of the gap can be that of this frame: numbers rise over both senders of a connection."""
    envelope = record.envelope
    if way.connection_id not in ("", envelope.connection_id):
        return False
    before = max((one for one in way.on_topic if one < place), default=None)
    after = min((one for one in way.on_topic if one > place), default=None)
    least = place + 1 if before is None else way.on_topic[before].envelope.sequence + place - before
    most = None if after is None else way.on_topic[after].envelope.sequence - (after - place)
    return least <= envelope.sequence and (most is None or envelope.sequence <= most)


class _Search:
    """Remembers from where nothing fits: many ways lead there."""

    def __init__(self, stretches: Sequence[Stretch], may_end: Callable[[Missing], bool]) -> None:
        self._stretches, self._may_end = stretches, may_end
        self._in_vain: set[tuple[int, int, int, int, int]] = set()

    def fit(self, number: int, offset: int, count: int, size: int, connections: int) -> tuple[list[Missing], Cursor] | None:
        place = number, offset, count, size, connections
        if place in self._in_vain or number >= len(self._stretches) or connections < 1 or count < connections or size <= 0:
            return None
        found = self._here(*place)
        if found is None:
            self._in_vain.add(place)
        return found

    def _here(self, number: int, offset: int, count: int, size: int, connections: int) -> tuple[list[Missing], Cursor] | None:
        stretch = self._stretches[number]
        left = len(stretch.places) - offset
        if connections == 1 and count <= left:
            frames = stretch.part(offset, offset + count)
            fits = _size(frames) == size and self._may_end(frames[-1])
            return (frames, (number, offset + count)) if fits else None
        # It goes on with a later connection: all that is missing of this one for certain is in it.
        for taken in range(max(1, stretch.known - offset), min(left, count - 1) + 1):
            frames = stretch.part(offset, offset + taken)
            for later in range(number + 1, len(self._stretches)):
                if found := self.fit(later, 0, count - taken, size - _size(frames), connections - 1):
                    return [*frames, *found[0]], found[1]
                if self._stretches[later].known:
                    break
        return None


def _size(frames: Sequence[Missing]) -> int:
    return sum(len(way.sent[place]) for way, place in frames)
