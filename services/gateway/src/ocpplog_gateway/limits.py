"""How many connections and failures a peer may have. No I/O; time is given, in seconds of any origin that runs forward.

Peers are keys (`Peer.key`); the empty key has no limit of its own. Memory is bounded whoever comes: connections by their number,
failures by the number of peers that are remembered.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_REFUSED_AT_ONCE: Final = 256
_REMEMBERED_PEERS: Final = 50_000


class Over(StrEnum):
    """Whose limit a connection is over."""

    GATEWAY = "gateway"
    PEER = "peer"


@dataclass(slots=True)
class Place:
    """One connection's place. `over`: there was none, it is here only to be told so."""

    key: str
    over: Over | None = None


class Connections:
    """Places for `total` connections, `per_peer` of them for one peer (0: no such limit).

    Some more are let in to be refused: a peer that is told to come back later does, one whose connection breaks tries at once.
    """

    def __init__(self, total: int, per_peer: int, refused_at_once: int = _REFUSED_AT_ONCE) -> None:
        self._total = total
        self._per_peer = per_peer
        self._refused_at_once = refused_at_once
        self._refused = 0
        self._inside = 0
        self._peers: Counter[str] = Counter()

    def enter(self, key: str) -> Place | None:
        """A place, which has to be left; None: not even one to be refused."""
        place = Place(key, self._over(key))
        if place.over and self._refused >= self._refused_at_once:
            return None
        self._take(place)
        return place

    def rename(self, place: Place, key: str) -> None:
        """The connection turned out to be `key`'s: it counts for that one."""
        if place.key == key or place.over:
            return
        self.leave(place)
        place.key, place.over = key, self._over(key)
        self._take(place)

    def leave(self, place: Place) -> None:
        if place.over:
            self._refused -= 1
            return
        self._inside -= 1
        self._peers[place.key] -= 1
        if not self._peers[place.key]:
            del self._peers[place.key]

    def _take(self, place: Place) -> None:
        if place.over:
            self._refused += 1
            return
        self._inside += 1
        self._peers[place.key] += 1

    def _over(self, key: str) -> Over | None:
        if self._inside >= self._total:
            return Over.GATEWAY
        if key and self._per_peer and self._peers[key] >= self._per_peer:
            return Over.PEER
        return None


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Failures:
    """A token bucket a peer: `burst` failures at once, `per_minute` in the long run. A `burst` of 0 is no limit.

    Of more than `peers` peers, the one whose last failure is the longest ago is forgotten.
    """

    def __init__(self, burst: int, per_minute: float, peers: int = _REMEMBERED_PEERS) -> None:
        self._burst = burst
        self._per_second = per_minute / 60
        self._most = peers
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._untold: Counter[str] = Counter()

    def wait_s(self, key: str, now: float) -> float:
        """How long until the peer may try again; 0: it may now."""
        if not self._burst or (bucket := self._buckets.get(key)) is None:
            return 0.0
        self._refill(bucket, now)
        return max(0.0, (1 - bucket.tokens) / self._per_second)

    def failed(self, key: str, now: float) -> None:
        if not key or not self._burst:
            return
        bucket = self._buckets.setdefault(key, _Bucket(self._burst, now))
        self._buckets.move_to_end(key)
        self._refill(bucket, now)
        bucket.tokens = max(0.0, bucket.tokens - 1)
        if len(self._buckets) > self._most:
            oldest, _ = self._buckets.popitem(last=False)
            if untold := self._untold.pop(oldest, 0):
                self._untold[""] += untold

    def turned_away(self, key: str) -> None:
        """The peer was refused for its failures: counted instead of written."""
        self._untold[key if key in self._buckets else ""] += 1

    def told(self) -> dict[str, int]:
        """Who was turned away how often since the last call; an empty key sums up the peers that were forgotten."""
        told, self._untold = self._untold, Counter()
        return told

    def _refill(self, bucket: _Bucket, now: float) -> None:
        bucket.tokens = min(self._burst, bucket.tokens + max(0.0, now - bucket.at) * self._per_second)
        bucket.at = now

    def __len__(self) -> int:
        return len(self._buckets)
