"""The requests of one partition that wait for their answer, bounded in number and in bytes.

Where there are too many, the oldest go first, whatever the bound. So whoever reads the frames from a later place on has the same
requests open, but for older ones: those would have gone first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ocpplog_common.envelope import Source
from ocpplog_common.ocppj import Call
from ocpplog_enricher.domain.observed import Observed

Key = tuple[str, Source, str]
"""(connection id, who asked, message id)"""
REQUEST_BYTES: Final = 1500
"""What an open request takes besides its frame and payload: 1.3 KB, measured, with names and ids of the usual lengths."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`requests` and `charger_bytes` are those of one charger, so that none takes the memory of all; `partition_bytes` those of
    a partition. `frames` bounds how many frames may come after a request: none of them is acknowledged while it is open.
    A request that is the only one is never too large."""

    requests: int = 256
    charger_bytes: int = 4 << 20
    partition_bytes: int = 32 << 20
    frames: int = 100_000


@dataclass(slots=True)
class Open:
    request: Observed
    admitted: bool
    key: Key
    since_us: int
    """Stream time when it came: a frame that was held back while Kafka did not answer is older than that by its own time,
    and so is its answer behind it."""
    bytes: int


@dataclass(slots=True)
class _Charger:
    keys: OrderedDict[Key, None] = field(default_factory=OrderedDict)
    bytes: int = 0
    first_connection: str = ""
    """No key is of an older one."""


@dataclass(slots=True)
class OpenRequests:
    limits: Limits
    bytes: int = 0
    """Memory that they take, about."""
    _all: OrderedDict[Key, Open] = field(default_factory=OrderedDict)
    _chargers: dict[str, _Charger] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, key: Key) -> bool:
        return key in self._all

    def add(self, key: Key, request: Observed, admitted: bool, since_us: int) -> None:
        """`key` is not open. What is added later comes later in time and in offset."""
        size = _size(request)
        self._all[key] = Open(request, admitted, key, since_us, size)
        mine = self._chargers.get(request.envelope.charger_id)
        if mine is None:
            mine = self._chargers[request.envelope.charger_id] = _Charger(first_connection=key[0])
        mine.first_connection = min(mine.first_connection, key[0])
        mine.keys[key] = None
        mine.bytes += size
        self.bytes += size

    def pop(self, key: Key) -> Open | None:
        found = self._all.pop(key, None)
        if found is not None:
            charger_id = found.request.envelope.charger_id
            mine = self._chargers[charger_id]
            del mine.keys[key]
            mine.bytes -= found.bytes
            self.bytes -= found.bytes
            if not mine.keys:
                del self._chargers[charger_id]
        return found

    def before(self, charger_id: str, connection_id: str) -> list[Key]:
        """Those of a charger on older connections, the oldest first."""
        mine = self._chargers.get(charger_id)
        if mine is None or mine.first_connection >= connection_id:
            return []
        # Connection ids begin with the time: `ocpplog_common.envelope.new_connection_id`.
        return [key for key in mine.keys if key[0] < connection_id]

    def all(self) -> Iterable[Open]:
        """The oldest first."""
        return self._all.values()

    def oldest(self) -> Open | None:
        return next(iter(self._all.values()), None)

    def excess(self, charger_id: str) -> Iterator[tuple[Key, str]]:
        """What has to go after a request of this charger was added, and why. The caller pops each before it asks for the next."""
        limits, mine = self.limits, self._chargers[charger_id]
        while len(mine.keys) > limits.requests:
            yield next(iter(mine.keys)), f"more than {limits.requests} open requests of this charger"
        while mine.bytes > limits.charger_bytes and len(mine.keys) > 1:
            yield next(iter(mine.keys)), f"open requests of this charger over {limits.charger_bytes} bytes"
        while self.bytes > limits.partition_bytes and len(self._all) > 1:
            yield next(iter(self._all)), f"open requests of this partition over {limits.partition_bytes} bytes"


def _size(request: Observed) -> int:
    payload = request.frame.payload if isinstance(request.frame, Call) else b""
    return REQUEST_BYTES + len(request.envelope.frame) + len(payload)
