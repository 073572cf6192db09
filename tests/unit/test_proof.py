"""docs/proof/README.md says what the reports say, and names what exists."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from support import proof

MAKEFILE = (proof.ROOT / "Makefile").read_text()


def test_the_page_is_what_the_reports_say() -> None:
    assert proof.in_page() == proof.table(), "cd tests && python -m support.proof"


@pytest.mark.parametrize("promise", proof.PROMISES, ids=lambda promise: promise.text[:40])
def test_what_checks_a_promise_exists(promise: proof.Promise) -> None:
    assert promise.checks and all((proof.ROOT / "tests" / name).exists() for name in promise.checks)
    assert re.search(rf"^{promise.command.removeprefix('make ')}:", MAKEFILE, re.MULTILINE)


def test_every_command_of_the_page_exists() -> None:
    for target in re.findall(r"`(?:[A-Z_]+=\S+ )*make ([a-z-]+)", proof.PAGE.read_text()):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target


def told(directory: Path) -> dict[str, str]:
    """The last column, by the command."""
    rows = [row.split(" | ") for row in proof.table(directory).splitlines()[2:]]
    return {row[2].strip("`"): row[3].removesuffix(" |") for row in rows}


def test_the_last_result_is_that_of_the_report(tmp_path: Path) -> None:
    assert told(tmp_path)["make soak"] == "no report yet"
    found = {
        "date": "2026-11-25T12:00:00+00:00",
        "commit": "abc1234",
        "met": False,
        "summary": "missed: gateway RSS",
        "quick": True,
    }
    (tmp_path / "soak.json").write_text(json.dumps(found))
    assert told(tmp_path)["make soak"] == "**missed**: missed: gateway RSS (2026-11-25, abc1234, quick)"
    (tmp_path / "soak.json").write_text(json.dumps({**found, "met": True, "quick": False, "summary": "nothing lost"}))
    (tmp_path / "soak.md").touch()
    assert told(tmp_path)["make soak"] == "met: [nothing lost](soak.md) (2026-11-25, abc1234)"


def test_a_report_that_does_not_say_whether_it_is_met_is_refused(tmp_path: Path) -> None:
    (tmp_path / "soak.json").write_text(json.dumps({"date": "2026-11-25", "commit": "abc", "summary": "fine"}))
    with pytest.raises(ValueError, match=r"soak\.json lacks 'met'"):
        proof.table(tmp_path)
