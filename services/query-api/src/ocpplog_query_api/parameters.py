"""Parameters that several endpoints have."""

from __future__ import annotations

from datetime import datetime

from ocpplog_query_api.errors import InvalidParameter
from ocpplog_query_api.logs import times


def moment(name: str, text: str, now: datetime) -> datetime | None:
    """A time; empty: None. Raises InvalidParameter."""
    try:
        return times.parse(text, now) if text else None
    except ValueError as error:
        raise InvalidParameter(name, str(error)) from None
