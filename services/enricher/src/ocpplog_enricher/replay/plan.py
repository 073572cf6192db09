"""What has to be done to one table so that it holds what it should. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ocpplog_enricher.domain.rows import RowId

Prints = tuple[str, ...]
"""The fingerprints of the rows with one name, in order: of ocpp_log one, of meter_sample one a sample."""


class Found(NamedTuple):
    """What a look at a table showed. `partitions`: in which of the table's partitions the stored rows of a name are."""

    wanted: dict[RowId, Prints]
    stored: dict[RowId, Prints]
    partitions: dict[RowId, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Plan:
    """Names by what is to become of their rows. A name with the right rows twice is among those that differ."""

    same: list[RowId] = field(default_factory=list)
    missing: list[RowId] = field(default_factory=list)
    different: list[RowId] = field(default_factory=list)
    unwanted: list[RowId] = field(default_factory=list)
    """Stored, and no business there."""

    @property
    def done(self) -> bool:
        return not self.missing and not self.different

    @property
    def names(self) -> set[RowId]:
        """Of the rows to be inserted."""
        return {*self.missing, *self.different}


def plan(wanted: Mapping[RowId, Prints], stored: Mapping[RowId, Prints]) -> Plan:
    """`wanted` has every name that is to have rows, if only none (an exchange without samples); `stored` what there is of these
    names and of those that are to have none."""
    found = Plan(unwanted=[name for name in stored if name not in wanted])
    for name, prints in wanted.items():
        there = stored.get(name, ())
        if there == prints:
            found.same.append(name)
        else:
            (found.different if there else found.missing).append(name)
    return found
