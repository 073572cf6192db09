"""Commands that other distributions bring to `ocpplog-admin`."""

from __future__ import annotations

import re
import shlex
from importlib import metadata
from pathlib import Path

import pytest

from ocpplog_common.admin.__main__ import _parser, main


def test_a_command_whose_distribution_is_missing_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(metadata, "entry_points", lambda **_: ())
    assert main(["replay", "--from", "2026-11-24T10:00:00Z", "--to", "2026-11-24T11:00:00Z", "--dry-run"]) == 1
    assert "comes with ocpplog-enricher, which is not installed here" in capsys.readouterr().err
    assert main(["replay"]) == 1


def test_what_is_installed_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["replay", "--help"])
    assert "--dry-run" in capsys.readouterr().out
    assert main(["replay", "--from", "2026-11-24T10:00:00Z", "--to", "2026-11-24T10:00:00Z"]) == 1
    assert "--from has to be before --to" in capsys.readouterr().err


def test_the_runbooks_commands_are_such() -> None:
    runbook = Path(__file__).parents[3] / "docs/runbook.md"
    commands = re.findall(r"^ocpplog-admin (replay .*)$", runbook.read_text(), re.MULTILINE)
    assert commands
    for command in commands:
        assert _parser().parse_args(shlex.split(command)).command == "replay"
    for option in re.findall(r"^\| `(--.*?)` \|", runbook.read_text(), re.MULTILINE):
        words = [word if " " in word else f"{word} x" for word in option.split("`, `")]
        words = ["--prune"] if option == "--prune" else words
        assert _parser().parse_args(["replay", "--from", "a", "--to", "b", *shlex.split(" ".join(words))])
