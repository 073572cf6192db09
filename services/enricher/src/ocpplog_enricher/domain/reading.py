"""Reads fields of a payload. What is absent (or null) is empty; what is there and cannot be read is empty and noted."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from ocpplog_enricher.domain.violations import short

_Parsed = TypeVar("_Parsed")
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INT32: Final = range(-(2**31), 2**31)
_EXACT: Final = 2**53 - 1
"""Up to here, a float is one integer's alone."""
_MOST_DIGITS: Final = 400
"""An integer of more digits is beyond what a float holds (309), and Python reads no more than 4,300."""


class Reader(msgspec.Struct, frozen=True):
    """An object of a payload that stands at `path`. `violations` is added to."""

    value: dict[str, Any]
    path: str
    violations: list[str]

    def text(self, name: str) -> str:
        value = self.value.get(name)
        if value is None or isinstance(value, str):
            return value or ""
        self.note(name, f"expected text, got {short(value)}")
        return ""

    def read(self, name: str, parse: Callable[[object], _Parsed]) -> _Parsed | None:
        """What `parse` makes of the field. Its ValueError says why it is left empty."""
        value = self.value.get(name)
        if value is None:
            return None
        try:
            return parse(value)
        except ValueError as error:
            self.note(name, str(error))
            return None

    def inner(self, name: str) -> Reader:
        """An object within, empty where there is none."""
        value = self.value.get(name)
        return _ABSENT if value is None else self._item(name, value)

    def at(self, path: tuple[str, ...]) -> Reader:
        found = self
        for name in path:
            found = found.inner(name)
        return found

    def items(self, name: str) -> list[Reader]:
        """The objects of a list within."""
        value = self.value.get(name)
        if value is not None and not isinstance(value, list):
            self.note(name, f"expected a list, got {short(value)}")
        return [self._item(f"{name}[{i}]", item) for i, item in enumerate(value if isinstance(value, list) else [])]

    def _item(self, name: str, value: object) -> Reader:
        if not isinstance(value, dict):
            self.note(name, f"expected an object, got {short(value)}")
        return Reader(value if isinstance(value, dict) else {}, f"{self.path}.{name}", self.violations)

    def note(self, name: str, reason: str) -> None:
        self.violations.append(f"{self.path}.{name}: {reason}")


_ABSENT: Final = Reader({}, "", [])
"""Of what is not there nothing is noted."""


def decode(data: bytes) -> object:
    """The JSON in `data`. A number that no float holds is infinity, and reads as out of range where it stands: it is no reason to
    lose the other fields. Raises what msgspec.json.decode raises."""
    try:
        return msgspec.json.decode(data)
    except msgspec.ValidationError:
        found = json.loads(data.decode(), parse_int=_integer, strict=False)
        msgspec.json.encode(found)  # refuses what is no text, as the decoder does
        return found


def number(value: object) -> float:
    """The number that `value` spells: a JSON number, or text as OCPP 1.6 sends it. Raises ValueError that says why not."""
    found: float | None = None
    if isinstance(value, str):
        found = _spelled(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = _as_float(value)
    if found is None:
        raise ValueError(f"{short(value)} is not a number")
    if not math.isfinite(found):
        raise ValueError(f"{short(value)} is out of range")
    return found


def _spelled(text: str) -> float | None:
    """None for what Python's float takes besides: underscores, digits of other scripts, words. It is asked first: it is quick."""
    try:
        found = float(text)
    except ValueError:
        return None
    plain = math.isfinite(found) and text.isascii() and "_" not in text
    return found if plain or _NUMBER.fullmatch(text.strip()) else None


def connector(value: object) -> int:
    """Text is none: connector ids are integers in every version. 1.0 is one, as JSON has no other numbers."""
    found = int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(found, int) and not isinstance(found, bool) and found in _INT32:
        return found
    raise ValueError(f"{short(value)} is not a connector number")


def identifier(value: object) -> str:
    """An integer in OCPP 1.6, of up to 64 bits from some; text in 2.x. 4711.0 is 4711, as JSON has no other numbers; beyond 2^53
    it may have been another number before it was a fraction."""
    found = int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT else value
    if isinstance(found, int | str) and not isinstance(found, bool):
        return str(found)
    raise ValueError(f"{short(value)} is not an id")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else math.inf


def _as_float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf
