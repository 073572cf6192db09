"""Pairs requests with responses, on one partition of `ocpp.frames`, without I/O.

The result is a function of the frames alone, and looks back no further than twice the answer timeout: an answer refers to a
request from within the timeout, and whether that request was taken for a copy depends on the frames from within another.
Whoever reads the frames again from that far back finds the same exchanges. (The one exception, a partition that fell quiet,
is `expire_quiet`.)
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from ocpplog_common.envelope import Envelope, Opcode, Source
from ocpplog_common.ocppj import Call, CallError, CallResult, Frame, Malformed
from ocpplog_common.records import Gap
from ocpplog_enricher.domain import gaps
from ocpplog_enricher.domain.repeats import Repeats


class Outcome(StrEnum):
    """How an exchange ended."""

    RESULT = "result"
    ERROR = "error"
    TIMEOUT = "timeout"
    """No answer within the answer timeout."""
    LOST = "lost"
    """The charger came back on another connection before the answer."""
    SUPERSEDED = "superseded"
    """The sender used the message id again before the answer."""
    UNMATCHED = "unmatched"
    """An answer to a request that is not open: never sent, or answered or timed out before."""
    VIOLATION = "violation"
    """Not OCPP-J."""
    SENT = "sent"
    """SEND (OCPP 2.1), which has no answer."""
    GAP = "gap"
    """No frame: the gateway says that frames were passed on and not recorded."""
    REPEATED = "repeated"
    """A copy of a frame that came before. Never logged."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A frame, or what stands for frames that are missing, at its place in the partition."""

    envelope: Envelope
    frame: Frame | Gap
    offset: int


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its response; one of the two may be missing.

    `closed_offset` is the offset of the frame that ended it. `admitted` says whether the site's level, when the request
    came, wants it logged.
    """

    request: Observed | None
    response: Observed | None
    outcome: Outcome
    closed_offset: int
    admitted: bool
    violations: tuple[str, ...] = ()

    @property
    def first(self) -> Observed:
        """The frame that names the exchange: its request, or the answer that had none."""
        found = self.request or self.response
        assert found is not None
        return found

    def offsets(self) -> Iterator[int]:
        for observed in (self.request, self.response):
            if observed is not None:
                yield observed.offset


Admits = Callable[[str, str, int], bool]
"""(site id, action, microseconds since 1970) -> whether the level in force then logs the action."""

_Key = tuple[str, Source, str]


@dataclass(slots=True)
class _Open:
    request: Observed
    admitted: bool
    key: _Key
    since_us: int
    """Stream time when it came: a frame that was held back while Kafka did not answer is older than that by its own time,
    and so is its answer behind it."""


@dataclass(slots=True)
class Pairing:
    """The open requests of one partition.

    `max_open` bounds how many a charger may have: the oldest is closed as timed out where it has more, so that one charger
    cannot take the memory of all.
    """

    admits: Admits
    timeout_us: int
    max_open: int = 256
    stream_time_us: int = 0
    _open: OrderedDict[_Key, _Open] = field(default_factory=OrderedDict)
    _by_charger: dict[str, OrderedDict[_Key, None]] = field(default_factory=dict)
    _repeats: Repeats = field(init=False)

    def __post_init__(self) -> None:
        self._repeats = Repeats(self.timeout_us)

    def __len__(self) -> int:
        return len(self._open)

    def observe(self, seen: Observed) -> list[Exchange]:
        """The exchanges that this frame ends, in the order in which they end. Frames come in the order of their offsets."""
        self.stream_time_us = max(self.stream_time_us, seen.envelope.received_at_us)
        if self._repeats.seen(seen.envelope, self.stream_time_us):
            return [Exchange(seen, None, Outcome.REPEATED, seen.offset, admitted=False)]
        ended = self._expire(self.stream_time_us - self.timeout_us, seen.offset)
        ended += self._leave_behind(seen)
        match seen.frame:
            case _ if seen.envelope.opcode is Opcode.BINARY:
                ended.append(self._alone(seen, Outcome.VIOLATION, ("frame: binary, where OCPP-J wants text",)))
            case Gap() as gap:
                # Not traffic but our own confession: no level hides it.
                ended.append(Exchange(seen, None, Outcome.GAP, seen.offset, True, (gaps.describe(gap),)))
            case Malformed(reason):
                ended.append(self._alone(seen, Outcome.VIOLATION, (reason,)))
            case Call(expects_answer=False) as send:
                ended.append(self._sent(seen, send))
            case Call() as call:
                ended += self._ask(seen, call)
            case CallError(of_result=True):
                # It answers an answer, and refers to an exchange that is complete.
                ended.append(self._alone(seen, Outcome.ERROR, ("frame: CALLRESULTERROR: the response was refused",)))
            case CallResult(message_id) | CallError(message_id):
                ended.append(self._answer(seen, message_id))
        return ended

    @staticmethod
    def looks_back_us(timeout_us: int) -> int:
        """How far back a frame can matter."""
        return 2 * timeout_us

    def is_late(self, seen: Observed) -> bool:
        """Whether a frame is as far behind the stream as the pairing remembers: it was held back, or is an old copy."""
        return seen.envelope.received_at_us <= self.stream_time_us - self.timeout_us

    def expire_quiet(self, now_us: int, offset: int) -> list[Exchange]:
        """What has timed out by the wall clock, for a partition that is read to its end (`offset`) and quiet."""
        return self._expire(now_us - self.timeout_us, offset)

    def _ask(self, seen: Observed, call: Call) -> list[Exchange]:
        envelope = seen.envelope
        key = (envelope.connection_id, envelope.source, call.message_id)
        ended = [self._close(key, Outcome.SUPERSEDED, seen.offset)] if key in self._open else []
        admitted = self.admits(envelope.site_id, call.action, envelope.received_at_us)
        self._open[key] = _Open(seen, admitted, key, self.stream_time_us)
        mine = self._by_charger.setdefault(envelope.charger_id, OrderedDict())
        mine[key] = None
        if len(mine) > self.max_open:
            why = f"request: closed without waiting longer: more than {self.max_open} open requests of this charger"
            ended.append(self._close(next(iter(mine)), Outcome.TIMEOUT, seen.offset, (why,)))
        return ended

    def _answer(self, seen: Observed, message_id: str) -> Exchange:
        key = (seen.envelope.connection_id, seen.envelope.source.peer, message_id)
        asked = self._forget(key)
        if asked is None:
            return self._alone(seen, Outcome.UNMATCHED, ("message id: an answer to no open request",))
        outcome = Outcome.ERROR if isinstance(seen.frame, CallError) else Outcome.RESULT
        return Exchange(asked.request, seen, outcome, seen.offset, asked.admitted)

    def _sent(self, seen: Observed, send: Call) -> Exchange:
        admitted = self.admits(seen.envelope.site_id, send.action, seen.envelope.received_at_us)
        return Exchange(seen, None, Outcome.SENT, seen.offset, admitted)

    def _alone(self, seen: Observed, outcome: Outcome, violations: tuple[str, ...]) -> Exchange:
        admitted = self.admits(seen.envelope.site_id, "", seen.envelope.received_at_us)
        is_answer = isinstance(seen.frame, CallResult | CallError)
        request, response = (None, seen) if is_answer else (seen, None)
        return Exchange(request, response, outcome, seen.offset, admitted, violations)

    def _leave_behind(self, seen: Observed) -> list[Exchange]:
        """End what is open on this charger's other, older connections: nobody will answer there any more."""
        envelope = seen.envelope
        # Connection ids begin with the time: `ocpplog_common.envelope.new_connection_id`.
        older = [key for key in self._by_charger.get(envelope.charger_id, ()) if key[0] < envelope.connection_id]
        return [self._close(key, Outcome.LOST, seen.offset) for key in older]

    def _expire(self, before_us: int, offset: int) -> list[Exchange]:
        ended = []
        while self._open:
            oldest = next(iter(self._open.values()))
            if oldest.since_us > before_us:
                break
            ended.append(self._close(oldest.key, Outcome.TIMEOUT, offset))
        return ended

    def _close(self, key: _Key, outcome: Outcome, offset: int, violations: tuple[str, ...] = ()) -> Exchange:
        closed = self._forget(key)
        assert closed is not None
        return Exchange(closed.request, None, outcome, offset, closed.admitted, violations)

    def _forget(self, key: _Key) -> _Open | None:
        found = self._open.pop(key, None)
        if found is not None:
            charger_id = found.request.envelope.charger_id
            mine = self._by_charger[charger_id]
            del mine[key]
            if not mine:
                del self._by_charger[charger_id]
        return found
