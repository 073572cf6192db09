"""What one end of a connection sent and received: kept so that a kill of the process that keeps it loses nothing."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Final

import msgspec

TAG: Final = re.compile(rb"(S\d+-\d+)\.(\d+)\.")
"""Every frame of the fleet holds its charger and which of its connections it is on: `S17-3.2.`, in the message id."""


class Line(msgspec.Struct, array_like=True, frozen=True):
    """A frame on connection number `visit` of a charger. `at_us`: when, in microseconds since 1970."""

    charger: str
    visit: int
    sent: bool
    at_us: int
    frame: bytes


class Journal:
    """A line is with the system once `write` returns: a kill of the process does not take it away."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, charger: str, visit: int, sent: bool, frame: bytes) -> None:
        line = Line(charger, visit, sent, time.time_ns() // 1000, frame)
        os.write(self._file, msgspec.json.encode(line) + b"\n")


def read(path: Path) -> list[Line]:
    return [msgspec.json.decode(line, type=Line) for line in path.read_bytes().splitlines()] if path.exists() else []


def place(frame: bytes) -> tuple[str, int] | None:
    """The charger and its connection that a frame of the fleet is of."""
    found = TAG.search(frame)
    return (found[1].decode(), int(found[2])) if found else None
