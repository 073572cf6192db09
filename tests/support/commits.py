"""Which commit a report is of."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit(where: Path) -> str:
    """Twelve digits, and a `+` where there are changes besides. Reports are none: they come after what they tell of."""
    changes = _git(where, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/proof")
    return _git(where, "rev-parse", "--short=12", "HEAD") + ("+" if changes else "")


def _git(where: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=where, capture_output=True, text=True).stdout.strip()
