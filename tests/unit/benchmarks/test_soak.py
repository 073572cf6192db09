"""The soak's verdict sees a leak, and nothing but a leak."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import scraped
from benchmarks.soak.__main__ import maximum
from benchmarks.soak.quantities import MOST_PARTS, QUANTITIES
from benchmarks.soak.report import Report, report, series, write
from benchmarks.soak.run import Count, Found, Plan
from benchmarks.soak.sampling import of_process
from benchmarks.soak.verdict import AtMost, Flat, Series, judge, slope_an_hour

HOUR = Plan(frames_per_s=1000, seconds=3600, every_s=15, warm_up_s=900)
JUDGED = [name for name, quantity in QUANTITIES.items() if isinstance(quantity.rule, Flat)]
"""On the embedded broker: of latencies, Apache Kafka alone is judged."""


def over_an_hour(value: Callable[[float], float]) -> Series:
    at_s = [15.0 * number for number in range(240)]
    return Series(at_s, [value(at / 3600) for at in at_s])


def test_the_slope_is_that_of_a_line() -> None:
    assert slope_an_hour(over_an_hour(lambda hours: 7 + 3 * hours)) == pytest.approx(3)


def test_a_quarter_of_wild_samples_changes_nothing_much() -> None:
    chance = random.Random(1)
    found = over_an_hour(lambda hours: 100 + 3 * hours + chance.choice([0, 0, 0, 500]))
    assert slope_an_hour(found) == pytest.approx(3, abs=1)


def test_two_samples_of_one_moment_have_no_slope() -> None:
    with pytest.raises(ValueError):
        slope_an_hour(Series([1.0, 1.0], [1.0, 2.0]))


@pytest.mark.parametrize("leak", [13.0, 50.0])
def test_a_leak_is_seen_through_noise(leak: float) -> None:
    chance = random.Random(2)
    leaking = over_an_hour(lambda hours: 80 + leak * hours + chance.uniform(-2, 2))
    assert not Flat(floor=8).met(leaking)


def test_noise_is_no_leak() -> None:
    chance = random.Random(3)
    assert Flat(floor=8).met(over_an_hour(lambda _: 80 + chance.uniform(-10, 10)))
    assert Flat(floor=8).met(over_an_hour(lambda hours: 80 - 50 * hours))


def test_of_large_quantities_a_share_may_be_gained() -> None:
    assert Flat(floor=8).met(over_an_hour(lambda hours: 2000 + 19 * hours))
    assert not Flat(floor=8).met(over_an_hour(lambda hours: 2000 + 21 * hours))


def test_one_sample_above_the_limit_is_too_much() -> None:
    assert AtMost(5).met(over_an_hour(lambda _: 5))
    assert not AtMost(5).met(over_an_hour(lambda hours: 6 if hours == 0.5 else 5))


def test_the_warm_up_is_not_judged() -> None:
    found = over_an_hour(lambda hours: min(hours, 0.4) * 800 + hours)
    assert not Flat(floor=8, share=0).met(found) and Flat(floor=8).met(found.after(0.4 * 3600))


def test_too_few_samples_prove_nothing() -> None:
    assert judge("x", "MiB", Series([0.0], [1.0]), Flat(floor=8)).met is False
    assert judge("x", "MiB", Series([], []), "not judged").met is False
    some = Series([float(at) for at in range(20)], [1.0] * 20)
    assert judge("x", "MiB", some, Flat(floor=8), looks=20).met is True
    assert judge("x", "MiB", some, Flat(floor=8), looks=40).met is False


def test_the_maximum_is_the_highest_rate_within_the_bound(tmp_path: Path) -> None:
    file = tmp_path / "rate.json"
    assert maximum(file) == 0
    file.write_text(
        json.dumps({"lines": {"p99": [{"x": 100, "median": 0.5}, {"x": 900, "median": 1.4}, {"x": 999, "median": 1.6}]}})
    )
    assert maximum(file) == 900


def samples(**growth: float) -> list[dict[str, float]]:
    """A look every 15 s for an hour, all flat at 100 but what grows by so much an hour."""
    names = dict.fromkeys(QUANTITIES, 0.0) | growth
    return [
        {"at_s": 15.0 * number, **{name: 100 + a_hour * number / 240 for name, a_hour in names.items()}} for number in range(240)
    ]


def whole(found: Found) -> Report:
    return report({"commit": "abc"}, HOUR, False, found)


def found(**growth: float) -> Found:
    return Found(samples(**growth), [0.5] * 100, [Count("exchanges lost", 0, 0)])


def test_a_flat_run_is_met() -> None:
    assert whole(found()).met
    assert whole(found()).summary == "60 minutes at 1,000 frames/s: nothing lost, nothing grows; found within 0.50 s (p99)"


@pytest.mark.parametrize("name", JUDGED)
def test_whatever_leaks_fails_the_run_and_is_named(name: str) -> None:
    leaking = whole(found(**{name: 1000}))
    assert not leaking.met and f"missed: {name};" in leaking.summary


@pytest.mark.parametrize("name", JUDGED)
def test_what_is_not_sampled_fails_the_run(name: str) -> None:
    one = found()
    for sample in one.samples:
        del sample[name]
    assert not whole(one).met


def test_what_needs_a_long_warm_up_is_not_judged_in_a_short_run() -> None:
    growing = found(**{"ClickHouse descriptors": 1000})
    short = report({}, replace(HOUR, warm_up_s=300), True, growing)
    [one] = [finding for finding in short.findings if finding.name == "ClickHouse descriptors"]
    assert one.met is None and one.bound == "not judged: the warm-up has less than 10 minutes"


def test_too_many_parts_fail_the_run() -> None:
    assert not whole(found(**{"parts of the log": MOST_PARTS})).met


def test_what_is_lost_late_or_unread_fails_the_run() -> None:
    assert not whole(Found(samples(), [0.5], [Count("exchanges lost", 1, 0)])).met
    assert not whole(Found(samples(), [0.5], [])).met
    assert not whole(Found(samples(), [0.5] * 95 + [1.6] * 5, [Count("exchanges lost", 0, 0)])).met
    assert not whole(Found(samples(), [], [Count("exchanges lost", 0, 0)])).met
    assert not whole(Found(samples(), [0.5], [Count("exchanges lost", 0, 0)], ["Failed: 503"])).met


def test_the_report_is_written_with_its_page_and_graphs(tmp_path: Path) -> None:
    write(whole(found(**{"gateway RSS": 60})), tmp_path / "soak.json")
    kept = json.loads((tmp_path / "soak.json").read_text())
    assert kept["met"] is False and "gateway RSS" in kept["summary"]
    assert [sample["at_s"] for sample in kept["samples"]] == list(series(samples(), "lag").at_s)
    page = (tmp_path / "soak.md").read_text()
    assert "| +60 | 8 MiB more at most, or 1% an hour | **missed** |" in page
    for name in ("memory", "latency", "freshness"):
        assert f"(soak-{name}.svg)" in page and (tmp_path / f"soak-{name}.svg").read_text().startswith("<svg ")


def test_a_process_is_looked_at() -> None:
    before = of_process(os.getpid())
    assert before["RSS"] >= before["PSS"] > 1 and before["threads"] >= 1
    with Path("/proc/self/stat").open():
        assert of_process(os.getpid())["descriptors"] == before["descriptors"] + 1


def test_metrics_are_summed_over_their_labels_and_missing_ones_are_noticed() -> None:
    said = '# HELP lag x\nlag{partition="0"} 2.0\nlag{partition="1"} 3.0\nlag_of_others 7.0\n'
    assert scraped.total(said, "lag") == 5
    with pytest.raises(KeyError):
        scraped.total(said, "tasks")
