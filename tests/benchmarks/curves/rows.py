"""How long searches take, by how many rows the log has."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks.api_measures import Measures
from benchmarks.api_requests import asked
from benchmarks.api_rig import api, client, fill, store
from benchmarks.curves.curve import Curve, Point
from benchmarks.report import say
from support.processes import LocalClickHouse

QUESTIONS: Final = (
    "latest, all",
    "charger, all",
    "unique term, all",
    "two terms, all",
    "24 h and a term, all",
    "part of a word, all",
)
"""As `benchmarks.api_requests` names them: all of them over all sites, where most rows are."""


def measure(scratch: Path, sizes: Sequence[int], repetitions: int) -> Curve:
    lines: dict[str, list[Point]] = {name: [] for name in QUESTIONS}
    with _filled(scratch, sizes) as server:
        for rows in sizes:
            with api(server, _database(rows), scratch) as served:
                measures = Measures(served, repetitions, 0)
                for question in asked(served):
                    if question.name in lines:
                        found = measures.alone(question)
                        lines[question.name].append(Point(rows, found.ours, *found.spread[1]))
                        say(f"{rows:,} rows, {question.name}: {lines[question.name][-1].median:.1f} ms")
    note = "Through the query API, one caller, over all sites; ClickHouse forgets before each what earlier queries found."
    return Curve("rows", "rows", "milliseconds", lines, note)


@contextlib.contextmanager
def _filled(scratch: Path, sizes: Sequence[int]) -> Iterator[LocalClickHouse]:
    """A database each, some 100 bytes a row; those that are there already are kept."""
    with store(scratch) as server:
        with client(server) as one:
            for rows in sizes:
                fill(one, _database(rows), rows)
        yield server


def _database(rows: int) -> str:
    return f"bench_{rows}"
