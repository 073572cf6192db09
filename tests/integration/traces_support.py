"""What the tests of traces share: what ClickHouse was asked within which trace, and lines of a service's log."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.faulty_proxy import PASS, Asked, Fault, FaultyProxy, Kind

_TRACEPARENT = re.compile(rb"\r\ntraceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-0[13]\r\n", re.IGNORECASE)


@dataclass
class Recorded:
    """Statements that ClickHouse was sent, each with its trace and the span that it belongs to, if it came with one."""

    proxy: FaultyProxy
    asked: list[tuple[str, tuple[str, str] | None]] = field(default_factory=list)
    fail_inserts: int = 0

    def __post_init__(self) -> None:
        self.proxy.choose = self._choose

    def _choose(self, asked: Asked) -> Fault:
        found = _TRACEPARENT.search(asked.head)
        self.asked.append((asked.statement, (found[1].decode(), found[2].decode()) if found else None))
        if asked.table and self.fail_inserts:
            self.fail_inserts -= 1
            return Fault(Kind.ANSWER, code=241)
        return PASS

    def traces(self) -> set[tuple[str, str]]:
        return {trace for _, trace in self.asked if trace}

    def within(self, words: str) -> list[tuple[str, str] | None]:
        return [trace for statement, trace in self.asked if words in statement]


def lines(log: Path, event: str) -> list[dict[str, Any]]:
    return [line for line in map(_json, log.read_text().splitlines()) if line.get("event") == event]


def _json(text: str) -> dict[str, Any]:
    found = json.loads(text) if text.startswith("{") else {}
    assert isinstance(found, dict)
    return found
