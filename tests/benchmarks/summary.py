"""The figures of all benchmarks in one form: ours, the reference's, their spread, the bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.figures import median, quartiles

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median, and between which two the middle half lies; None for both where one figure is all there is."""

    median: float
    low: float | None = None
    high: float | None = None

    def as_text(self) -> str:
        range_ = (
            ""
            if self.low is None or self.high is None or self.low == self.high
            else f" ({_short(self.low)} to {_short(self.high)})"
        )
        return f"{_short(self.median)}{range_}"


@dataclass(frozen=True, slots=True)
class Line:
    """`compared`: what `value` is, such as the ratio of ours to the reference's. `reference` is None where there is none."""

    benchmark: str
    name: str
    unit: str
    ours: Spread
    reference: Spread | None
    compared: str
    value: float
    bound: str
    met: bool

    @classmethod
    def from_json(cls, found: Json) -> Line:
        reference = found["reference"]
        spreads = {"ours": Spread(**found["ours"]), "reference": None if reference is None else Spread(**reference)}
        return cls(**{**found, **spreads})


def _short(value: float) -> str:
    """Four digits; thousands with commas, not as powers of ten."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def of(values: Sequence[float]) -> Spread:
    """Raises ValueError for no values."""
    return Spread(median(values), *quartiles(values))


def _gateway(found: Json) -> list[Line]:
    lines = []
    for name, part in found["parts"].items():
        ours, reference = ([sample["value"] for sample in part["samples"] if sample["relay"] == relay] for relay in _RELAYS)
        target = part["target"]
        figures = (of(ours), of(reference), target["compared"], part["value"], _bound(target), part["met"])
        lines.append(Line("gateway", name, target["unit"], *figures))
    frames = found["frames"]
    kept = (Spread(frames["on_kafka"]), Spread(frames["relayed"]), "missing", frames["relayed"] - frames["on_kafka"], "= 0")
    whole = frames["on_kafka"] == frames["relayed"] and not frames["changed"] and not found["failures"]
    return [*lines, Line("gateway", "frames on Kafka, of those relayed", "frames", *kept, whole)]


_RELAYS: Final = ("gateway", "reference")


def _enricher(found: Json) -> list[Line]:
    lines = []
    for figure in found["figures"]:
        target, samples = figure["target"], figure["samples"]
        if target["compared"]:
            ours, reference = of(samples["enricher"]), of(samples[target["name"]])
            name, compared = f"against {target['name']}", target["compared"]
        else:
            ours, reference = Spread(figure["value"]), None
            name, compared = target["name"], "itself"
        lines.append(
            Line("enricher", name, target["unit"], ours, reference, compared, figure["value"], _bound(target), figure["met"])
        )
    return lines


def _store(found: Json) -> list[Line]:
    return [
        Line(
            "store",
            figure["name"],
            figure["unit"],
            of(figure["samples"]["ocpp_log"]),
            of(figure["samples"]["reference"]),
            "ratio",
            figure["value"],
            f"<= {figure['applied']:g}",
            figure["met"],
        )
        for figure in found["figures"]
    ]


def _api(found: Json) -> list[Line]:
    lines = []
    for figure in found["figures"]:
        spread = figure.get("spread") or [(None, None), (None, None)]
        reference = None if figure["reference"] is None else Spread(figure["reference"], *spread[0])
        target = figure["target"]
        callers = f", {figure['callers']} callers" if figure["callers"] > 1 else ""
        compared = target["compared"] if reference else "itself"
        figures = (Spread(figure["ours"], *spread[1]), reference, compared, figure["value"], _bound(target), figure["met"])
        lines.append(Line("api", figure["name"] + callers, target["unit"], *figures))
    return lines


def _bound(target: Json) -> str:
    return f"{'>=' if target['at_least'] else '<='} {target['bound']:g}"


READERS: Final[Mapping[str, Callable[[Json], list[Line]]]] = {
    "gateway": _gateway,
    "enricher": _enricher,
    "store": _store,
    "api": _api,
}


_HEADLINES: Final = (
    "bytes a row",
    "insert of 1,000, wall",
    "latest, all",
    "charger, all",
    "two terms, all",
    "24 h and a term, all",
    "24 h and a term, all, 8 callers",
    "start view: newest entries, 8 callers",
    "export of 10,000, all sites, a term",
)
"""Of the store and the API, which have a hundred lines."""


def headlines(lines: Sequence[Line]) -> list[Line]:
    """What a table on a screen has room for."""
    return [line for line in lines if line.benchmark in ("gateway", "enricher") or line.name in _HEADLINES]


def as_text(lines: Sequence[Line]) -> str:
    rows = [_cells(line) for line in lines]
    rows.insert(0, ("", "", "ours", "reference", "", "bound", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def as_markdown(lines: Sequence[Line]) -> str:
    head = ["| benchmark | | ours | reference | | bound | |", "|---|---|--:|--:|--:|---|---|"]
    return "\n".join([*head, *(f"| {' | '.join(_cells(line))} |" for line in lines)]) + "\n"


def _cells(line: Line) -> tuple[str, ...]:
    reference = line.reference.as_text() if line.reference else ""
    value = "" if line.compared == "itself" else f"{line.compared} {line.value:.3g}"
    verdict = "met" if line.met else "MISSED"
    return (line.benchmark, f"{line.name}, {line.unit}", line.ours.as_text(), reference, value, line.bound, verdict)
