"""What a soak found: as JSON, as a page, and drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import svg
from benchmarks.enricher import FRESHNESS
from benchmarks.figures import percentile
from benchmarks.soak.quantities import QUANTITIES, SERVICES
from benchmarks.soak.run import Count, Found, Plan
from benchmarks.soak.verdict import Finding, Series, judge

_DIGITS: Final = 3
_MARKS: Final = {True: "met", False: "**missed**", None: ""}


@dataclass(frozen=True, slots=True)
class Report:
    """`context`: when, of which commit, on what. `freshness_p99_s`: of all that was watched after the warm-up."""

    context: Mapping[str, Any]
    plan: Plan
    quick: bool
    findings: Sequence[Finding]
    counts: Sequence[Count]
    freshness_p99_s: float
    failures: Sequence[str]
    samples: Sequence[Mapping[str, float]]

    @property
    def met(self) -> bool:
        """Nothing missed, and something was found at all."""
        counted = bool(self.counts) and all(count.met for count in self.counts)
        judged = any(finding.met for finding in self.findings) and all(finding.met is not False for finding in self.findings)
        return counted and judged and not self.failures and FRESHNESS.met(self.freshness_p99_s)

    @property
    def summary(self) -> str:
        missed = [finding.name for finding in self.findings if finding.met is False]
        missed += [count.name for count in self.counts if not count.met]
        missed += ["freshness"] * (not FRESHNESS.met(self.freshness_p99_s)) + ["readers"] * bool(self.failures)
        minutes = f"{self.plan.seconds / 60:g} minutes at {self.plan.frames_per_s:,} frames/s"
        if self.plan.maximum:
            minutes += f" (the most is {self.plan.maximum:,})"
        said = f"missed: {', '.join(missed)}" if missed else "nothing lost, nothing grows"
        return f"{minutes}: {said}; found within {self.freshness_p99_s:.2f} s (p99)"

    def as_json(self) -> str:
        """A sample a line, so that a diff can be read."""
        head = {**self.context, "quick": self.quick, "met": self.met, "summary": self.summary, "plan": asdict(self.plan)}
        head |= {"freshness_p99_s": self.freshness_p99_s, "failures": list(self.failures)}
        head |= {"counts": [{**asdict(count), "met": count.met} for count in self.counts]}
        head |= {"findings": [asdict(finding) for finding in self.findings]}
        lines = ",\n  ".join(json.dumps({name: round(value, _DIGITS) for name, value in one.items()}) for one in self.samples)
        return json.dumps(head, indent=1)[:-2] + f',\n "samples": [\n  {lines}\n ]\n}}\n'

    def as_page(self, graphs: Sequence[str]) -> str:
        lines = ["# Soak", "", f"{self.summary}.", "", _machine(self.context), ""]
        minutes = f"{self.plan.warm_up_s / 60:g}"
        lines += [f"The first {minutes} minutes are warm-up. After them a quantity may gain what its bound says in all;"]
        lines += ["slopes are Theil and Sen's, which a quarter of wild samples does not move.", ""]
        lines += ["| quantity | first | last | an hour | bound | |", "|---|--:|--:|--:|---|---|", *map(_row, self.findings), ""]
        lines += ["| counted | found | wanted | |", "|---|--:|--:|---|", *map(_counted, self.counts)]
        freshness = (
            f"{self.freshness_p99_s:.2f} s",
            f"at most {FRESHNESS.bound:g} s",
            _MARKS[FRESHNESS.met(self.freshness_p99_s)],
        )
        lines += ["| freshness, p99 of all | " + " | ".join(freshness) + " |", ""]
        lines += [f"A reader failed: {failure}" for failure in self.failures]
        lines += [f"![{Path(name).stem}]({name})" for name in graphs]
        return "\n".join(lines) + "\n"


def report(context: Mapping[str, Any], plan: Plan, quick: bool, found: Found) -> Report:
    looks, findings = sum(sample["at_s"] >= plan.warm_up_s for sample in found.samples), []
    for name, quantity in QUANTITIES.items():
        judged = series(found.samples, name).after(plan.warm_up_s)
        findings.append(judge(name, quantity.unit, judged, quantity.judged(plan.warm_up_s), looks))
    p99 = percentile(found.ages_s, 99) if found.ages_s else float("inf")
    return Report(context, plan, quick, findings, found.counts, p99, found.failures, found.samples)


def series(samples: Sequence[Mapping[str, float]], name: str) -> Series:
    """Of the samples that have it."""
    having = [sample for sample in samples if name in sample]
    return Series([sample["at_s"] for sample in having], [sample[name] for sample in having])


def write(report: Report, file: Path) -> None:
    """`file`, and beside it the page and the graphs."""
    file.parent.mkdir(parents=True, exist_ok=True)
    graphs = draw(report.samples)
    for name, drawn in graphs.items():
        file.with_name(f"{file.stem}-{name}.svg").write_text(drawn)
    file.write_text(report.as_json())
    file.with_suffix(".md").write_text(report.as_page([f"{file.stem}-{name}.svg" for name in graphs]))


def draw(samples: Sequence[Mapping[str, float]]) -> dict[str, str]:
    memory = {service: f"{service} RSS" for service in SERVICES}
    times = {f"{name}": name for name in ("relay p50", "relay p99")}
    fresh = {name: name for name in ("freshness p50", "freshness p99")}
    return {
        "memory": svg.chart("Memory of each process (RSS)", "minutes", "MiB", _lines(samples, memory)),
        "latency": svg.chart("Round trip through the gateway", "minutes", "milliseconds", _lines(samples, times)),
        "freshness": svg.chart("From the gateway to found by a query", "minutes", "seconds", _lines(samples, fresh)),
    }


def _lines(samples: Sequence[Mapping[str, float]], wanted: Mapping[str, str]) -> dict[str, list[svg.Dot]]:
    found = {title: series(samples, name) for title, name in wanted.items()}
    return {
        title: [svg.Dot(at / 60, value, value, value) for at, value in zip(one.at_s, one.values, strict=True)]
        for title, one in found.items()
    }


def _row(found: Finding) -> str:
    name = f"{found.name}, {found.unit}" if found.unit else found.name
    figures = (*(f"{value:,.4g}" for value in (found.first, found.last)), f"{found.an_hour:+,.3g}")
    return f"| {name} | {' | '.join(figures)} | {found.bound} | {_MARKS[found.met]} |"


def _counted(count: Count) -> str:
    return f"| {count.name} | {count.found:,} | {count.wanted:,} | {_MARKS[count.met]} |"


def _machine(context: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in context.items()) + "."
