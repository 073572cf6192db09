"""Moments that move with the clock: the last 24 hours are the same question a second later, two hours of last week are not."""

from __future__ import annotations

from datetime import datetime
from typing import Final

PREFIX: Final = "moving_"
"""Begins the name of a query's parameter that is such a moment."""


class Moving(datetime):
    """Counted from now, as is whatever is computed from one: its arithmetic keeps the type."""


def moving(moment: datetime) -> Moving:
    return Moving.combine(moment.date(), moment.timetz())
