"""Where a value stands that follows its name in a text that is no JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

END_TAG: Final = rb"</[\w.:-]{1,80}>"
"""What follows one is no value of its name: goes before all else that is looked for."""
_MOST: Final = rb"{1,1024}+"
"""So far an end is looked for: no text takes longer than its length deserves."""


def spans(pattern: re.Pattern[bytes], text: bytes) -> Iterator[tuple[int, int]]:
    """Where the named groups of a pattern stand, of which each alternative has one, but for END_TAG."""
    for found in pattern.finditer(text):
        if found.lastgroup:
            yield found.span(found.lastgroup)


def value(further: bytes = b"(?!)") -> bytes:
    """A pattern for what comes after a name; its named groups are the value. `further` is one more form of a bare value.

    `name=value`, `name: value`, `<name>value</name>`, `"name" value="value"`. What begins with a quote goes to the next one,
    what begins with a tag's end to the next tag; bare, to the first blank or delimiter.
    """
    forms = (
        rb"""[\"']\s{1,8}value\s{0,8}=\s{0,8}(?:\"(?P<attribute>[^\"]MOST)|'(?P<attribute_>[^']MOST))""",
        rb"""[\"']?\s{0,8}>\s{0,8}(?:<!\[CDATA\[(?P<cdata>(?:[^\]]|\](?!\]>))MOST)|(?P<element>[^<]MOST)(?=<))""",
        rb"""\\{0,8}[\"']?\s{0,8}[=:>]\s{0,8}(?:"""
        rb"""\"(?P<quoted>[^\"]MOST)(?=\")|'(?P<quoted_>[^']MOST)(?=')|\\{1,8}[\"'](?P<escaped>[^\\\"']MOST)"""
        rb"""|(?P<further>FURTHER)|[\"']?(?P<bare>[^\s\"'&,;<}\]]+))""",
    )
    return b"(?:" + b"|".join(forms).replace(b"MOST", _MOST).replace(b"FURTHER", further) + b")"
