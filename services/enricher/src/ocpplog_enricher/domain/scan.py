"""Finds what must not become part of a row: secrets, or RFID tags. A `Kind` says what they are and what stands in their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ocpplog_enricher.domain.json_text import HEADER, LOOSE_TOKEN, TOKEN, Cut, escaped, unescape, well_formed

_NAMES: Final = frozenset({b"key", b"name", b"variable"})
"""Members that name what is in the object."""
_VALUES: Final = frozenset({b"value", b"values", b"attributevalue", b"actualvalue"})
"""Members that hold what the object names. In reports, those of `variableAttribute`'s entries too."""
_ATTRIBUTES: Final = b"variableattribute"
_TYPE: Final = b"type"
_NOTHING: Final = frozenset({b"null", b"true", b"false", b'""', b"{}", b"[]", b'"***"'})
_MEANT_AS_JSON: Final = re.compile(rb'\s*"?\s*(?:\{|\[\s*[\[{"])')
_DEEPEST: Final = 8
"""JSON in a string in JSON in a string ...: below, everything is cut."""
MARK: Final = "***"
"""What stands where a secret was, as a text or within one; of a tag it can be a part."""
_CUT_WHOLE: Final = MARK.encode()


@dataclass(frozen=True, slots=True)
class Kind:
    """What is looked for. Names and texts come with their escapes resolved; `mark` is ASCII without quotes and backslashes.

    `whole`: an object or array under such a name is cut as one; else its values are, one by one.
    """

    may_hold: Callable[[bytes], bool]
    """Whether a text can hold one at all. Errs towards yes."""
    named: Callable[[bytes, bytes], bool]
    """(name of a member, name of what holds it, in lower case or empty) -> whether the member's value is one."""
    mentioned: Callable[[bytes], bool]
    """Whether a text that is not JSON names one."""
    in_prose: Callable[[bytes], Iterator[tuple[int, int]]]
    mark: Callable[[bytes], bytes]
    """What stands in the place of a text."""
    plain: frozenset[bytes]
    """Words, in lower case, that may stay of a text that is not well formed and names one."""
    is_name: Callable[[bytes], bool]
    """Whether a text is nothing but such a name: it stays where it is repeated."""
    whole: bool
    no_number: Callable[[bytes], bool] = lambda _: False
    """Whether a number that goes under this name is none, where `named` says that a text is one."""
    beside: frozenset[bytes] = frozenset()
    """Members, in lower case, that tell about one and are none."""
    of_type: frozenset[bytes] = frozenset()
    """Members, in lower case, that hold one where the `type` beside them is one of `types`."""
    types: frozenset[bytes] = frozenset()
    """In lower case."""


def find(data: bytes, kind: Kind, found: set[bytes], depth: int = 0) -> list[Cut]:
    """What has to be cut from a frame, or from JSON within a string. Adds the texts that are cut to `found`."""
    if depth > _DEEPEST:
        return [Cut(0, len(data), _CUT_WHOLE)]
    if well_formed(data):
        return _Scan(data, kind, found, depth).cuts()
    return list(_conservative(data, kind))


def content(token: bytes) -> bytes:
    """The text that a string means; of any other value, its own."""
    return unescape(token[1:-1])[0] if token[:1] == b'"' else token


def _conservative(data: bytes, kind: Kind) -> Iterator[Cut]:
    """Of a text that is not JSON: everything but its header, where it names one."""
    text, places = unescape(data)
    if not _mentioned(text, kind):
        yield from (Cut(places[start], places[end], kind.mark(text[start:end])) for start, end in kind.in_prose(text))
        return
    header = HEADER.match(data)
    for token in LOOSE_TOKEN.finditer(data, header.end() if header else 0):
        if token["string"] and unescape(token["string"][1:-1])[0].lower() not in kind.plain:
            yield Cut(*token.span("string"), b'"' + _CUT_WHOLE + b'"')
        elif (token["scalar"] and token["scalar"].lower() not in kind.plain) or token["rest"]:
            yield Cut(*token.span(), b'"' + _CUT_WHOLE if token["rest"] else _CUT_WHOLE)


def _mentioned(text: bytes, kind: Kind) -> bool:
    """JSON in a string may spell its names with escapes of its own."""
    for _ in range(_DEEPEST):
        if kind.mentioned(text):
            return True
        if b"\\" not in text:
            return False
        text, _places = unescape(text)
    return True


