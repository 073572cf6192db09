"""What the replay says: progress on standard error, counts at the end."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TextIO

from ocpplog_enricher.replay.span import show

_EVERY_S = 5.0


@dataclass(slots=True)
class Counts:
    """Of exchanges, but for `frames`, `unreadable` and `left`, which are of records on Kafka. `of_unknown_sites` by the site."""

    frames: int = 0
    exchanges: int = 0
    same: int = 0
    inserted: int = 0
    replaced: int = 0
    unwanted: int = 0
    refused: int = 0
    failed: int = 0
    unreadable: int = 0
    left: int = 0
    of_unknown_sites: Counter[str] = field(default_factory=Counter)

    def text(self, *, dry_run: bool, prune: bool) -> str:
        would, kept = ("to be " if dry_run else ""), "deleted" if prune and not dry_run else "kept"
        lines = [
            f"read: {self.frames} frames, {self.exchanges} exchanges that the log wants",
            f"same: {self.same}",
            f"{would}inserted: {self.inserted}",
            f"{would}replaced: {self.replaced}",
            f"no longer wanted: {self.unwanted} ({kept})",
            f"left to the live enricher: {self.left} frames",
        ]
        if self.of_unknown_sites:
            names = ", ".join(f"{name} {count}" for name, count in sorted(self.of_unknown_sites.items()))
            lines.append(
                f"of sites without a record: {self.of_unknown_sites.total()} not touched ({names}); --unknown-site SITE takes "
                "those of one, with RFID tags masked"
            )
        if self.unreadable:
            lines.append(f"no frames, see ocpp.dead-letter: {self.unreadable}")
        if self.refused:
            lines.append(f"refused by ClickHouse, not touched: {self.refused}")
        if self.failed:
            lines.append(f"not enriched for a reason of ours, not touched: {self.failed}")
        return "\n".join(lines)


class Progress:
    """Lines on `stream`, of how far it got no more often than every few seconds."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._next_s = time.monotonic() + _EVERY_S

    def say(self, text: str) -> None:
        print(f"replay: {text}", file=self._stream, flush=True)

    def at(self, partition: int, at_us: int, counts: Counts) -> None:
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + _EVERY_S
        done = f"{counts.same} same, {counts.inserted} inserted, {counts.replaced} replaced"
        self.say(f"partition {partition} at {show(at_us)}: {counts.frames} frames read; {done}")
