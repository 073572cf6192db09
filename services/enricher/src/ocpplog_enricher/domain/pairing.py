"""Pairs requests with responses, on one partition of `ocpp.frames`, without I/O.

The result is a function of the frames alone, and looks back no further than twice the answer timeout: an answer refers to a
request from within the timeout, and whether that request was taken for a copy depends on the frames from within another.
Whoever reads the frames again from that far back finds the same exchanges. (The one exception, a partition that fell quiet,
is `expire_quiet`.) What limits close early changes nothing of this: see `open_requests`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from ocpplog_common.envelope import Opcode
from ocpplog_common.ocppj import Call, CallError, CallResult, Malformed, MessageType
from ocpplog_common.records import Gap
from ocpplog_enricher.domain import gaps
from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.open_requests import Key, Limits, OpenRequests
from ocpplog_enricher.domain.policy import ranked_as
from ocpplog_enricher.domain.repeats import Repeats
from ocpplog_enricher.domain.violations import short

_THREE_TYPES: Final = frozenset({"ocpp1.6", "ocpp2.0.1"})
"""Versions whose messages are CALL, CALLRESULT and CALLERROR: OCPP 2.1 added the others."""
_EARLY: Final = "log: closed without waiting longer: "


class Outcome(StrEnum):
    """How an exchange ended."""

    RESULT = "result"
    ERROR = "error"
    TIMEOUT = "timeout"
    """No answer within the answer timeout, or no room to wait for it any longer."""
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


class Exchange(msgspec.Struct, frozen=True, gc=False):
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
"""(site id, action that the request ranks as, microseconds since 1970) -> whether the level in force then logs that."""


@dataclass(slots=True)
class Pairing:
    """The open requests of one partition. What `limits` leave no room for is closed as timed out, and says why."""

    admits: Admits
    timeout_us: int
    limits: Limits = field(default_factory=Limits)
    stream_time_us: int = 0
    open: OpenRequests = field(init=False)
    repeats: Repeats = field(init=False)

    def __post_init__(self) -> None:
        self.open = OpenRequests(self.limits)
        self.repeats = Repeats(self.timeout_us)

    def __len__(self) -> int:
        return len(self.open)

    def observe(self, seen: Observed) -> list[Exchange]:
        """The exchanges that this frame ends, in the order in which they end. Frames come in the order of their offsets."""
        self.stream_time_us = max(self.stream_time_us, seen.envelope.received_at_us)
        if self.repeats.seen(seen.envelope, self.stream_time_us):
            return [Exchange(seen, None, Outcome.REPEATED, seen.offset, admitted=False)]
        ended = self._expire(self.stream_time_us - self.timeout_us, seen.offset)
        ended += self._give_up(seen.offset)
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
            case CallError(message_id, of_result=True):
                # It answers an answer, and refers to an exchange that is complete and may be stored.
                why = f"frame: CALLRESULTERROR: the response to message id {short(message_id)} was refused"
                ended.append(self._alone(seen, Outcome.ERROR, (why, *_of_later_versions(seen, MessageType.CALLRESULTERROR))))
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
        ended = [self._close(key, Outcome.SUPERSEDED, seen.offset)] if key in self.open else []
        admitted = self.admits(envelope.site_id, ranked_as(call), envelope.received_at_us)
        self.open.add(key, seen, admitted, self.stream_time_us)
        for excess, why in self.open.excess(envelope.charger_id):
            ended.append(self._close(excess, Outcome.TIMEOUT, seen.offset, (_EARLY + why,)))
        return ended

    def _answer(self, seen: Observed, message_id: str) -> Exchange:
        key = (seen.envelope.connection_id, seen.envelope.source.peer, message_id)
        asked = self.open.pop(key)
        if asked is None:
            return self._alone(seen, Outcome.UNMATCHED, ("message id: an answer to no open request",))
        outcome = Outcome.ERROR if isinstance(seen.frame, CallError) else Outcome.RESULT
        return Exchange(asked.request, seen, outcome, seen.offset, asked.admitted)

    def _sent(self, seen: Observed, send: Call) -> Exchange:
        admitted = self.admits(seen.envelope.site_id, ranked_as(send), seen.envelope.received_at_us)
        return Exchange(seen, None, Outcome.SENT, seen.offset, admitted, _of_later_versions(seen, MessageType.SEND))

    def _alone(self, seen: Observed, outcome: Outcome, violations: tuple[str, ...]) -> Exchange:
        admitted = self.admits(seen.envelope.site_id, "", seen.envelope.received_at_us)
        is_answer = isinstance(seen.frame, CallResult | CallError)
        request, response = (None, seen) if is_answer else (seen, None)
        return Exchange(request, response, outcome, seen.offset, admitted, violations)

    def _leave_behind(self, seen: Observed) -> list[Exchange]:
        """End what is open on this charger's other, older connections: nobody will answer there any more."""
        envelope = seen.envelope
        older = self.open.before(envelope.charger_id, envelope.connection_id)
        return [self._close(key, Outcome.LOST, seen.offset) for key in older]

    def _expire(self, before_us: int, offset: int) -> list[Exchange]:
        ended = []
        while (oldest := self.open.oldest()) and oldest.since_us <= before_us:
            ended.append(self._close(oldest.key, Outcome.TIMEOUT, offset))
        return ended

    def _give_up(self, offset: int) -> list[Exchange]:
        ended = []
        why = f"{_EARLY}{self.limits.frames} frames came after it"
        while (oldest := self.open.oldest()) and oldest.request.offset < offset - self.limits.frames:
            ended.append(self._close(oldest.key, Outcome.TIMEOUT, offset, (why,)))
        return ended

    def _close(self, key: Key, outcome: Outcome, offset: int, violations: tuple[str, ...] = ()) -> Exchange:
        closed = self.open.pop(key)
        assert closed is not None
        return Exchange(closed.request, None, outcome, offset, closed.admitted, violations)


def _of_later_versions(seen: Observed, kind: MessageType) -> tuple[str, ...]:
    """What is wrong with a message of a type that the connection's version does not have. It says all the same what it is."""
    version = seen.envelope.subprotocol
    return (f"frame: message type {kind.value} ({kind.name}) is not in {version}",) if version in _THREE_TYPES else ()