@dataclass(slots=True)
class _Container:
    """An object or array that is being read; `name` is that of the member whose value it is, in lower case."""

    start: int
    name: bytes
    wanted: bool
    names_one: bool = False
    numbers_too: bool = False
    """What it names is one, a number or not."""
    is_of_type: bool = False
    of_type: list[tuple[int, int]] = field(default_factory=list)
    values: list[tuple[int, int]] = field(default_factory=list)


class _Scan:
    """One pass over JSON that is well formed, without recursion: a value may come before its name."""

    def __init__(self, data: bytes, kind: Kind, found: set[bytes], depth: int) -> None:
        self._data, self._kind, self._texts, self._depth = data, kind, found, depth
        self._found: list[Cut] = []
        self._within: list[_Container] = [_Container(0, b"", False)]

    def cuts(self) -> list[Cut]:
        name = b""
        for token in TOKEN.finditer(self._data):
            if token.lastgroup == "colon":
                name = content(token["string"])
                continue
            if token.lastgroup == "open":
                self._within.append(_Container(token.start(), name.lower(), self._wanted(name)))
            elif token.lastgroup == "close":
                self._close(self._within.pop(), token.end())
            else:
                self._value(name, *token.span())
            name = b""
        return self._found

    def _wanted(self, name: bytes) -> bool:
        """Elements of a list are what the list is; so are an object's members, but for those that tell about it."""
        holder = self._within[-1]
        if name and self._kind.named(name, holder.name):
            return True
        return holder.wanted and not self._kind.whole and name.lower() not in self._kind.beside

    def _value(self, name: bytes, start: int, end: int) -> None:
        holder, member = self._within[-1], name.lower()
        if self._wanted(name) and not (self._is_number(start) and self._kind.no_number(name)):
            self._cut(start, end)
            return
        if member in _VALUES:
            holder.values.append((start, end))
        if member in self._kind.of_type:
            holder.of_type.append((start, end))
        if self._data[start] != ord('"'):
            return
        if member == _TYPE and content(self._data[start:end]).lower() in self._kind.types:
            holder.is_of_type = True
        if member in _NAMES and self._kind.named(named := content(self._data[start:end]), b""):
            holder.names_one = True
            holder.numbers_too |= not self._kind.no_number(named)
        self._look_inside(start + 1, end - 1)

    def _close(self, done: _Container, end: int) -> None:
        holder = self._within[-1]
        if done.wanted and self._kind.whole:
            self._cut(done.start, end)
        if done.names_one:
            for value in done.values:
                if done.numbers_too or not self._is_number(value[0]):
                    self._cut(*value)
        if done.is_of_type:
            for value in done.of_type:
                self._cut(*value)
        if done.name in _VALUES:
            holder.values.append((done.start, end))
        if done.name in _NAMES and done.names_one:
            holder.names_one = True
            holder.numbers_too |= done.numbers_too
        if done.name == _ATTRIBUTES or holder.name == _ATTRIBUTES:
            holder.values += done.values

    def _is_number(self, start: int) -> bool:
        return self._data[start] in b"-0123456789"

    def _cut(self, start: int, end: int) -> None:
        value = self._data[start:end]
        if value in _NOTHING:
            return
        if self._kind.whole:
            self._found.append(Cut(start, end, b'"' + self._kind.mark(value) + b'"'))
        for token in TOKEN.finditer(value):
            if token.lastgroup not in ("string", "scalar") or token.group() in _NOTHING:
                continue
            text = content(token.group())
            self._texts.add(text)
            if not self._kind.whole:
                self._found.append(Cut(start + token.start(), start + token.end(), b'"' + self._kind.mark(text) + b'"'))

    def _look_inside(self, start: int, end: int) -> None:
        raw = self._data[start:end]
        if not self._kind.may_hold(raw):
            return
        text, places = unescape(raw)
        if well_formed(text) or _MEANT_AS_JSON.match(text):
            found = find(text, self._kind, self._texts, self._depth + 1)
        else:
            found = [Cut(*span, self._kind.mark(text[slice(*span)])) for span in self._kind.in_prose(text)]
            self._texts.update(text[cut.start : cut.end].strip() for cut in found)
        self._found += escaped(found, start, places)
