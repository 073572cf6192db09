"""Pairing of requests with responses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ocpplog_common import ocppj
from ocpplog_common.envelope import Envelope, Opcode, Source
from ocpplog_common.records import Gap
from ocpplog_enricher.domain import gaps
from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.open_requests import REQUEST_BYTES, Limits
from ocpplog_enricher.domain.pairing import Exchange, Outcome, Pairing
from ocpplog_enricher.domain.repeats import Repeats

SECOND = 1_000_000
OLD, NEW, OTHER = (digit * 12 + "7" + "a" * 19 for digit in "012")
CHARGER, CSMS = Source.CHARGER, Source.CSMS


class Stream:
    """Feeds frames to a pairing, one a second unless told otherwise."""

    def __init__(
        self,
        admits: Callable[[str, str, int], bool] = lambda *_: True,
        limits: Limits | None = None,
        first_offset: int = 0,
        subprotocol: str = "ocpp1.6",
    ) -> None:
        self.pairing = Pairing(admits, timeout_us=60 * SECOND, limits=limits or Limits())
        self.offset = first_offset - 1
        self.subprotocol = subprotocol
        self.sequences: dict[str, int] = {}

    def observe(
        self,
        frame: bytes,
        source: Source = CHARGER,
        at: int | None = None,
        connection: str = OLD,
        charger: str = "CP1",
        sequence: int | None = None,
        opcode: Opcode = Opcode.TEXT,
    ) -> Observed:
        self.offset += 1
        sequence = self.sequences.get(connection, 0) + 1 if sequence is None else sequence
        self.sequences[connection] = sequence
        at_us = (self.offset if at is None else at) * SECOND
        envelope = Envelope(charger, "site", source, self.subprotocol, connection, sequence, at_us, "gw", frame, opcode)
        return Observed(envelope, ocppj.parse(frame), self.offset)

    def send(self, frame: bytes, source: Source = CHARGER, **more: Any) -> list[Exchange]:
        return self.pairing.observe(self.observe(frame, source, **more))

    def gap(self, sequence: int, at: int | None = None) -> list[Exchange]:
        seen = self.observe(b"", at=at, opcode=Opcode.GAP)
        first = datetime.fromtimestamp(seen.envelope.received_at_us / SECOND, UTC)
        last = first + timedelta(seconds=23, milliseconds=456)
        gap = Gap("CP1", "site", CHARGER, first, last, count=37, bytes=4711, reason="no answer")
        return self.pairing.observe(replace(seen, frame=gap, envelope=replace(seen.envelope, sequence=sequence)))


def outcomes(exchanges: list[Exchange]) -> list[Outcome]:
    return [exchange.outcome for exchange in exchanges]


class TestAnswers:
    def test_request_and_response_meet(self) -> None:
        stream = Stream()
        assert stream.send(b'[2,"1","Heartbeat",{}]') == []
        [exchange] = stream.send(b'[3,"1",{"currentTime":"x"}]', CSMS)
        assert exchange.outcome is Outcome.RESULT
        assert list(exchange.offsets()) == [0, 1]
        assert exchange.closed_offset == 1
        assert len(stream.pairing) == 0

    def test_error_with_four_elements(self) -> None:
        stream = Stream()
        stream.send(b'[2,"1","DataTransfer",{}]')
        [exchange] = stream.send(b'[4,"1","NotImplemented",""]', CSMS)
        assert exchange.outcome is Outcome.ERROR

    def test_both_sides_use_the_same_id_at_once(self) -> None:
        stream = Stream()
        stream.send(b'[2,"1","Heartbeat",{}]')
        stream.send(b'[2,"1","Reset",{"type":"Soft"}]', CSMS)
        [reset] = stream.send(b'[3,"1",{"status":"Accepted"}]', CHARGER)
        [heartbeat] = stream.send(b'[3,"1",{}]', CSMS)
        assert reset.request and reset.request.offset == 1
        assert heartbeat.request and heartbeat.request.offset == 0

    def test_two_chargers_use_the_same_id(self) -> None:
        stream = Stream()
        stream.send(b'[2,"1","Heartbeat",{}]', charger="CP1", connection=OLD)
        stream.send(b'[2,"1","Heartbeat",{}]', charger="CP2", connection=NEW)
        [exchange] = stream.send(b'[3,"1",{}]', CSMS, charger="CP1", connection=OLD)
        assert exchange.first.envelope.charger_id == "CP1"

    def test_a_sender_does_not_answer_itself(self) -> None:
        stream = Stream()
        stream.send(b'[2,"1","Heartbeat",{}]')
        assert outcomes(stream.send(b'[3,"1",{}]', CHARGER)) == [Outcome.UNMATCHED]
        assert outcomes(stream.send(b'[3,"1",{}]', CSMS)) == [Outcome.RESULT]

    def test_answer_to_nothing(self) -> None:
        [exchange] = Stream().send(b'[3,"9",{}]', CSMS)
        assert exchange.outcome is Outcome.UNMATCHED
        assert exchange.request is None
        assert exchange.violations

    def test_second_answer(self) -> None:
        stream = Stream()
        stream.send(b'[2,"1","Heartbeat",{}]')
        stream.send(b'[3,"1",{}]', CSMS)
        assert outcomes(stream.send(b'[3,"1",{}]', CSMS)) == [Outcome.UNMATCHED]


class TestEnds:
    def test_timeout_on_stream_time(self) -> None:
        stream = Stream()
        stream.send(b'[2,"1","Heartbeat",{}]', at=0)
        assert stream.send(b'[2,"2","Heartbeat",{}]', at=59) == []
        [exchange] = stream.send(b'[2,"3","Heartbeat",{}]', at=60)
        assert (exchange.outcome, exchange.closed_offset) == (Outcome.TIMEOUT, 2)

    def test_frames_that_were_held_back_still_meet(self) -> None:
        """One gateway records what it held while Kafka did not answer, after another one has."""
        stream = Stream()
        stream.send(b'[2,"1","Heartbeat",{}]', at=1000, charger="CP1", connection=OLD)
        stream.send(b'[2,"1","Heartbeat",{}]', at=700, charger="CP2", connection=NEW)
        [exchange] = stream.send(b'[3,"1",{}]', CSMS, at=701, charger="CP2", connection=NEW)
        assert exchange.outcome is Outcome.RESULT
        stream.send(b'[2,"2","Heartbeat",{}]', at=702, charger="CP2", connection=NEW)
        ended = stream.send(b'[2,"3","Heartbeat",{}]', at=1060, charger="CP1", connection=OLD)
        assert [(e.outcome, e.first.offset) for e in ended] == [(Outcome.TIMEOUT, 0), (Outcome.TIMEOUT, 3)]

    def test_late_answer_is_unmatched(self) -> None:
        stream = Stream()
        stream.send(b'[2,"1","Heartbeat",{}]', at=0)
        assert outcomes(stream.send(b'[3,"1",{}]', CSMS, at=100)) == [Outcome.TIMEOUT, Outcome.UNMATCHED]

    def test_timeout_of_a_quiet_partition(self) -> None:
        stream = Stream()
        stream.send(b'[2,"1","Heartbeat",{}]', at=0)
        assert stream.pairing.expire_quiet(59 * SECOND, 0) == []
        assert outcomes(stream.pairing.expire_quiet(60 * SECOND, 0)) == [Outcome.TIMEOUT]

    def test_same_id_again(self) -> None:
        stream = Stream()
        stream.send(b'[2,"1","Heartbeat",{}]')
        [first] = stream.send(b'[2,"1","Heartbeat",{}]')
        assert (first.outcome, list(first.offsets())) == (Outcome.SUPERSEDED, [0])
        assert outcomes(stream.send(b'[3,"1",{}]', CSMS)) == [Outcome.RESULT]

    def test_charger_comes_back_on_a_new_connection(self) -> None:
        stream = Stream()
        stream.send(b'[2,"1","Heartbeat",{}]', connection=OLD)
        [lost] = stream.send(b'[2,"1","BootNotification",{}]', connection=NEW)
        assert (lost.outcome, list(lost.offsets())) == (Outcome.LOST, [0])
        assert outcomes(stream.send(b'[3,"1",{}]', CSMS, connection=NEW)) == [Outcome.RESULT]

    def test_late_frame_of_the_older_connection_leaves_the_newer_alone(self) -> None:
        stream = Stream()
        stream.send(b'[2,"1","BootNotification",{}]', connection=NEW)
        stream.send(b'[2,"8","Heartbeat",{}]', connection=OLD)
        assert outcomes(stream.send(b'[3,"1",{}]', CSMS, connection=NEW)) == [Outcome.LOST, Outcome.RESULT]


class TestViolations:
    def test_not_ocppj(self) -> None:
        [exchange] = Stream().send(b'[2,"1","Boot')
        assert exchange.outcome is Outcome.VIOLATION
        assert exchange.violations[0].startswith("frame: not a JSON array")

    def test_binary(self) -> None:
        [exchange] = Stream().send(b'[2,"1","Heartbeat",{}]', opcode=Opcode.BINARY)
        assert exchange.outcome is Outcome.VIOLATION

    def test_send_has_no_answer(self) -> None:
        stream = Stream()
        assert outcomes(stream.send(b'[6,"1","NotifyPeriodicEventStream",{}]')) == [Outcome.SENT]
        assert len(stream.pairing) == 0


class TestGaps:
    """Frames that the gateway passed on and could not record."""

    def test_is_logged_whatever_the_level_and_says_what_is_missing(self) -> None:
        stream = Stream(admits=lambda *_: False)
        [exchange] = stream.gap(5, at=100)
        assert (exchange.outcome, exchange.admitted, list(exchange.offsets())) == (Outcome.GAP, True, [0])
        assert exchange.violations == (
            "log: 37 frames from the charger between 00:01:40.000 and 00:02:03.456 UTC"
            " were passed on and not recorded: no answer",
        )

    def test_over_midnight_and_over_connections(self) -> None:
        first, last = datetime(2026, 11, 24, 23, 59, tzinfo=UTC), datetime(2026, 11, 25, 0, 0, 1, tzinfo=UTC)
        gap = Gap("CP1", "s", CSMS, first, last, count=2, bytes=9, connections=2)
        assert gaps.describe(gap) == (
            "log: 2 frames from the central system on 2 connections between 23:59:00.000 and 2026-11-25 00:00:01.000 UTC"
            " were passed on and not recorded"
        )
        assert "1 frame from the charger between" in gaps.describe(
            msgspec.structs.replace(gap, source=CHARGER, count=1, connections=1)
        )

    def test_what_is_open_stays_open(self) -> None:
        stream = Stream()
        stream.send(b'[2,"1","Heartbeat",{}]', at=0)
        assert outcomes(stream.gap(2, at=1)) == [Outcome.GAP]
        assert outcomes(stream.send(b'[3,"1",{}]', CSMS, at=2, sequence=9)) == [Outcome.RESULT]

    def test_hides_no_frame_and_no_frame_hides_it(self) -> None:
        stream = Stream()
        stream.send(b'[2,"1","Heartbeat",{}]', sequence=9)
        assert outcomes(stream.gap(5)) == [Outcome.GAP]
        assert outcomes(stream.gap(90)) == [Outcome.GAP]
        assert outcomes(stream.send(b'[3,"7",{}]', sequence=10)) == [Outcome.UNMATCHED]

    def test_twice_is_once(self) -> None:
        stream = Stream()
        assert outcomes(stream.gap(5)) == [Outcome.GAP]
        assert outcomes(stream.gap(6)) == [Outcome.GAP]
        assert outcomes(stream.gap(5)) == [Outcome.REPEATED]


class TestRepeats:
    """The same frame twice on Kafka."""

    def test_a_batch_that_was_sent_again(self) -> None:
        stream = Stream()
        batch = [stream.observe(b'[2,"1","Heartbeat",{}]'), stream.observe(b'[3,"1",{}]', CSMS), stream.observe(b"nonsense")]
        once = [exchange for seen in batch for exchange in stream.pairing.observe(seen)]
        assert outcomes(once) == [Outcome.RESULT, Outcome.VIOLATION]
        again = [exchange for seen in batch for exchange in stream.pairing.observe(replace(seen, offset=seen.offset + 3))]
        assert outcomes(again) == [Outcome.REPEATED] * 3
        assert [list(exchange.offsets()) for exchange in again] == [[3], [4], [5]]
        assert not any(exchange.admitted for exchange in again)
        assert outcomes(stream.send(b'[3,"1",{}]', CSMS)) == [Outcome.UNMATCHED]

    def test_a_request_that_is_open_is_not_superseded_by_its_copy(self) -> None:
        stream = Stream()
        seen = stream.observe(b'[2,"1","Heartbeat",{}]')
        assert stream.pairing.observe(seen) == []
        assert outcomes(stream.pairing.observe(replace(seen, offset=1))) == [Outcome.REPEATED]
        [exchange] = stream.send(b'[3,"1",{}]', CSMS)
        assert (exchange.outcome, exchange.first.offset) == (Outcome.RESULT, 0)

    def test_the_two_senders_may_overtake_each_other(self) -> None:
        stream = Stream()
        assert stream.send(b'[2,"1","Reset",{}]', CSMS, sequence=2) == []
        assert stream.send(b'[2,"1","Heartbeat",{}]', CHARGER, sequence=1) == []

    def test_another_connection_counts_anew(self) -> None:
        stream = Stream()
        stream.send(b'[2,"1","Heartbeat",{}]', connection=OLD, sequence=9)
        assert outcomes(stream.send(b'[2,"1","Heartbeat",{}]', connection=NEW, sequence=1)) == [Outcome.LOST]

    def test_memory_is_bounded_by_stream_time(self) -> None:
        repeats = Repeats(memory_us=60 * SECOND)
        for number in range(10_000):
            envelope = replace(Stream().observe(b"").envelope, connection_id=f"{number:032x}", opcode=Opcode("text"))
            repeats.seen(envelope, number * SECOND)
            repeats.seen(replace(envelope, opcode=Opcode.GAP), number * SECOND)
        # What is over goes in portions, a sixteenth of the memory at a time.
        assert 120 <= len(repeats) <= 128

    def test_one_sender_takes_one_place(self) -> None:
        repeats = Repeats(memory_us=60 * SECOND)
        envelope = Stream().observe(b"").envelope
        for number in range(1, 1000):
            assert not repeats.seen(replace(envelope, sequence=number), SECOND)
        assert [len(seen) for seen in repeats._frames.values()] == [1]


class TestLevel:
    def test_the_level_when_the_request_came_decides(self) -> None:
        stream = Stream(admits=lambda site, action, at_us: at_us < SECOND)
        stream.send(b'[2,"1","Heartbeat",{}]', at=0)
        stream.send(b'[2,"2","Heartbeat",{}]', at=1)
        assert [e.admitted for e in stream.send(b'[3,"1",{}]', CSMS, at=2)] == [True]
        assert [e.admitted for e in stream.send(b'[3,"2",{}]', CSMS, at=2)] == [False]

    def test_what_has_no_action_is_asked_for_with_none(self) -> None:
        asked: list[str] = []

        def admits(site: str, action: str, at_us: int) -> bool:
            asked.append(action)
            return False

        Stream(admits=admits).send(b"nonsense")
        assert asked == [""]


FRAMES = st.builds(
    lambda kind, number: (b'[2,"%d","Heartbeat",{}]' if kind == 2 else b'[3,"%d",{}]') % number,
    st.sampled_from([2, 3]),
    st.integers(0, 4),
)
PAUSE, HELD_BACK = st.integers(0, 40), st.sampled_from([0, 0, 0, 30, 200])
CONNECTION = st.sampled_from([(OLD, "CP1"), (NEW, "CP1"), (OTHER, "CP2")])
NEW_FRAME = st.tuples(FRAMES, st.sampled_from([CHARGER, CSMS]), PAUSE, HELD_BACK, CONNECTION)
COPY = st.integers(1, 30)
"""A copy of the frame that many places before."""


@st.composite
def streams(draw: st.DrawFn, copies: bool = True) -> list[Observed]:
    stream, now, found = Stream(), 200, list[Observed]()
    for step in draw(st.lists(NEW_FRAME | COPY if copies else NEW_FRAME, max_size=60)):
        if isinstance(step, int):
            if step <= len(found):
                stream.offset += 1
                found.append(replace(found[-step], offset=stream.offset))
        else:
            frame, source, pause, held_back, (connection, charger) = step
            now += pause
            found.append(stream.observe(frame, source, at=now - held_back, connection=connection, charger=charger))
    return found


def run(pairing: Pairing, frames: list[Observed]) -> list[Exchange]:
    return [exchange for seen in frames for exchange in pairing.observe(seen)]


def pairing(limits: Limits | None = None) -> Pairing:
    return Stream(limits=limits).pairing


_BYTES = st.integers(1, 6 * REQUEST_BYTES)
LIMITS = st.builds(
    Limits, requests=st.integers(1, 4), charger_bytes=_BYTES, partition_bytes=_BYTES, frames=st.integers(1, 20)
) | st.just(Limits())


@given(streams(), LIMITS)
def test_every_frame_is_in_exactly_one_exchange(frames: list[Observed], limits: Limits) -> None:
    found = pairing(limits)
    ended = run(found, frames)
    ended += found.expire_quiet(found.stream_time_us + 61 * SECOND, len(frames))
    assert sorted(offset for exchange in ended for offset in exchange.offsets()) == list(range(len(frames)))


@given(streams(copies=False), st.data())
def test_copies_change_nothing(frames: list[Observed], data: st.DataObject) -> None:
    """Wherever frames of the last minute come again, the exchanges are those of the frames without their copies."""
    plain, copied = pairing(), pairing()
    for seen in frames:
        assert copied.observe(seen) == plain.observe(seen)
        recent = [
            one for one in frames[: seen.offset + 1] if one.envelope.received_at_us > plain.stream_time_us - plain.timeout_us
        ]
        start = data.draw(st.integers(0, len(recent)))
        assert set(outcomes(run(copied, recent[start : start + 3]))) <= {Outcome.REPEATED}


_Rows = dict[tuple[str, int], Exchange]


def store(rows: _Rows, exchanges: list[Exchange]) -> None:
    """As the sink does: a row is named by its first frame, and what has the name of a stored one is skipped."""
    for exchange in exchanges:
        if exchange.outcome is not Outcome.REPEATED:
            envelope = exchange.first.envelope
            rows.setdefault((envelope.connection_id, envelope.sequence), exchange)


@given(streams(), LIMITS, st.data())
def test_reading_again_after_a_crash_gives_the_same_rows(frames: list[Observed], limits: Limits, data: st.DataObject) -> None:
    """Whoever starts at the first frame not done, with the frames of twice the timeout before it, finds what was found.

    Whatever the limits close early: the oldest go first, and what was open before the window is older than all within.
    """
    crash = data.draw(st.integers(0, len(frames)))
    ended = run(pairing(limits), frames[:crash])
    done = {offset for exchange in ended for offset in exchange.offsets()}
    start = next((offset for offset in range(len(frames)) if offset not in done), len(frames))
    whole, again, times = pairing(limits), pairing(limits), list[int]()
    expected, found = _Rows(), _Rows()
    store(found, ended)
    for seen in frames:
        store(expected, whole.observe(seen))
        times.append(whole.stream_time_us)
    if start < len(frames):
        window = times[start] - Pairing.looks_back_us(whole.timeout_us) - SECOND
        for seen, at in zip(frames, times, strict=True):
            ended = again.observe(seen) if at >= window else []
            store(found, ended if seen.offset >= start else [])
    assert found == expected


_ROOM = st.integers(2, 6).map(lambda requests: requests * REQUEST_BYTES)
TIGHT = st.builds(
    Limits, requests=st.integers(2, 6), charger_bytes=_ROOM, partition_bytes=_ROOM | st.just(1 << 30), frames=st.integers(5, 20)
)
STEP = st.tuples(
    st.integers(0, 9), st.sampled_from([0, 0, 0, 500]), st.booleans(), st.sampled_from([(OLD, "CP1"), (OTHER, "CP2")])
)


@given(st.lists(STEP, min_size=5, max_size=30), TIGHT, st.integers(1, 10))
def test_whoever_begins_later_has_the_same_requests_open(steps: list[Any], limits: Limits, start: int) -> None:
    """But for those that came before. So limits on what is open add nothing to how far back a frame can matter."""
    stream, whole, later = Stream(), pairing(limits), pairing(limits)
    for number, (message, size, answers, (connection, charger)) in enumerate(steps):
        call = b'[2,"%d","DataTransfer",{%b}]' % (message, b" " * size)
        frame, source = (b'[3,"%d",{}]' % message, CSMS) if answers else (call, CHARGER)
        seen = stream.observe(frame, source, connection=connection, charger=charger)
        whole.observe(seen)
        if number >= start:
            later.observe(seen)
            assert _open(later) == [offset for offset in _open(whole) if offset >= start]


def _open(found: Pairing) -> list[int]:
    return [one.request.offset for one in found.open.all()]


def test_a_copy_at_the_edge_of_what_is_read_again_is_still_a_copy() -> None:
    """Of the request at 0 s; whoever begins within a timeout of the crash would take it for a request that is open."""
    stream = Stream()
    request = stream.observe(b'[2,"1","Heartbeat",{}]', at=0)
    frames = [request, stream.observe(b'[3,"1",{}]', CSMS, at=1), stream.observe(b'[2,"2","Heartbeat",{}]', at=40)]
    frames.append(replace(request, offset=3))
    stream.offset = 3
    unfinished = stream.observe(b'[2,"3","Heartbeat",{}]', at=63)
    frames += [unfinished, stream.observe(b'[3,"2",{}]', CSMS, at=64), stream.observe(b'[3,"1",{}]', CSMS, at=65)]
    window = 63 * SECOND - Pairing.looks_back_us(60 * SECOND)
    again = [seen for seen in frames if seen.offset >= 3 or seen.envelope.received_at_us >= window]
    assert outcomes(run(pairing(), again)) == outcomes(run(pairing(), frames))
