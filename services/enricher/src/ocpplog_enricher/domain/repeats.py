"""Recognises a frame that stands on Kafka twice.

The gateway records at least once: a batch that was sent again, after its acknowledgement was lost, stands there twice. The
frames of one sender on one connection come in the order of their sequence otherwise, so one that does not rise above those
before it is a copy. (Frames of both senders may overtake each other by a place or two on their way to Kafka.)
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from ocpplog_common.envelope import Envelope, Opcode, Source

_Sender = tuple[str, Source]
_Seen = list[tuple[int, int]]
"""(sequence, stream time in microseconds), in the order of time; a frame is dropped once one as high came after it."""


@dataclass(slots=True)
class Repeats:
    """What came within `memory_us` of stream time, and nothing of what came before.

    A copy that comes later is not recognised. Its time of receiving is then as far behind the stream's: see `Partition`.
    For a sender it holds 400 bytes and one number; more only of frames whose numbers fell, which are copies.
    """

    memory_us: int
    _frames: OrderedDict[_Sender, _Seen] = field(default_factory=OrderedDict)
    _gaps: OrderedDict[tuple[str, int], int] = field(default_factory=OrderedDict)
    _forget_at_us: int = 0

    def __len__(self) -> int:
        return len(self._frames) + len(self._gaps)

    def seen(self, envelope: Envelope, now_us: int) -> bool:
        """Whether this frame came before; remembers it. `now_us` is the stream time, which never falls."""
        until_us = now_us - self.memory_us
        if now_us >= self._forget_at_us:
            self._forget(until_us)
            self._forget_at_us = now_us + self.memory_us // 16
        if envelope.opcode is Opcode.GAP:
            return self._gap_seen((envelope.connection_id, envelope.sequence), now_us)
        sender = (envelope.connection_id, envelope.source)
        highest = self._frames.setdefault(sender, [])
        self._frames.move_to_end(sender)
        while highest and highest[0][1] <= until_us:
            del highest[0]
        repeated = bool(highest) and highest[0][0] >= envelope.sequence
        while highest and highest[-1][0] <= envelope.sequence:
            highest.pop()
        highest.append((envelope.sequence, now_us))
        return repeated

    def _gap_seen(self, name: tuple[str, int], now_us: int) -> bool:
        """A gap has the sequence of a frame that is missing, which later frames may have passed: only its name counts."""
        repeated = self._gaps.get(name, now_us - self.memory_us) > now_us - self.memory_us
        self._gaps[name] = now_us
        self._gaps.move_to_end(name)
        return repeated

    def _forget(self, until_us: int) -> None:
        while self._gaps and next(iter(self._gaps.values())) <= until_us:
            self._gaps.popitem(last=False)
        while self._frames:
            sender, oldest = next(iter(self._frames.items()))
            if oldest[-1][1] > until_us:
                return
            del self._frames[sender]
