"""How fast the fleet lives, and how often things go wrong."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields, replace
from typing import Any

Span = tuple[float, float]
"""From and to, seconds. One value is drawn from it each time."""


@dataclass(frozen=True)
class Tempo:
    """Spans in seconds, chances from 0 to 1. The whole fleet makes some six frames a second with the defaults."""

    power_on: Span = (0.0, 4.0)
    idle: Span = (8.0, 35.0)
    handling: Span = (1.0, 3.0)
    session: Span = (40.0, 120.0)
    meter_interval: Span = (6.0, 10.0)
    repair: Span = (15.0, 35.0)
    reboot: Span = (3.0, 6.0)
    firmware_phase: Span = (2.0, 5.0)
    oddity: Span = (12.0, 30.0)
    fault_while_charging: float = 0.12
    fault_while_idle: float = 0.06
    refused_tag: float = 0.12
    suspends: float = 0.6
    firmware_fails: float = 0.1

    def faster(self, factor: float) -> Tempo:
        """The same life `factor` times as fast."""
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: _shorter(value, factor) for name, value in values.items()})


DEMO_TEMPO = Tempo()


def draw(rng: random.Random, span: Span) -> float:
    return rng.uniform(*span)


class Backoff:
    """Pauses between attempts to connect: doubling up to a limit, with jitter, so that a fleet does not return as one."""

    def __init__(self, rng: random.Random, first_s: float = 1.0, most_s: float = 30.0) -> None:
        self._rng = rng
        self._first_s = first_s
        self._most_s = most_s
        self._failures = 0

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self) -> float:
        """Seconds to wait before the next attempt."""
        # The exponent is bounded too: failures may go on for ever.
        ceiling = min(self._most_s, self._first_s * 2 ** min(self._failures, 16))
        self._failures += 1
        return self._rng.uniform(ceiling / 2, ceiling)


def _shorter(value: Any, factor: float) -> Any:
    return (value[0] / factor, value[1] / factor) if isinstance(value, tuple) else value
