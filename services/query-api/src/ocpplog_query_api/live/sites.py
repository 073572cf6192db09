"""Sets of sites as bits of an int. Two that have a site in common have a bit in common; seldom do two others. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

BITS: Final = 512
"""Bounds the bytes of a set, to 96. So many sites but one have a bit of their own; more share these."""
_ANY: Final = 1
"""The bit of a set of which nobody knows what is in it."""


class Sites:
    """Knows the bits of the sites that were named so far."""

    def __init__(self) -> None:
        self._bits: dict[str, int] = {}

    def named(self, sites: Iterable[str]) -> int:
        """The set of these; of none: one that may have any."""
        bits = 0
        for site in sites:
            bits |= self._bits.get(site) or self._new(site)
        return bits or _ANY

    def wanted(self, sites: frozenset[str] | None) -> int:
        """What has a bit in common with every set that may have one of these (None: any)."""
        if sites is None:
            return -1
        bits = _ANY
        for site in sites:
            # A site that was never named is in no set, as long as each has a bit of its own.
            bits |= self._bits.get(site, 0) or (self._shared(site) if self._is_full else 0)
        return bits

    @property
    def _is_full(self) -> bool:
        return len(self._bits) >= BITS - 1

    def _new(self, site: str) -> int:
        if self._is_full:
            return self._shared(site)
        bit = self._bits[site] = 2 << len(self._bits)
        return bit

    @staticmethod
    def _shared(site: str) -> int:
        return 2 << hash(site) % (BITS - 1)
