"""A slow reader of JSON that knows what has to be hidden: it goes by the parsed document, where the product goes by bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

Named = Callable[[str, str], bool]
"""(name, name of what holds it, in lower case) -> whether the value is to be hidden."""
_NAMES: Final = ("key", "name", "variable")
_VALUES: Final = ("value", "values", "attributevalue", "actualvalue")
_DEEPEST: Final = 6


class Pairs(list[tuple[str, Any]]):
    """An object with its members as they stood, doubles too."""


class Scalar(str):
    """A number as it was spelled."""


def read(data: bytes) -> Any:
    """Raises ValueError and RecursionError."""
    return json.loads(data.decode(), object_pairs_hook=Pairs, parse_int=Scalar, parse_float=Scalar, parse_constant=_refuse)


def texts(found: Any) -> Iterator[str]:
    """All of a document's values and names."""
    if isinstance(found, str):
        yield str(found)
    elif isinstance(found, Pairs):
        for name, value in found:
            yield name
            yield from texts(value)
    elif isinstance(found, list):
        for item in found:
            yield from texts(item)


def values(found: Any, beside: frozenset[str]) -> Iterator[str]:
    """Those that are hidden with what holds them."""
    if isinstance(found, str):
        yield str(found)
    for name, value in found if isinstance(found, Pairs) else ():
        if name.lower() not in beside:
            yield from values(value, beside)
    if isinstance(found, list) and not isinstance(found, Pairs):
        for item in found:
            yield from values(item, beside)


def secrets(found: Any, named: Named, beside: frozenset[str], holder: str = "", depth: int = 0) -> Iterator[str]:
    """The texts that must not be seen: under a name, or beside it; in JSON within strings too."""
    if isinstance(found, Pairs):
        names_one = any(_names_one(name, value, named) for name, value in found)
        for name, value in found:
            if named(name, holder) or (names_one and name.lower() in _VALUES):
                yield from values(value, beside)
            else:
                yield from secrets(value, named, beside, name.lower(), depth)
    elif isinstance(found, list):
        for item in found:
            yield from secrets(item, named, beside, holder, depth)
    elif isinstance(found, str) and not isinstance(found, Scalar) and depth < _DEEPEST:
        try:
            inner = read(found.encode())
        except (ValueError, RecursionError):
            return
        if isinstance(inner, list):
            yield from secrets(inner, named, beside, "", depth + 1)


def _names_one(name: str, value: Any, named: Named) -> bool:
    if name.lower() not in _NAMES:
        return False
    if isinstance(value, Pairs):
        return any(_names_one(inner, one, named) for inner, one in value)
    return isinstance(value, str) and not isinstance(value, Scalar) and named(value, "")


def _refuse(name: str) -> Any:
    raise ValueError(name)
