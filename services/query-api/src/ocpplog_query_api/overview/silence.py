"""Which chargers are silent: their connection is open, and longer than usual nothing has come. Pure.

What is usual a charger shows itself, in the last 24 hours: the 95th percentile of its pauses, in slots of five minutes. One that
was heard in fewer than ten of them shows nothing: at level debug it is expected within twelve hours, since Heartbeats are logged,
and elsewhere not at all. So sites at level minimal have none: there the end of a connection is all that tells, and whoever is
offline is counted as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

SLOT_S: Final = 300
_SLOTS_TO_KNOW: Final = 10
_TIMES_USUAL: Final = 3
_UNKNOWN_AT_DEBUG: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Pulse:
    """What came from a charger in the last 24 hours: in how many slots of time, and the usual pause between them, seconds."""

    last_heard: datetime
    slots: int
    usual_gap_s: float

    @property
    def gap_s(self) -> float | None:
        """None: not known."""
        return self.usual_gap_s if self.slots >= _SLOTS_TO_KNOW else None


def is_silent(pulse: Pulse | None, connected_at: datetime, is_debug: bool, now: datetime) -> bool:
    """Of a charger with an open connection. `connected_at`: to come is a sign of life too; `pulse` None: none in 24 hours."""
    last = max(pulse.last_heard, connected_at) if pulse else connected_at
    if pulse and pulse.gap_s is not None:
        return now - last > timedelta(seconds=_TIMES_USUAL * pulse.gap_s)
    return is_debug and now - last > _UNKNOWN_AT_DEBUG
