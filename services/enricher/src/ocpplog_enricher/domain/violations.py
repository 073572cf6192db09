"""How a violation is put into words: `path: reason`, neither of them long, and not too many on a row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

MOST: Final = 10
"""Violations that one payload may list. A frame of 1 MiB could hold half a million."""
_LONGEST: Final = 40


def short(value: object) -> str:
    """The value as it is quoted: its first 40 characters."""
    try:
        return cut(repr(value), _LONGEST)
    except RecursionError:
        # What is nested about as deep as Python calls functions can be parsed and not be shown.
        return f"a {type(value).__name__} that is nested too deep"


def cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + "…"


KINDS: Final = ("frame", "message id", "action", "request", "response", "log")
_OF_FRAMES: Final = ("frame", "message id")


def kind_of(violation: str) -> str:
    """What it is about, one of `KINDS`: the frame itself, its message id or action, the payload of the request or the response
    (of an error: its parts), or what the log says of itself."""
    path = path_of(violation)
    # "request frame: ...": which of the two frames does not matter here.
    part = path.partition(" ")[2] if path.startswith(("request ", "response ")) else path
    if part in _OF_FRAMES:
        return part
    kind = re.split(r"[ .\[]", path, maxsplit=1)[0]
    return kind if kind in KINDS else "frame"


def path_of(violation: str) -> str:
    return violation.partition(": ")[0]


def first(found: Sequence[str], path: str) -> list[str]:
    """The first ten, and how many more there are."""
    return [*found[:MOST], *more(len(found) - MOST, path)]


def more(count: int, path: str) -> list[str]:
    return [f"{path}: and {count} more"] if count > 0 else []
