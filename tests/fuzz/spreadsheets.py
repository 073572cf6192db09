"""What a spreadsheet makes of a line of a file: its cells, by whatever separator, and whether one would be run."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Final

SEPARATORS: Final = (",", ";", "\t", "|")
_RUN: Final = "=+-@＝＋－＠"
_DROPPED: Final = "\t\r\n\0"
"""OWASP, CSV injection: what begins a cell that is run, and what is dropped by spreadsheets before they look at the next."""
_NUMBER: Final = re.compile(r"-?[0-9]+([.][0-9]+)?", re.ASCII)


def is_run(cell: str) -> bool:
    """Blanks and quotes before it do not help, nor what spreadsheets drop."""
    seen = cell.strip(' "' + _DROPPED)
    return seen[:1] in set(_RUN) and not _NUMBER.fullmatch(seen)


def cells(line: str, separator: str) -> list[str]:
    """As a file of that separator has them (RFC 4180). Raises csv.Error for what is none."""
    [row] = csv.reader(io.StringIO(line, newline=""), delimiter=separator, strict=True)
    return row


def mistaken(line: str, separator: str) -> Iterator[str]:
    """The cells that other separators make of it, by a program that takes a quote for a letter, or ends cells with lines."""
    for other in SEPARATORS:
        if other != separator:
            for row in re.split(r"[\r\n]+", line):
                yield from row.split(other)


def guarded(text: str, separator: str) -> str:
    """What is to stand in the cell for a text, said otherwise than in SQL: letter by letter."""
    if _NUMBER.fullmatch(text):
        return text
    found, at_begin = [], True
    dropped = ' "\0' + "\t" * (separator == "\t")
    for place, letter in enumerate(text):
        splits = letter in ",;\t|\r\n" and letter != separator
        rest = text[place:].lstrip(dropped if place else ' "')[:1]
        if at_begin and rest and rest in (_RUN if place else _RUN + _DROPPED):
            found.append("'")
        found.append(letter)
        at_begin = splits
    return "".join(found)
