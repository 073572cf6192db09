"""The language of `q`.

    word            the entry has it, whole or as a part of a word, in any case
    "two words"     the entry has just this. A phrase ends with a quote before a blank or the end, so it may hold quotes: "a":"b",
                    "a": "b". Between the two, commas mean nothing: "two words", word
    -word -"..."    the entry does not have it
    field:value     the field has this value; field:"two words"; field:"": none. The same field again: or this value
    -field:value    the field does not have it

Nothing else is special. What begins with a field that does not exist is a word (`ws://x`, `12:30`), and so is what begins with
two dashes. In quotes, everything is text: "-5", "status:x". No phrase goes on over a quote that begins another term: behind a
blank that does not follow one of : , { [, or behind a sign or a field (`"a":1 "two words"`). Where no quote ends a phrase, what
holds another one is a word as it stands (`"a":1`), and what does not is refused: to take the rest for a phrase would be another
question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ocpplog_query_api.logs.search import COLUMN_OF, Match

MAX_TERMS: Final = 20
MAX_LENGTH: Final = 256
SOURCES: Final = ("charger", "csms")
_INSIDE: Final = r'(?<![^:,{\[]\s)(?<!\s-)(?<![A-Za-z_]:)"(?!,*(?:\s|$))'
"""A quote that neither ends a phrase nor begins a term."""
_PHRASE: Final = rf'"(?P<phrase>(?:[^"]|{_INSIDE})*+)",*(?=\s|$)'
_FIELD: Final = rf"(?P<field>(?ai:{'|'.join(COLUMN_OF)})):"
"""In any case of ASCII: in Unicode, ſite would be one."""
_TOKEN: Final = re.compile(rf"(?P<minus>-(?=[^\s-]))?(?:{_FIELD})?(?:{_PHRASE}|(?P<word>\S*))")
_NUMBER: Final = re.compile(r"-?[0-9]{1,12}")
_INT32: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Parsed:
    terms: Sequence[str]
    without: Sequence[str]
    matches: Sequence[Match]


def parse(text: str) -> Parsed:
    """Raises ValueError that says what is wrong."""
    terms: dict[bool, list[str]] = {False: [], True: []}
    fields: dict[tuple[str, bool], list[str]] = {}
    for token in _tokens(text):
        value = token["word"] if token["phrase"] is None else token["phrase"]
        if len(value) > MAX_LENGTH:
            raise ValueError(f"a term may have {MAX_LENGTH} characters at most")
        if token["phrase"] is None and value.startswith('"') and (token["field"] or value.count('"') == 1):
            raise ValueError(
                f"the quote in {token[0]} is not closed: a phrase ends with a quote before a blank or the end, with or without"
                ' a comma; to find a quote, write """'
            )
        excluded = token["minus"] is not None
        if token["field"]:
            if token["phrase"] is None and not value:
                raise ValueError(f'{token["field"]}: needs a value; to find this text, put it in quotes: "{token["field"]}:"')
            fields.setdefault((token["field"].lower(), excluded), []).append(value)
        elif value.strip():
            terms[excluded].append(value)
    found = [Match(COLUMN_OF[name], _values(name, values), negated) for (name, negated), values in fields.items()]
    return Parsed(terms[False], terms[True], found)


def connector(text: str) -> int | None:
    """The number of a connector, within those of 32 bits; None for `none`. Raises ValueError."""
    if text.lower() == "none":
        return None
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is neither a number nor `none`")
    return max(-_INT32 - 1, min(int(text), _INT32))


def _tokens(text: str) -> list[re.Match[str]]:
    found = [match for match in _TOKEN.finditer(text) if match[0]]
    if len(found) > MAX_TERMS:
        raise ValueError(f"{len(found)} terms, at most {MAX_TERMS}")
    return found


def _values(name: str, values: Sequence[str]) -> Sequence[str | int | None]:
    try:
        if name == "connector":
            return [connector(value or "none") for value in values]
        if name == "source":
            return [_source(value) for value in values]
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return values


def _source(value: str) -> str:
    if value.lower() not in SOURCES:
        raise ValueError(f"{value!r} is none of {', '.join(SOURCES)}")
    return value.lower()
