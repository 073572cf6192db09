"""Passes messages between two sides, each once it is recorded. No I/O of its own."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import Final

from ocpplog_common.clock import Clock
from ocpplog_common.envelope import Connection, Opcode, Source
from ocpplog_gateway import metrics
from ocpplog_gateway.queues import Owner, Record, Recorder
from ocpplog_gateway.sides import Ending, Side

_SENDABLE: Final = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
"""Close codes that may stand in a close frame (RFC 6455 section 7.4.1 and the IANA registry)."""
_ABNORMAL: Final = frozenset({1001, 1006, 1011, 1012, 1013})
"""How a central system ends that restarts or is lost: many chargers are told at once."""
NORMAL: Final = 1000
GOING_AWAY: Final = 1001
NO_STATUS: Final = 1005
INTERNAL_ERROR: Final = 1011
SERVICE_RESTART: Final = 1012
TRY_AGAIN_LATER: Final = 1013


@dataclass(frozen=True, slots=True)
class Limits:
    """What a direction may hold between receiving and passing on. `spread_s`: see `Relay._spread`."""

    frames: int
    bytes: int = 1024 * 1024
    spread_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Closing:
    """Why a connection ended: whose end of it came first, and how (`sides.Ending`)."""

    by: Source
    code: int
    reason: str
    ours: bool = False


class Direction:
    """What one side sends, on its way to the other: its side's listener, and the owner of its records.

    It reads no further while more than the limits is between receiving and passing on, so that a slow side slows the other.
    """

    def __init__(self, relay: Relay, source: Source, sender: Side, receiver: Side) -> None:
        self.source = source
        self.connection = relay.connection
        self.frames = 0
        self.back: Direction
        self._relay = relay
        self._queue = relay.recorder.partition(relay.connection.key)
        self._sender = sender
        self._receiver = receiver
        self._in_flight = 0
        self._bytes = 0
        self._holding = False
        self._refused = False
        self._ready: deque[bytes] = deque()
        """Released, and waiting for the receiver to read."""
        self._empty: asyncio.Future[None] | None = None

    # The side's listener

    def message(self, data: bytes, opcode: Opcode) -> None:
        self._record(data, opcode)
        if self._full():
            self._holding = True
            self._sender.hold()

    def violation(self, data: bytes, opcode: Opcode) -> None:
        self._record(data, opcode, _NotPassedOn(self))

    def ended(self, ending: Ending) -> None:
        self._relay.side_ended(self, ending)

    def writable(self) -> None:
        """Of the sender: what the other direction has for it can go on."""
        self.back.flush()

    # The records' owner

    def release(self, record: Record) -> None:
        if self._refused:
            # What was refused was before it.
            self.done(record)
        elif self._ready or self._receiver.congested:
            self._ready.append(record.value)
        else:
            self._receiver.send_message(record.value)
            self.done(record)

    def refuse(self, record: Record) -> None:
        self._refused = True
        self._relay.refuse(self.source)
        self.done(record)

    def done(self, record: Record) -> None:
        self._done(len(record.value))

    # Between the two

    def flush(self) -> None:
        while self._ready and not self._receiver.congested:
            data = self._ready.popleft()
            self._receiver.send_message(data)
            self._done(len(data))

    def stop(self) -> None:
        """Read no further, whatever is passed on meanwhile."""
        self._holding = False
        self._sender.hold()

    async def empty(self) -> None:
        """Wait until all that was received is passed on, or cannot be."""
        if self._in_flight:
            self._empty = asyncio.get_running_loop().create_future()
            await self._empty

    def _record(self, data: bytes, opcode: Opcode, owner: Owner | None = None) -> None:
        self.frames += 1
        self._in_flight += 1
        self._bytes += len(data)
        relay = self._relay
        metrics.received(self.source, len(data))
        relay.recorder.record(self._queue, owner or self, data, opcode, next(relay.numbers), relay.clock.now_us())

    def _full(self) -> bool:
        return self._in_flight > self._relay.limits.frames or self._bytes > self._relay.limits.bytes

    def _done(self, size: int) -> None:
        self._in_flight -= 1
        self._bytes -= size
        if self._holding and self._in_flight <= self._relay.limits.frames // 2 and self._bytes <= self._relay.limits.bytes // 2:
            self._holding = False
            self._sender.resume()
        if self._empty and not self._in_flight and not self._empty.done():
            self._empty.set_result(None)


class _NotPassedOn:
    """Owns the records of messages that are recorded and go no further."""

    def __init__(self, direction: Direction) -> None:
        self.connection = direction.connection
        self.source = direction.source
        self._direction = direction

    def release(self, record: Record) -> None:
        self._direction.done(record)

    def refuse(self, record: Record) -> None:
        self._direction.refuse(record)


class Relay:
    """One charger's connection: `charger` and `csms` are its two sides. To be made on the running event loop."""

    def __init__(
        self, charger: Side, csms: Side, recorder: Recorder, connection: Connection, clock: Clock, limits: Limits
    ) -> None:
        self.recorder = recorder
        self.connection = connection
        self.clock = clock
        self.limits = limits
        self.numbers = count(1)
        """Of the frames of both directions."""
        self.closing: Closing | None = None
        self._sides = {Source.CHARGER: charger, Source.CSMS: csms}
        self._from_charger = Direction(self, Source.CHARGER, charger, csms)
        self._from_csms = Direction(self, Source.CSMS, csms, charger)
        self._from_charger.back, self._from_csms.back = self._from_csms, self._from_charger
        loop = asyncio.get_running_loop()
        self._over: asyncio.Future[Direction | None] = loop.create_future()
        """Completes with the direction that ended, or None after a refusal."""
        self._charger_gone = loop.create_future()

    @property
    def frames(self) -> dict[Source, int]:
        """Received, by who sent them."""
        return {Source.CHARGER: self._from_charger.frames, Source.CSMS: self._from_csms.frames}

    async def run(self) -> Closing:
        """Relay until a side ends, and all that it sent before is passed on; closes both. Returns who ended it, and how."""
        try:
            self._sides[Source.CHARGER].attach(self._from_charger)
            self._sides[Source.CSMS].attach(self._from_csms)
            await self._wind_up(await self._over)
        except BaseException:
            # A fault of ours: half a connection must not go on.
            await self._end_both(INTERNAL_ERROR, "")
            raise
        assert self.closing is not None
        return self.closing

    async def _wind_up(self, ended: Direction | None) -> None:
        if ended is None:
            # What is not recorded is not passed on, nor anything after it.
            await self._end_both(TRY_AGAIN_LATER, "try again later")
            return
        await ended.empty()
        assert self.closing is not None
        code, reason = _close_for_peer(ended.source, self.closing.code, self.closing.reason)
        if ended.source is Source.CSMS and self.closing.code in _ABNORMAL:
            await self._spread()
        await self._end_both(code, reason)

    async def _spread(self) -> None:
        """A central system that goes down tells all its chargers at once: they should not all come back at once."""
        self._from_charger.stop()
        await asyncio.wait({self._charger_gone}, timeout=random.uniform(0, self.limits.spread_s))

    async def _end_both(self, code: int, reason: str) -> None:
        await asyncio.gather(*(side.end(code, reason) for side in self._sides.values()))

    def side_ended(self, direction: Direction, ending: Ending) -> None:
        if self.closing is None:
            self.closing = Closing(direction.source, ending.code, ending.reason, ending.ours)
        if direction.source is Source.CHARGER:
            self._charger_gone.set_result(None)
        if not self._over.done():
            self._over.set_result(direction)

    def refuse(self, source: Source) -> None:
        """A frame is not recorded, and must not be passed on."""
        metrics.NOT_RECORDED.inc()
        if self.closing is None:
            self.closing = Closing(source, TRY_AGAIN_LATER, "not recorded: Kafka did not answer in time", ours=True)
        if not self._over.done():
            self._over.set_result(None)


def _close_for_peer(source: Source, code: int, reason: str) -> tuple[int, str]:
    """What the other side is told. A connection that broke has no code to hand on; one without a code (1005) ended well."""
    if code == NO_STATUS:
        return NORMAL, reason
    if code in _SENDABLE or 3000 <= code <= 4999:
        return code, reason
    if source is Source.CHARGER:
        return GOING_AWAY, "charger connection lost"
    return SERVICE_RESTART, "central system connection lost"
