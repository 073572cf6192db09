"""The curve of a session out of averages. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ocpplog_query_api.logs import times
from ocpplog_query_api.sessions.schemas import CurvePoint

POINTS_AT_MOST: Final = 1000
_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400)
_COLUMN: Final = {
    "Power.Active.Import": {"total": "power_w", "l1": "power_l1_w", "l2": "power_l2_w", "l3": "power_l3_w"},
    "Current.Import": {"total": "current_a", "l1": "current_l1_a", "l2": "current_l2_a", "l3": "current_l3_a"},
    "Voltage": {"total": "voltage_v", "l1": "voltage_l1_v", "l2": "voltage_l2_v", "l3": "voltage_l3_v"},
    "Energy.Active.Import.Register": {"total": "energy_wh"},
    "SoC": {"total": "soc_percent"},
}


def step_s(moments: int, first: datetime, last: datetime) -> int | None:
    """The width of a bucket that leaves few enough points; None: each moment is a point of its own."""
    if moments <= POINTS_AT_MOST:
        return None
    # A span of n steps can touch n + 1 buckets.
    fit = (step for step in _STEPS_S if (last - first) / timedelta(seconds=step) <= POINTS_AT_MOST - 1)
    return next(fit, _STEPS_S[-1])


def curve(rows: Iterable[dict[str, Any]]) -> list[CurvePoint]:
    """`rows` of (at_ms, measurand, line, average), in order of time. Of phases alone, their sum is the power."""
    points: dict[int, dict[str, float]] = {}
    for row in rows:
        if column := _COLUMN[row["measurand"]].get(row["line"]):
            points.setdefault(row["at_ms"], {})[column] = row["average"]
    return [_point(at_ms, values) for at_ms, values in points.items()]


def _point(at_ms: int, values: dict[str, float]) -> CurvePoint:
    phases = [values[name] for name in ("power_l1_w", "power_l2_w", "power_l3_w") if name in values]
    if phases:
        values.setdefault("power_w", sum(phases))
    at = times.iso(datetime.fromtimestamp(at_ms / 1000, UTC))
    return CurvePoint(at=at, **{name: round(value, 3) for name, value in values.items()})
