"""The report of rounds of faults, which workers write together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

_ROUND = """
from faults import report
for seed in range(10):
    report.add("enricher", seed, "calm", [], {"rows": 1}, "right", [])
"""


def test_rounds_of_all_workers_are_kept_as_one_run(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    env = os.environ | {
        "FAULTS_REPORT": str(file),
        "PYTEST_XDIST_TESTRUNUID": "one",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    workers = [subprocess.Popen([sys.executable, "-c", _ROUND], env=env) for _ in range(3)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    found = json.loads(file.read_text())
    [run] = found["runs"]
    assert sorted(one["seed"] for one in run["rounds"]) == sorted([*range(10)] * 3)
    assert found["summary"] == "30 rounds, 0 of them through the whole pipeline, none wrong"
    assert file.with_suffix(".md").read_text().count("| right |") == 30


def test_a_round_that_breaks_off_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    code = 'from faults import report\nreport.begin("pipeline", 1)\nreport.begin("pipeline", 2)\n'
    code += 'report.add("pipeline", 1, "calm", [], {"frames sent": 10, "undeclared within the promise": 2}, "right", [])'
    env = os.environ | {"FAULTS_REPORT": str(file), "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    found = json.loads(file.read_text())
    assert [(one["seed"], one["verdict"]) for one in found["runs"][0]["rounds"]] == [(1, "right"), (2, "did not finish")]
    assert found["met"] is False
    assert found["summary"] == (
        "2 rounds, 2 of them through the whole pipeline, 1 wrong; "
        "2 of 10 frames went with gateways that ended while Kafka was silent"
    )
