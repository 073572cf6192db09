"""What becomes of the samples; and that the reference is configured as the gateway is."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import bare_relay, messages
from benchmarks.figures import percentile
from benchmarks.parts import GATEWAY, REFERENCE, Outcome, Sample, outcome_of
from benchmarks.processes import CpuMeter, children, own_bytes
from benchmarks.report import Report, notes
from benchmarks.targets import ACCEPTS, LATENCY, MEMORY, THROUGHPUT, Target
from ocpplog_gateway.handshake import SUBPROTOCOLS
from ocpplog_gateway.settings import GatewaySettings


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (1, 1), (50, 50), (99, 99), (99.9, 100), (100, 100)])
def test_percentile(percent: float, value: int) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == value


@given(values=st.lists(st.floats(0, 1e6), min_size=1), percent=st.sampled_from([50, 90, 99, 99.9, 100]))
def test_so_many_are_not_above_the_percentile(values: list[float], percent: float) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= len(values) * percent / 100 - 1e-9
    assert sum(value < found for value in values) < len(values) * percent / 100


def test_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 99)


def samples(reference: list[float], gateway: list[float], **cpu: float) -> list[Sample]:
    values = {REFERENCE: reference, GATEWAY: gateway}
    return [Sample(relay, value, cpu, {"per_relay_cpu_s": 2 * value}) for relay, found in values.items() for value in found]


def test_ratio_of_medians() -> None:
    found = outcome_of(THROUGHPUT, samples([100, 1, 102], [61, 62, 500]))
    assert (found.reference, found.gateway, found.value, found.met) == (100, 62, 0.62, True)
    assert not outcome_of(THROUGHPUT, samples([100], [59])).met


def test_added_latency_is_the_difference() -> None:
    found = outcome_of(LATENCY, samples([2.0], [12.5]))
    assert (found.value, found.met) == (10.5, False)


@pytest.mark.parametrize(
    ("target", "met", "missed"), [(THROUGHPUT, 0.6, 0.59), (LATENCY, 10, 10.1), (MEMORY, 1.3, 1.31), (ACCEPTS, 0.5, 0.49)]
)
def test_bounds(target: Target, met: float, missed: float) -> None:
    assert target.met(met) and not target.met(missed)


def report(outcome: Outcome, failures: dict[str, str] | None = None, on_kafka: int = 10, changed: int = 0) -> Report:
    return Report([outcome], failures or {}, relayed=10, on_kafka=on_kafka, changed=changed)


def test_frames_lost_or_changed_fail_the_run() -> None:
    good = outcome_of(THROUGHPUT, samples([100], [90], client=0.1, others=0.0))
    assert report(good).met
    assert not report(good, on_kafka=9).met
    assert not report(good, on_kafka=11).met
    assert not report(good, changed=1).met
    assert not report(good, {"accepts": "4999 of 5000 accepted"}).met
    assert "FAILED: 4999 of 5000" in report(good, {"accepts": "4999 of 5000 accepted"}).as_text()
    assert report(good).as_json()["parts"]["throughput"]["value"] == 0.9


def test_says_when_something_else_was_the_bottleneck() -> None:
    assert notes(outcome_of(LATENCY, samples([100], [90], client=0.5, upstream=0.5, others=0.1))) == []
    said = notes(outcome_of(LATENCY, samples([100], [90], client=0.95, upstream=0.5, others=1.0)))
    assert len([note for note in said if "client" in note]) == 2
    assert len([note for note in said if "other processes" in note]) == 2


def test_says_what_a_frame_costs_the_relay() -> None:
    [said] = notes(outcome_of(THROUGHPUT, samples([100, 1], [80, 90])))
    assert said.endswith("reference 101, gateway 170, ratio 1.68")


def test_the_reference_is_configured_as_the_gateway_is() -> None:
    fields = GatewaySettings.model_fields
    assert fields["gateway_open_timeout_s"].default == bare_relay.OPEN_TIMEOUT_S
    assert fields["gateway_ping_interval_s"].default == bare_relay.PING_INTERVAL_S
    assert (fields["gateway_ping_timeout_s"].default or None) == bare_relay.PING_TIMEOUT_S
    assert fields["gateway_max_frame_bytes"].default == bare_relay.MAX_SIZE
    assert fields["gateway_backlog"].default == bare_relay.BACKLOG
    assert set(SUBPROTOCOLS) == set(bare_relay.SUBPROTOCOLS)


def test_calls_are_as_long_as_real_ones() -> None:
    lengths = [len(f'[2,"0000000001"{rest}') for rest in messages.CALLS]
    assert (min(lengths), max(lengths)) == (31, 912)


def test_knows_its_processes() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in children() and os.getpid() not in children()
        assert own_bytes(child.pid) > 100_000
        meter = CpuMeter({"child": child.pid})
        meter.start()
        meter.stop()
        assert meter.per_second.keys() == {"child", "others"}
        child.communicate(b"\n")
    assert child.pid not in children()
