"""What somebody looks for. Pure values: `grammar` and `schemas` make them, `conditions` turns them into SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

Order = Literal["desc", "asc"]

COLUMN_OF: Final = {
    "site": "site_id",
    "charger": "charger_id",
    "connector": "connector_id",
    "action": "action",
    "status": "status",
    "error_code": "error_code",
    "vendor_error_code": "vendor_error_code",
    "outcome": "outcome",
    "source": "source",
    "id_tag": "id_tag",
    "transaction_id": "transaction_id",
    "message_id": "message_id",
    "subprotocol": "subprotocol",
}
"""The fields one can filter by -> their columns in `ocpp_log`."""

ANY_CASE: Final = frozenset({"action", "status", "error_code", "outcome", "source", "subprotocol"})
"""Columns of few values. In `q` these are found in whatever case; of ids, the text as written and all in lower or upper case,
so that the indexes help."""


@dataclass(frozen=True, slots=True)
class Match:
    """The column has one of the values; `negated`: none of them. None and numbers are for `connector_id` alone."""

    column: str
    values: Sequence[str | int | None]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """What entries have to match: all that is given.

    `terms` must be in an entry, `without` must not. `equal`: column -> values, one of which it must have, written as they are
    stored; `connectors` may hold None, for entries without one. `matches`: more conditions on columns, each of which must hold.
    `texts`: terms of which it is known that no entry has them as its message id.
    """

    terms: Sequence[str] = ()
    sites: Sequence[str] = ()
    equal: Mapping[str, Sequence[str]] = field(default_factory=dict)
    connectors: Sequence[int | None] = ()
    since: datetime | None = None
    until: datetime | None = None
    without: Sequence[str] = ()
    matches: Sequence[Match] = ()
    violations: bool = False
    texts: frozenset[str] = frozenset()

    @property
    def is_filtered(self) -> bool:
        """Whether anything but site and time is asked for."""
        texts = self.terms or self.without or self.matches
        return bool(texts or self.connectors or self.violations or any(self.equal.values()))
