"""The tokens of ClickHouse's SQL: enough to find clauses without mistaking a string or a comment for one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    rb"""
      (?P<space>\s+ | --[^\n]* | \#[\ !][^\n]* | /\*.*?\*/)
    | (?P<text>'(?:[^'\\] | \\. | '')*' | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<name>`(?:[^`\\] | \\. | ``)*` | "(?:[^"\\] | \\. | "")*")
    | (?P<word>[A-Za-z_]\w*)
    | (?P<number>[0-9][\w.]*)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """`value` is upper-cased for a word and a sign, so that keywords compare; empty for anything quoted."""

    kind: str
    value: str
    start: int
    end: int
    depth: int
    """How many brackets are open around it."""


def tokens(sql: bytes) -> Iterator[Token]:
    """The tokens of a statement without white space and comments."""
    depth = 0
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or "sign"
        if kind == "space":
            continue
        if kind == "tag":
            kind = "text"
        value = match[0].decode("latin-1").upper() if kind in ("word", "sign") else ""
        if value in (")", "]", "}"):
            depth -= 1
        yield Token(kind, value, match.start(), match.end(), depth)
        if value in ("(", "[", "{"):
            depth += 1
