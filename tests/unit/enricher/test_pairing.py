"""Pairing of requests with responses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ocpplog_common import ocppj
from ocpplog_common.envelope import Envelope, Opcode, Source
from ocpplog_enricher.domain.pairing import Exchange, Observed, Outcome, Pairing

SECOND = 1_000_000
OLD, NEW = "0" * 12 + "7" + "a" * 19, "1" * 12 + "7" + "a" * 19
CHARGER, CSMS = Source.CHARGER, Source.CSMS


class Stream:
    """Feeds frames to a pairing, one a second unless told otherwise."""

    def __init__(self, admits: Callable[[str, str, int], bool] = lambda *_: True, max_open: int = 256) -> None:
        self.pairing = Pairing(admits, timeout_us=60 * SECOND, max_open=max_open)
        self.offset = -1
        self.sequences: dict[str, int] = {}

    def observe(
        self,
        frame: bytes,
        source: Source = CHARGER,
        at: int | None = None,
        connection: str = OLD,
        charger: str = "CP1",
        **more: Opcode,
    ) -> Observed:
        self.offset += 1
        self.sequences[connection] = self.sequences.get(connection, 0) + 1
        at_us = (self.offset if at is None else at) * SECOND
        sequence = self.sequences[connection]
        envelope = Envelope(charger, "site", source, "ocpp1.6", connection, sequence, at_us, "gw", frame, **more)
        return Observed(envelope, ocppj.parse(frame), self.offset)

    def send(self, frame: bytes, source: Source = CHARGER, **more: Any) -> list[Exchange]:
        return self.pairing.observe(self.observe(frame, source, **more))


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

    def test_open_requests_of_a_charger_are_bounded(self) -> None:
        stream = Stream(max_open=3)
        ended = [exchange for n in range(10) for exchange in stream.send(b'[2,"%d","Heartbeat",{}]' % n)]
        assert len(stream.pairing) == 3
        assert outcomes(ended) == [Outcome.TIMEOUT] * 7


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
STEPS = st.lists(
    st.tuples(FRAMES, st.sampled_from([CHARGER, CSMS]), st.integers(0, 40), st.sampled_from([OLD, NEW])), max_size=60
)


@given(STEPS)
def test_every_frame_is_in_exactly_one_exchange(steps: list[tuple[bytes, Source, int, str]]) -> None:
    stream, now, ended = Stream(), 0, []
    for frame, source, pause, connection in steps:
        now += pause
        ended += stream.send(frame, source, at=now, connection=connection)
    ended += stream.pairing.expire_quiet((now + 61) * SECOND, stream.offset)
    assert sorted(offset for exchange in ended for offset in exchange.offsets()) == list(range(len(steps)))


@given(STEPS, st.data())
def test_reading_again_after_a_crash_gives_the_same_exchanges(
    steps: list[tuple[bytes, Source, int, str]], data: st.DataObject
) -> None:
    """Whoever starts at the first frame not done, with the frames of one timeout before it, finds what was found."""
    first, now, times = Stream(), 0, []
    stored: dict[int, Exchange] = {}
    crash = data.draw(st.integers(0, len(steps)))
    for _, _, pause, _ in steps:
        now += pause
        times.append(now)
    for (frame, source, _, connection), at in zip(steps[:crash], times, strict=False):
        stored |= {exchange.first.offset: exchange for exchange in first.send(frame, source, at=at, connection=connection)}
    done = {offset for exchange in stored.values() for offset in exchange.offsets()}
    start = next((offset for offset in range(len(steps)) if offset not in done), len(steps))

    whole, again = Stream(), Stream()
    expected: dict[int, Exchange] = {}
    found = dict(stored)
    for offset, ((frame, source, _, connection), at) in enumerate(zip(steps, times, strict=True)):
        expected |= {e.first.offset: e for e in whole.send(frame, source, at=at, connection=connection)}
        if start < len(steps) and at >= times[start] - 61:
            ended = again.send(frame, source, at=at, connection=connection)
            found = {e.first.offset: e for e in ended if offset >= start} | found
        else:
            again.offset += 1
            again.sequences[connection] = again.sequences.get(connection, 0) + 1
    assert found == expected
