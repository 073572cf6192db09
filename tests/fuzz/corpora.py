"""What tests/corpus has, as seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Final

CORPUS: Final = Path(__file__).parents[1] / "corpus"
_LONGEST: Final = 4000


def frames() -> list[bytes]:
    return _of("frames")


def handshakes() -> list[bytes]:
    return _of("handshakes")


def _of(folder: str) -> list[bytes]:
    found = (path.read_bytes() for path in sorted((CORPUS / folder).iterdir()))
    return [data for data in found if len(data) <= _LONGEST]
