"""What a site's record says about the rows of its exchanges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ocpplog_common.levels import Level, level_of
from ocpplog_common.ocppj import Call
from ocpplog_enricher.domain import events


def ranked_as(call: Call) -> str:
    """The action whose level and retention a request has: its own, but for a NotifyEvent that reports a fault or an operational
    state. That is what StatusNotification is in OCPP 1.6."""
    return "StatusNotification" if call.action == "NotifyEvent" and events.reports(call.payload) else call.action


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows are kept, in days, by the lowest level that logs their action."""

    minimal: int = 400
    info: int = 400
    debug: int = 100

    def days(self, action: str) -> int:
        """Of a row, by the action that it ranks as (`ranked_as`). What has none, a gap among it, counts as info."""
        level = level_of(action)
        if level is Level.DEBUG:
            return self.debug
        return self.info if level is Level.INFO else self.minimal


@dataclass(frozen=True, slots=True)
class Policy:
    """`hide_tag`, given the text of an RFID tag (UTF-8), returns what stands for it, ASCII without quotes and backslashes; None:
    tags stay. `notes` are what the log itself has to say, and stand among the violations."""

    hide_tag: Callable[[bytes], str] | None = None
    notes: tuple[str, ...] = ()
    retention: Retention = Retention()


AS_IT_IS: Final = Policy()
