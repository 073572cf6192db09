"""Every input that is kept, through its target: seeds of fuzzers, and one of each finding. `make fuzz` looks for more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz import targets
from fuzz.source import Source

IN_THIS_PROCESS = sorted(set(targets.TARGETS) - {"exports"})


@pytest.mark.parametrize("name", IN_THIS_PROCESS)
def test_seeds(name: str) -> None:
    for data in targets.load(name).seeds():
        targets.load(name).check(data)


@pytest.mark.parametrize(
    ("name", "path"),
    [(name, path) for name in IN_THIS_PROCESS for path in targets.kept(name)],
    ids=lambda value: getattr(value, "name", value),
)
def test_what_was_found(name: str, path: Path) -> None:
    targets.load(name).check(path.read_bytes())


def test_exports() -> None:
    """In a process of its own: ClickHouse's engine stays in the one that loads it."""
    here = targets.HERE.parent
    environment = os.environ | {"PYTHONPATH": str(here)}
    command = [sys.executable, "-m", "fuzz.one", "exports", "--seeds", *map(str, targets.kept("exports"))]
    ended = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_every_target_has_an_oracle_that_can_fail() -> None:
    """What each of them must not take for right."""
    from fuzz import hidden, spreadsheets
    from fuzz.targets import frames, searches

    assert spreadsheets.is_run('\t"=1"') and spreadsheets.is_run("＠x") and not spreadsheets.is_run("-5.25")
    assert list(spreadsheets.mistaken('"a;=1"', ",")).count('=1"') == 1
    read = hidden.read(b'{"a":[{"key":"password","value":"x"}],"b":"{\\"password\\":[\\"y\\",1.50]}"}')
    assert list(hidden.secrets(read, lambda name, _: name == "password", frozenset())) == ["x", "y", "1.50"]
    assert not frames._is_frame([2, "1", "", {}]) and not frames._is_frame([True, "1", {}])
    assert searches._tokens('-status:"a b" --x') == [(True, "status", "a b"), (False, "", "--x")]
    assert [Source(b"bx\ny").choice("ab"), Source(b"x\ny").line(), Source(b"").rest()] == ["b", b"x", b""]
