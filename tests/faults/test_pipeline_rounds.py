"""Rounds of faults through the whole pipeline. `make faults` runs many (FAULTS_ROUNDS, from FAULTS_SEED on); a failing seed is
run again with `FAULTS_SEED=... make faults FAULTS_ROUNDS=1`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from faults import report
from faults.pipeline.rig import pipeline
from faults.pipeline.round import Round

pytestmark = pytest.mark.faults
ROUNDS = int(os.environ.get("FAULTS_ROUNDS", "0"))
FIRST = int(os.environ.get("FAULTS_SEED", "1"))
_QUICK = (85, 90, 99, 118)
"""Where nobody says how many: short ones, with different faults."""
SEEDS = range(FIRST, FIRST + ROUNDS) if ROUNDS else _QUICK


@pytest.mark.parametrize("seed", SEEDS)
async def test_nothing_is_lost_doubled_or_shown_to_others(tmp_path: Path, seed: int) -> None:
    report.begin("pipeline", seed)
    async with pipeline(tmp_path, seed) as found:
        one = Round(found, seed)
        verdict = await one.run()
        story = "; ".join(one.story.lines)
        scenario, faults = found.fleet.scenario.name, one.story.names
        report.add("pipeline", seed, scenario, faults, verdict.counts, str(verdict), one.story.lines)
        print(f"seed {seed}: {story}\n{verdict.counts}\n{verdict}", flush=True)
        assert verdict.right, f"FAULTS_SEED={seed}\n{story}\n{verdict.counts}\n{verdict}\n{found.logs()}"
