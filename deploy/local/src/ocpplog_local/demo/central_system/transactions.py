"""Transaction ids that stay unique when the central system restarts, without anything stored."""

from __future__ import annotations

from datetime import UTC, datetime

from ocpplog_local.demo.stamps import Now

_ZERO = datetime(2026, 1, 1, tzinfo=UTC)


class TransactionIds:
    """Tenths of a second since 2026: fits the 31 bits that every charger takes until late in 2032.

    Ids handed out faster run ahead of time; a restart catches up as long as the average stays below ten a second.
    """

    def __init__(self, now: Now) -> None:
        self._now = now
        self._last = 0

    def next(self) -> int:
        tenths = int((self._now() - _ZERO).total_seconds() * 10)
        self._last = max(self._last + 1, tenths)
        return self._last
