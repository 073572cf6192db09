"""A gateway whose clock is as wrong as a file says, at any moment: `python -m faults.pipeline.clocked_gateway`.

The file OCPPLOG_TEST_CLOCK_FILE holds by how many seconds the clock is ahead; it may change while the gateway runs.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from ocpplog_gateway import __main__ as entry
from ocpplog_gateway import app

_FILE = Path(os.environ["OCPPLOG_TEST_CLOCK_FILE"])
_LOOK_EVERY_S = 0.05


class WrongClock:
    def __init__(self) -> None:
        self._ahead_us = 0
        self._looked_at = 0.0

    def now_us(self) -> int:
        if time.monotonic() - self._looked_at > _LOOK_EVERY_S:
            self._looked_at = time.monotonic()
            self._ahead_us = int(float(_FILE.read_text() or "0") * 1_000_000)
        return time.time_ns() // 1000 + self._ahead_us


if __name__ == "__main__":
    app.SystemClock = WrongClock  # type: ignore[assignment,attr-defined]
    sys.exit(entry.main())
