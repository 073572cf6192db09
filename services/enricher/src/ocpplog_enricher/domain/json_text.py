r"""JSON as bytes with places, so that a part can be cut out and every other byte stays as it was sent.

Nothing here parses into objects: they would lose duplicate keys, the digits of numbers and blanks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TOKENS: Final = (
    rb"(?P<string>" + _STRING + rb")(?P<colon>\s*+:)?+"
    rb"|(?P<open>[{\[])|(?P<close>[}\]])|(?P<scalar>[^\s,:{}\[\]\"]++)"
)
TOKEN: Final = re.compile(_TOKENS, re.DOTALL)
"""Of JSON that is well formed; `lastgroup` is colon for the name of a member, else string, open, close or scalar."""
LOOSE_TOKEN: Final = re.compile(_TOKENS + rb'|(?P<rest>".*+)', re.DOTALL)
"""Of anything; `rest` is a string that does not end."""
HEADER: Final = re.compile(
    rb"\s*\[\s*(?:[26]\s*,\s*STRING\s*,\s*STRING|[345]\s*,\s*STRING)\s*,".replace(b"STRING", _STRING), re.DOTALL
)
"""The elements of an OCPP-J frame before what its sender had to say."""

_UNIT: Final = re.compile(
    rb"[^\\]+|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|\\", re.DOTALL
)
_SHORT: Final = {b"\\b": b"\b", b"\\f": b"\f", b"\\n": b"\n", b"\\r": b"\r", b"\\t": b"\t"}
_RAW: Final = msgspec.json.Decoder(msgspec.Raw)


class Cut(NamedTuple):
    """What stands from `start` to before `end` is to be replaced."""

    start: int
    end: int
    by: bytes


def well_formed(data: bytes) -> bool:
    try:
        _RAW.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return True


def apply(data: bytes, cuts: Iterable[Cut]) -> bytes:
    """`data` with its cuts made; of cuts that overlap, the first one's replacement stands for all."""
    parts, at = [], 0
    for start, end, by in sorted(cuts, key=lambda cut: (cut.start, -cut.end)):
        if start >= at:
            parts += [data[at:start], by]
        at = max(at, end)
    return b"".join([*parts, data[at:]])


def unescape(raw: bytes) -> tuple[bytes, Sequence[int]]:
    """What is between the quotes of a string as the text that it means (UTF-8), and of each of its bytes, and of its end, the
    place in `raw`. Escapes without a meaning stand for themselves."""
    if b"\\" not in raw:
        return raw, range(len(raw) + 1)
    text, places = bytearray(), list[int]()
    for unit in _UNIT.finditer(raw):
        found, start = unit.group(), unit.start()
        meant = _meaning(found)
        places += range(start, unit.end()) if meant is found else [start] * len(meant)
        text += meant
    return bytes(text), [*places, len(raw)]


def _meaning(unit: bytes) -> bytes:
    if unit[:1] != b"\\" or len(unit) == 1:
        return unit
    if unit[1:2] != b"u" or len(unit) == 2:
        return _SHORT.get(unit, unit[1:])
    codes = [int(code, 16) for code in unit[2:].split(b"\\u")]
    return (
        b"".join(code.to_bytes(2, "little") for code in codes)
        .decode("utf-16-le", "surrogatepass")
        .encode("utf-8", "surrogatepass")
    )


def escaped(cuts: Iterable[Cut], offset: int, places: Sequence[int]) -> list[Cut]:
    """Cuts of a string's text as cuts of the document in which its content begins at `offset`."""
    return [
        Cut(offset + places[start], offset + places[end], by.replace(b"\\", b"\\\\").replace(b'"', b'\\"'))
        for start, end, by in cuts
    ]
