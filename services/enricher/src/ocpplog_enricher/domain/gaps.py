"""What the log says about frames that are missing from it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from ocpplog_common.envelope import Source
from ocpplog_common.records import Gap

_SENDERS: Final = {Source.CHARGER: "the charger", Source.CSMS: "the central system"}


def describe(gap: Gap) -> str:
    """One sentence for people: how many frames, whose, from when to when (UTC), and why."""
    first, last = gap.first_at.astimezone(UTC), gap.last_at.astimezone(UTC)
    frames, were = ("frame", "was") if gap.count == 1 else ("frames", "were")
    connections = f" on {gap.connections} connections" if gap.connections > 1 else ""
    until = _clock(last) if last.date() == first.date() else f"{last.date()} {_clock(last)}"
    return (
        f"log: {gap.count} {frames} from {_SENDERS[gap.source]}{connections} between {_clock(first)} and {until} UTC"
        f" {were} passed on and not recorded" + (f": {gap.reason}" if gap.reason else "")
    )


def _clock(moment: datetime) -> str:
    return moment.time().isoformat("milliseconds")
