"""Commands that other distributions bring to `ocpplog-admin`."""

from __future__ import annotations

from importlib import metadata

import pytest

from ocpplog_common.admin.__main__ import main


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
