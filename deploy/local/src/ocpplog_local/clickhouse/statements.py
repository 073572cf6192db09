"""What a request asks for: the statement, and for an INSERT where its data begins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_COMMENT: Final = rb"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
_INSERT: Final = re.compile(_COMMENT + rb"INSERT\s", re.IGNORECASE | re.DOTALL)
_INSERT_FORMAT: Final = re.compile(
    rb"(?P<head>" + _COMMENT + rb"INSERT\s(?:'(?:[^'\\]|\\.)*'|[^'])*?)\bFORMAT\s+(?P<format>\w+)[ \t\r]*;?[ \t\r]*\n?",
    re.IGNORECASE | re.DOTALL,
)
_SELECT: Final = re.compile(rb"\b(?:SELECT|VALUES)\b", re.IGNORECASE)
_FORMAT: Final = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_NO_RESULT: Final = re.compile(
    r"\s*(?:CREATE|ALTER|DROP|INSERT|SET|USE|TRUNCATE|OPTIMIZE|RENAME|SYSTEM|DELETE|UPDATE)\b", re.IGNORECASE
)

_SELECTS: Final = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(?:SELECT|WITH)\b", re.IGNORECASE | re.DOTALL)
_STREAMABLE: Final = frozenset({"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow"})
"""Formats without a head or foot, whose blocks can be sent one after the other."""


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT whose data follow at `data_at` (bytes from the beginning of URL query + body)."""

    statement: str
    format: str
    data_at: int


def find_insert(head: bytes) -> Insert | None:
    """The INSERT at the beginning of a request, if its data come in a FORMAT."""
    if not _INSERT.match(head):
        return None
    match = _INSERT_FORMAT.match(head)
    if match is None or _SELECT.search(match["head"]):
        return None
    return Insert(match["head"].decode(), match["format"].decode(), match.end())


def output_format(statement: str, default: str) -> str:
    """The format the result comes in; `default` where the statement names none."""
    match = _FORMAT.search(statement)
    return match[1] if match else default


def has_result(statement: str) -> bool:
    return not _NO_RESULT.match(statement)


def can_stream(statement: str, output: str) -> bool:
    return output in _STREAMABLE and _SELECTS.match(statement) is not None
