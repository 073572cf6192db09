"""What a caller may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_OF_ALL_SITES: Final = frozenset({"kafka_partition", "kafka_offset"})
"""Columns that count what all sites send."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The sites a caller may see; None: all. Every query of the log is built with one."""

    sites: frozenset[str] | None

    def among(self, wanted: list[str]) -> list[str] | None:
        """Of the sites asked for (none: all), those that may be seen; None: no restriction at all."""
        if self.sites is None:
            return wanted or None
        return sorted(self.sites.intersection(wanted) if wanted else self.sites)

    @property
    def hidden(self) -> frozenset[str]:
        """Columns of the log that are for those alone who may see all sites."""
        return frozenset() if self.sites is None else _OF_ALL_SITES

    def has(self, site: str) -> bool:
        return self.sites is None or site in self.sites
