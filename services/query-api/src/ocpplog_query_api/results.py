"""ClickHouse's results, as rows. Pure: bytes in, values out.

As JSON, which msgspec reads: the client's own way hands each result to a thread and back, and takes twice as long for a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import msgspec

Row = dict[str, Any]
FORMAT: Final = "JSONCompact"
SETTINGS: Final = {
    "date_time_output_format": "iso",
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_named_tuples_as_objects": 0,
    # Text that is not UTF-8 would be no JSON.
    "output_format_json_validate_utf8": 1,
    # Else an error after the first bytes of a result would have to be found in it.
    "wait_end_of_query": 1,
}
"""What goes with a query whose result is read here."""
_TYPES: Final[dict[str, Any]] = {
    "DateTime": datetime,
    "DateTime64": datetime,
    "Date": date,
    "Date32": date,
    "UUID": UUID,
    # JSON has no NaN: it is null.
    "Float32": float | None,
    "Float64": float | None,
}


class _Column(msgspec.Struct):
    name: str
    type: str


class _Result(msgspec.Struct):
    meta: list[_Column]
    data: msgspec.Raw


_RESULT: Final = msgspec.json.Decoder(_Result)


def rows(content: bytes) -> list[Row]:
    """Of a result in FORMAT, with SETTINGS. Moments are aware, UTC. Raises msgspec.DecodeError."""
    found = _RESULT.decode(content)
    names = [column.name for column in found.meta]
    decoder = _decoder(tuple(column.type for column in found.meta))
    return [dict(zip(names, row, strict=True)) for row in decoder.decode(found.data)]


@lru_cache(maxsize=512)
def _decoder(types: tuple[str, ...]) -> msgspec.json.Decoder[list[tuple[Any, ...]]]:
    return msgspec.json.Decoder(list[_tuple(types)])  # type: ignore[misc]


def _type(name: str) -> Any:
    """What values of one of ClickHouse's types are read as. In a tuple, an element's name may stand before its type."""
    head, _, inner = name.removesuffix(")").partition("(")
    match head.split()[-1]:
        case "Nullable":
            return _type(inner) | None
        case "LowCardinality":
            return _type(inner)
        case "Array":
            return list[_type(inner)]  # type: ignore[misc]
        case "Tuple":
            return _tuple(_split(inner))
        case plain:
            return _TYPES.get(plain, Any)


def _tuple(types: Sequence[str]) -> Any:
    return tuple[tuple(map(_type, types))]  # type: ignore[misc]


def _split(text: str) -> list[str]:
    """At the commas that are in no brackets."""
    found, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and not depth:
            found.append("")
        else:
            found[-1] += character
    return found
