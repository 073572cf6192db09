"""Every benchmark's JSON becomes lines of one table, and the page is drawn from what is there."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks import graphs
from benchmarks.__main__ import Run, _reported, _summary, _write
from benchmarks.api import Found
from benchmarks.api_measures import ADDED, FIRST_BYTE
from benchmarks.api_measures import Figure as ApiFigure
from benchmarks.curves.curve import Curve, Point, point
from benchmarks.enricher import BARE, FRESHNESS
from benchmarks.enricher import Figure as EnricherFigure
from benchmarks.figures import quartiles
from benchmarks.parts import Sample, outcome_of
from benchmarks.report import Report, context
from benchmarks.store import Figure as StoreFigure
from benchmarks.summary import READERS, Line, as_markdown, as_text, headlines, of
from benchmarks.targets import THROUGHPUT


def through_json(found: object) -> Any:
    return json.loads(json.dumps(found))


def gateway(on_kafka: int = 10) -> Any:
    samples = [
        Sample(relay, value, details={"per_relay_cpu_s": value})
        for relay, values in (("reference", (90, 100, 120)), ("gateway", (50, 70, 75)))
        for value in values
    ]
    return through_json(Report([outcome_of(THROUGHPUT, samples)], {}, 10, on_kafka, 0).as_json())


def enricher() -> Any:
    figures = [
        EnricherFigure(BARE, 0.5, {"enricher": [40, 50, 60], "bare loop": [100, 100, 100]}),
        EnricherFigure(FRESHNESS, 0.7, {"p50": [0.3], "p99": [0.7]}),
    ]
    return through_json({"figures": [{**asdict(figure), "met": figure.met} for figure in figures]})


def store() -> Any:
    figure = StoreFigure("bytes a row", "bytes", 0.75, {"reference": [100, 100], "ocpp_log": [50, 60]}, {})
    return through_json({"figures": [{**asdict(figure), "applied": figure.applied, "value": figure.value, "met": figure.met}]})


def api() -> Any:
    alone = ApiFigure("latest, all", 8, ADDED, 10.0, 12.0, ((9.0, 11.0), (11.5, 12.5)))
    return through_json(Found([alone, ApiFigure("start view: page", 8, FIRST_BYTE, None, 50.0)], {}).as_json())


FOUND = {"gateway": gateway, "enricher": enricher, "store": store, "api": api}


def lines() -> list[Line]:
    return [line for name, found in FOUND.items() for line in READERS[name](found())]


def test_every_benchmark_has_a_reader() -> None:
    assert FOUND.keys() == READERS.keys()


def test_ours_the_references_the_bound_and_whether_it_is_met() -> None:
    table = as_text(lines())
    rows = [" ".join(row.split()) for row in table.splitlines()[1:]]
    assert rows == [
        "gateway throughput, frames/s 70 (50 to 75) 100 (90 to 120) ratio 0.7 >= 0.6 met",
        "gateway frames on Kafka, of those relayed, frames 10 10 missing 0 = 0 met",
        "enricher against bare loop, frames/s 50 (40 to 60) 100 ratio 0.5 >= 0.6 MISSED",
        "enricher freshness, s p99 0.7 <= 1.5 met",
        "store bytes a row, bytes 55 (50 to 60) 100 ratio 0.55 <= 0.75 met",
        "api latest, all, 8 callers, ms 12 (11.5 to 12.5) 10 (9 to 11) ratio 1.2 <= 1.3 met",
        "api start view: page, 8 callers, ms 50 <= 100 met",
    ]
    assert as_markdown(lines()).count("\n") == 2 + len(rows)


def test_the_screen_has_the_headlines_and_the_page_everything() -> None:
    assert [line.name for line in headlines(lines()) if line.benchmark == "api"] == []
    assert [line.name for line in headlines(lines()) if line.benchmark == "store"] == ["bytes a row"]
    assert len([line for line in headlines(lines()) if line.benchmark in ("gateway", "enricher")]) == 4


def test_large_figures_are_not_powers_of_ten() -> None:
    assert of([20384.2, 17090.0, 23660.0]).as_text() == "20,384 (17,090 to 23,660)"


def test_a_lost_frame_is_a_missed_bound() -> None:
    assert [line.met for line in READERS["gateway"](gateway(on_kafka=9))] == [True, False]


def runs(commit: str, *names: str) -> dict[str, Run]:
    return {name: Run(context() | {"commit": commit}, READERS[name](FOUND[name]())) for name in names or FOUND}


def test_the_summary_names_what_is_missed_and_what_broke_off() -> None:
    found = _summary(context(), True, runs("a"), ["store"])
    assert not found["met"]
    assert (
        found["summary"]
        == "quick, and too thin for some bounds: 6 of 7 bounds met; missed: enricher against bare loop, store broke off"
    )
    assert _summary(context(), False, runs("a", "gateway", "store", "api"), [])["met"]


def test_a_report_keeps_what_it_has_of_benchmarks_that_were_not_run(tmp_path: Path) -> None:
    report = tmp_path / "bench.json"
    assert _reported(report) == {}
    _write(report, _summary(context(), False, runs("old"), []))
    kept = _reported(report)
    assert {name: run.lines for name, run in kept.items()} == {name: run.lines for name, run in runs("old").items()}
    found = _summary(context(), False, kept | runs("new", "store"), [])
    assert found["commit"] == "old, new"
    assert {name: run["commit"] for name, run in found["runs"].items()} == dict.fromkeys(FOUND, "old") | {"store": "new"}
    assert [Line.from_json(line) for line in through_json(found["lines"])] == lines()
    _write(report, _summary(context(), True, runs("old"), []))
    assert _reported(report) == {}


def test_a_query_that_answers_other_rows_is_no_faster_one() -> None:
    samples = {"reference": [100.0], "ocpp_log": [50.0]}
    assert StoreFigure("a question", "ms", 1, samples, {"reference": 50, "ocpp_log": 50}).met
    other = StoreFigure("a question", "ms", 1, samples, {"reference": 50, "ocpp_log": 0})
    assert not other.met and "OTHER ROWS" in other.as_text()


def test_what_runs_it_again_is_said_without_paths_of_this_machine() -> None:
    command = context()["command"]
    assert command.startswith("python -m ") and str(Path(__file__).parents[3]) not in command


@pytest.mark.parametrize(("values", "expected"), [([3, 1, 2], (1, 3)), ([1, 2, 3, 4, 100], (2, 4)), ([7], (7, 7))])
def test_the_middle_half(values: list[float], expected: tuple[float, float]) -> None:
    assert quartiles(values) == expected


def test_the_page_shows_what_was_measured_and_says_what_was_not(tmp_path: Path) -> None:
    nothing = graphs.page(tmp_path)
    assert nothing[0].count("Not measured") == 4 and nothing[1] == {}
    curve = Curve("rate", "frames/s", "seconds", {"p50": [point(100, [0.1, 0.2, 0.3]), Point(200, 0.4, 0.4, 0.4)]}, "A note.")
    (tmp_path / "curves").mkdir()
    (tmp_path / "curves/rate.json").write_text(json.dumps({**context(), "quick": True, **curve.as_json()}))
    (tmp_path / "bench.json").write_text(json.dumps(_summary(context(), False, runs("a1b2c3d"), [])))
    assert graphs.main(["--directory", str(tmp_path)]) == 0
    page = (tmp_path / "benchmarks.md").read_text()
    assert "- store: " in page and "commit a1b2c3d" in page
    assert "](rate.svg)" in page and "A note." in page and "A quick run" in page and "| **" not in page
    assert "6 of 7 bounds met" in page and "| api | latest, all, 8 callers, ms | 12 (11.5 to 12.5) |" in page
    assert (tmp_path / "rate.svg").read_text().count("<circle") == 2
    assert not (tmp_path / "rows.svg").exists()


def test_a_curve_is_kept_as_json() -> None:
    curve = Curve("rows", "rows", "ms", {"a": [point(1, [1.0, 2.0])]}, "")
    assert Curve.from_json(through_json(curve.as_json())) == curve
