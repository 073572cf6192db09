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
_FAULTED: Final = "faulted"


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


def state(event: Reader, events: Sequence[Reader]) -> str:
    """The operational state that the event tells: Available, Occupied, Reserved, Unavailable, Faulted. Of a fault without one,
    what the first of the message's `events` that does tells of the same EVSE, or of the station where the fault names none."""
    if _is_state(event):
        return event.text("actualValue")
    if not _is_fault(event):
        return ""
    beside = (other for other in events if _is_state(other) and _evse(other) == _evse(event))
    return next((other.text("actualValue") for other in beside), "")


def error(event: Reader) -> str:
    """What is faulty, as `Component.Variable`: 2.x has no list of error codes. Empty for what is no fault, and where the state
    says it."""
    if not _is_fault(event) or (_is_state(event) and _actual(event) == _FAULTED):
        return ""
    names = (event.inner("component").text("name"), event.inner("variable").text("name"))
    return ".".join(filter(None, names))


def _is_fault(event: Reader) -> bool:
    """A fault that is over (`cleared`) is none."""
    if event.value.get("cleared") is True:
        return False
    coded = bool(event.value.get("techCode"))
    if _is_state(event):
        # A code does not make a fault of a connector that can be used.
        return _actual(event) == _FAULTED or (coded and _actual(event) == "unavailable")
    return coded or _is_problem(event)


def _is_problem(event: Reader) -> bool:
    return _name(event, "variable") in _PROBLEMS and _actual(event) in ("true", "1")


def _is_state(event: Reader) -> bool:
    return _name(event, "variable") == "availabilitystate" and _name(event, "component") in _OPERATIONAL


def _actual(event: Reader) -> str:
    """In lower case, as booleans are compared: True, true, or JSON's own."""
    value = event.value.get("actualValue")
    return (value if isinstance(value, str) else short(value)).strip().lower()


def _evse(event: Reader) -> object:
    component = event.value.get("component")
    evse = component.get("evse") if isinstance(component, dict) else None
    return evse.get("id") if isinstance(evse, dict) else None


def _name(event: Reader, part: str) -> str:
    """In lower case: the standard compares names without regard to it."""
    named = event.value.get(part)
    name = named.get("name") if isinstance(named, dict) else None
    return name.lower() if isinstance(name, str) else ""
