"""The conditions with which every query of the fleet begins. They cannot be had without a Scope."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ocpplog_query_api.logs.query import Conditions, Search, matching
from ocpplog_query_api.scope import Scope


def within(
    scope: Scope,
    sites: Sequence[str] = (),
    chargers: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
) -> Conditions:
    """Of rows with `site_id`, `charger_id` and, where a time is given, `datetime`. Empty: all that the scope has."""
    return matching(scope, Search(sites=sites, equal={"charger_id": chargers}, since=since, until=until))
