"""What open requests may take, in number and in bytes; and that what is closed for it says so."""

from __future__ import annotations

import pytest

from ocpplog_enricher.domain import fields
from ocpplog_enricher.domain.open_requests import REQUEST_BYTES, Limits
from ocpplog_enricher.domain.pairing import Exchange, Outcome
from ocpplog_enricher.partition import Partition

from .test_pairing import CHARGER, CSMS, NEW, OLD, Stream


def call(number: int, size: int = 2) -> bytes:
    """A request whose payload is of that size."""
    return b'[2,"%d","DataTransfer",{%b}]' % (number, b" " * (size - 2))


def closed(exchanges: list[Exchange]) -> list[tuple[int, str]]:
    """The offsets of requests that were closed early, and why."""
    assert all(exchange.outcome is Outcome.TIMEOUT for exchange in exchanges)
    return [(exchange.first.offset, exchange.violations[0]) for exchange in exchanges]


class TestOfACharger:
    def test_in_number(self) -> None:
        stream = Stream(limits=Limits(requests=3))
        ended = [exchange for n in range(10) for exchange in stream.send(call(n))]
        assert len(stream.pairing) == 3
        why = "log: closed without waiting longer: more than 3 open requests of this charger"
        assert closed(ended) == [(n, why) for n in range(7)]
        assert why in fields.enrich(ended[0], 0).log.violations

    def test_in_bytes(self) -> None:
        limits = Limits(charger_bytes=1_000_000)
        stream = Stream(limits=limits)
        for n in range(3):
            # Frame and payload: each has its copy.
            assert stream.send(call(n, 150_000)) == []
        ended = stream.send(call(3, 300_000))
        why = "log: closed without waiting longer: open requests of this charger over 1000000 bytes"
        assert closed(ended) == [(0, why), (1, why)]
        assert len(stream.pairing) == 2
        assert stream.pairing.open.bytes <= limits.charger_bytes

    def test_one_request_is_never_too_large(self) -> None:
        stream = Stream(limits=Limits(charger_bytes=1000, partition_bytes=1000))
        assert stream.send(call(1, 1 << 20)) == []
        assert [e.outcome for e in stream.send(b'[3,"1",{}]', CSMS)] == [Outcome.RESULT]
        assert stream.pairing.open.bytes == 0

    def test_another_charger_is_not_concerned(self) -> None:
        stream = Stream(limits=Limits(requests=1))
        stream.send(call(1), connection=OLD, charger="CP1")
        assert stream.send(call(1), connection=NEW, charger="CP2") == []
        assert len(stream.pairing) == 2


class TestOfAPartition:
    def test_in_bytes(self) -> None:
        stream = Stream(limits=Limits(partition_bytes=10 * REQUEST_BYTES))
        ended = []
        for n in range(20):
            ended += stream.send(call(n), connection=f"{n:032x}", charger=f"CP{n}")
        why = f"log: closed without waiting longer: open requests of this partition over {10 * REQUEST_BYTES} bytes"
        assert closed(ended) == [(n, why) for n in range(11)]
        assert stream.pairing.open.bytes <= 10 * REQUEST_BYTES

    def test_in_frames_that_wait_behind(self) -> None:
        stream = Stream(limits=Limits(frames=5), first_offset=100)
        stream.send(call(0), CSMS)
        for n in range(5):
            assert stream.send(b'[6,"%d","X",{}]' % n)[0].outcome is Outcome.SENT
        early, sent = stream.send(b'[6,"9","X",{}]')
        assert closed([early]) == [(100, "log: closed without waiting longer: 5 frames came after it")]
        assert (early.closed_offset, sent.outcome) == (106, Outcome.SENT)

    @pytest.mark.parametrize("end", [b'[3,"0",{}]', call(0)])
    def test_what_ends_is_counted_no_more(self, end: bytes) -> None:
        stream = Stream()
        stream.send(call(0), CHARGER)
        before = stream.pairing.open.bytes
        stream.send(end, CSMS if end.startswith(b"[3") else CHARGER)
        assert stream.pairing.open.bytes == (before if end == call(0) else 0)


def test_what_a_partition_holds_is_bounded() -> None:
    """Frames wait for the request before them, and no longer than the limit says."""
    stream = Stream(limits=Limits(frames=50))
    partition = Partition(0, 1, stream.pairing, 0, suspect_rows=1, opened_end=0)
    most = 0
    for number in range(1000):
        frame = call(number) if number % 100 == 0 else b'[6,"s","X",{}]'
        seen = stream.observe(frame, at=0)
        partition.complete(partition.accept(seen))
        most = max(most, partition.behind)
    assert most == 51
    assert partition.finished == 1000 - partition.behind
