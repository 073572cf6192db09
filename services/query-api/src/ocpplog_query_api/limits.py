"""How often, and how often at once, one may call. No I/O."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

_COSTS: Final = {"/v1/logs/export": 20.0, "/v1/logs/facets": 5.0, "/v1/logs/histogram": 5.0, "/v1/overview": 5.0}
"""Of requests that read more than a page; any other costs one."""


def cost(path: str) -> float:
    return _COSTS.get(path, 1.0)


def subject(name: str) -> str:
    return f"subject {name}"


def address(peer: str) -> str:
    """Whoever has an IPv6 address has the network of 64 bits that it is in."""
    try:
        found = ip_address(peer)
    except ValueError:
        return f"address {peer}"
    return f"address {int(found) >> 64:x}::/64" if isinstance(found, IPv6Address) else f"address {found}"


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Buckets:
    """A token bucket for each of the last `most` callers: `rate` tokens a second, and at most `burst` of them saved up."""

    def __init__(self, rate: float, burst: float, most: int, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = burst
        self._most = most
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, who: str, tokens: float) -> float:
        """Take so many; returns 0, or in how many seconds they will be there: then none are taken."""
        if not self._rate:
            return 0.0
        now, tokens = self._clock(), min(tokens, self._burst)
        bucket = self._buckets.setdefault(who, _Bucket(self._burst, now))
        self._buckets.move_to_end(who)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
        if bucket.tokens < tokens:
            return (tokens - bucket.tokens) / self._rate
        bucket.tokens -= tokens
        return 0.0


class AtOnce:
    """At most `most` of each caller; 0: as many as they like."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._taken: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, who: str) -> bool:
        """Whether there was a place. Whoever has got one gives it back."""
        if self.most and self._taken[who] >= self.most:
            return False
        self._taken[who] += 1
        return True

    def give_back(self, who: str) -> None:
        self._taken[who] -= 1
        if not self._taken[who]:
            del self._taken[who]
