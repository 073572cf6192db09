"""Choices out of the bytes of an input, so that a fuzzer that changes bytes changes choices.

Inputs stay readable: a choice is a letter, a text is a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")


class Source:
    """Reads an input from its beginning; where it ends, the first choice and nothing follow."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def choice(self, options: Sequence[_T]) -> _T:
        """By one byte: `a` is the first."""
        found = self._data[self._at : self._at + 1] or b"a"
        self._at += 1
        return options[(found[0] - ord("a")) % len(options)]

    def line(self) -> bytes:
        """Up to the next end of line, or the end."""
        line, _, _ = self._data[self._at :].partition(b"\n")
        self._at += len(line) + 1
        return line

    def rest(self) -> bytes:
        found = self._data[self._at :]
        self._at = len(self._data)
        return found

    def text(self) -> str:
        """The rest as text; bytes that are none are left as a JSON or HTTP parser would hand them on."""
        return self.rest().decode("utf-8", "replace")

    @property
    def left(self) -> bool:
        return self._at < len(self._data)
