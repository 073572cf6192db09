"""How a violation is put into words: `path: reason`, neither of them long, and not too many on a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MOST: Final = 10
"""Violations that one payload may list. A frame of 1 MiB could hold half a million."""
_LONGEST: Final = 40


def short(value: object) -> str:
    """The value as it is quoted: its first 40 characters."""
    return cut(repr(value), _LONGEST)


def cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + "…"


def path_of(violation: str) -> str:
    return violation.partition(": ")[0]


def first(found: Sequence[str], path: str) -> list[str]:
    """The first ten, and how many more there are."""
    return [*found[:MOST], *more(len(found) - MOST, path)]


def more(count: int, path: str) -> list[str]:
    return [f"{path}: and {count} more"] if count > 0 else []
