"""Rounds of combined faults. `make faults` runs many (FAULTS_ROUNDS, from FAULTS_SEED on); a failing seed is run again with
`FAULTS_SEED=... make faults FAULTS_ROUNDS=1`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from faults import report
from faults.fleet import Fleet
from faults.rig import rig
from faults.rounds import Round

pytestmark = pytest.mark.faults
ROUNDS = int(os.environ.get("FAULTS_ROUNDS", "1"))
FIRST = int(os.environ.get("FAULTS_SEED", "1"))


@pytest.mark.parametrize("seed", range(FIRST, FIRST + ROUNDS))
async def test_every_exchange_is_stored_once_whatever_happens(tmp_path: Path, seed: int) -> None:
    report.begin("enricher", seed)
    async with rig(tmp_path) as found, found.producer() as producer:
        fleet = Fleet(producer, seed)
        one = Round(found, seed, fleet)
        verdict = await one.run()
        told = f"seed {seed}: {len(fleet.expected.rows)} rows of {fleet.expected.frames} frames: {'; '.join(one.story)}"
        counts = {"frames sent": fleet.expected.frames, "rows": len(fleet.expected.rows), **verdict.counts()}
        shown = "right" if verdict.right else str(verdict)
        report.add("enricher", seed, "frames put on Kafka", one.story[1:], counts, shown, one.story)
        print(f"{told}: {verdict if not verdict.right else 'right'}", flush=True)
        assert verdict.right, f"FAULTS_SEED={seed}: {verdict}\n{told}\n{found.tail()}"
