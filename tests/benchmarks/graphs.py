"""Draws what the benchmarks found: `python -m benchmarks.graphs` in tests/ writes docs/proof/benchmarks.md and its graphs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import svg
from benchmarks.curves.curve import Curve
from benchmarks.summary import Line, as_markdown

PROOF: Final = Path(__file__).parents[2] / "docs/proof"
_TITLES: Final = {
    "connections": "Frames that a gateway relays, by connections",
    "rows": "Time of a search, by rows of the log",
    "rate": "From the gateway to found by a query, by rate",
    "enrichers": "Frames that enrichers work through, by processes",
}
_BY_TENS: Final = {"connections": (True, False), "rows": (True, True)}
"""Which axes have powers of ten."""
_HEAD: Final = """# Benchmarks

Drawn by `make graphs` from the JSON files beside this page. `make bench` and `make curves` measure;
[README.md](README.md) says what is promised. A figure is the median of its repetitions, with the middle half of them in brackets
or as a stroke.
"""


def page(directory: Path) -> tuple[str, dict[str, str]]:
    """The page, and the graphs by file name."""
    parts, graphs = [_HEAD], {}
    if (bench := directory / "bench.json").exists():
        parts.append(_table(json.loads(bench.read_text())))
    for name, title in _TITLES.items():
        if (file := directory / "curves" / f"{name}.json").exists():
            found = json.loads(file.read_text())
            graphs[f"{name}.svg"] = draw(Curve.from_json(found), title)
            parts.append(f"## {title}\n\n![{title}]({name}.svg)\n\n{found['note']}\n\n{_run_of(found)}\n")
        else:
            parts.append(f"## {title}\n\nNot measured: `make curves CURVES={name}`.\n")
    return "\n".join(parts), graphs


def draw(curve: Curve, title: str) -> str:
    lines = {name: [svg.Dot(one.x, one.median, one.low, one.high) for one in points] for name, points in curve.lines.items()}
    log_x, log_y = _BY_TENS.get(curve.name, (False, False))
    return svg.chart(title, curve.x, curve.y, lines, log_x, log_y)


def _table(found: Mapping[str, Any]) -> str:
    table = as_markdown([Line.from_json(one) for one in found["lines"]])
    runs = "\n".join(f"- {name}: {_run_of(run | {'quick': found['quick']})}" for name, run in found["runs"].items())
    return f"## Against named references\n\n{found['summary']}.\n\n{table}\n{runs}\n"


def _run_of(found: Mapping[str, Any]) -> str:
    """When, of which commit, on what."""
    quick = "A quick run, which shows that it works and little more: " if found["quick"] else ""
    machine = (
        f"{found['cores']} cores ({found['cpu']}), {found['memory_GiB']} GiB, Linux {found['kernel']}, Python {found['python']}"
    )
    more = f"{found['broker']} broker, load before {found['load_before']}"
    return f"{quick}{found['date'][:10]}, commit {found['commit']}, {machine}, {more}."


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.graphs", description=__doc__)
    parser.add_argument("--directory", type=Path, default=PROOF, help="where the JSON files are (default: docs/proof)")
    directory: Path = parser.parse_args(arguments).directory
    text, graphs = page(directory)
    for name, drawn in graphs.items():
        (directory / name).write_text(drawn)
    (directory / "benchmarks.md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
