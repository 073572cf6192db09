"""NotifyEvent of OCPP 2.x: which of its events a row tells, and what of it.

Where 1.6 has one StatusNotification with an error code, 2.x reports variables of components, several in one message (OCPP 2.0.1
part 2, EventDataType; use cases G01 and G05). A row has room for one; the others stay in the request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ocpplog_enricher.domain import reading
from ocpplog_enricher.domain.reading import Reader
from ocpplog_enricher.domain.violations import short

_OPERATIONAL: Final = frozenset({"connector", "evse", "chargingstation"})
"""Components whose AvailabilityState is what StatusNotification reports."""
_PROBLEMS: Final = frozenset({"problem", "tripped", "overload"})
"""Standardised variables (2.0.1 part 2, appendices) that are true while something is wrong with their component."""


def reports(payload: bytes) -> bool:
    """Whether a NotifyEvent, given its payload as sent, says what a StatusNotification would have said in 1.6: that something is
    faulty, or what an operational state is. All else is monitoring. Never raises: of what cannot be read it is False."""
    try:
        request = reading.decode(payload)
    except (ValueError, RecursionError):
        return False
    if not isinstance(request, dict):
        return False
    return any(_is_fault(event) or _is_state(event) for event in Reader(request, "request", []).items("eventData"))


def told(events: Sequence[Reader]) -> Reader | None:
    """The first event that reports a fault; without one the first that reports an operational state; without that the first."""
    for wanted in (_is_fault, _is_state):
        if found := next(filter(wanted, events), None):
            return found
    return events[0] if events else None


def state(event: Reader) -> str:
    """The operational state, where the event is about that: Available, Occupied, Reserved, Unavailable, Faulted."""
    return event.text("actualValue") if _is_state(event) else ""


def error(event: Reader) -> str:
    """What is faulty, as `Component.Variable`: 2.x has no list of error codes. Empty for what is no fault, and where the state
    says it."""
    if not _is_fault(event) or _is_state(event):
        return ""
    names = (event.inner("component").text("name"), event.inner("variable").text("name"))
    return ".".join(filter(None, names))


def _is_fault(event: Reader) -> bool:
    """A fault that is over (`cleared`) is none."""
    if event.value.get("cleared") is True:
        return False
    if _is_state(event):
        return _actual(event) == "faulted"
    return _is_problem(event) or bool(event.value.get("techCode"))


def _is_problem(event: Reader) -> bool:
    return _name(event, "variable") in _PROBLEMS and _actual(event) in ("true", "1")


def _is_state(event: Reader) -> bool:
    return _name(event, "variable") == "availabilitystate" and _name(event, "component") in _OPERATIONAL


def _actual(event: Reader) -> str:
    """In lower case, as booleans are compared: True, true, or JSON's own."""
    value = event.value.get("actualValue")
    return (value if isinstance(value, str) else short(value)).strip().lower()


def _name(event: Reader, part: str) -> str:
    """In lower case: the standard compares names without regard to it."""
    named = event.value.get(part)
    name = named.get("name") if isinstance(named, dict) else None
    return name.lower() if isinstance(name, str) else ""
