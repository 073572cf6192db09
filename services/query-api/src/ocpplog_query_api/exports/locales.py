"""What the spreadsheets of a language expect between columns, and in numbers."""

from __future__ import annotations

from typing import Final

SEPARATORS: Final = {"comma": ",", "semicolon": ";", "tab": "\t"}
_DECIMAL_COMMA: Final = frozenset(
    (
        *("af", "be", "bg", "bs", "ca", "cs", "da", "de", "el", "es", "et", "eu", "fi", "fr", "gl", "hr", "hu", "id", "is", "it"),
        *("kk", "lt", "lv", "mk", "nb", "nl", "nn", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "tr", "uk", "vi"),
    )
)
_DECIMAL_POINT: Final = frozenset(
    (
        *("de-ch", "de-li", "it-ch", "es-419", "es-cu", "es-do", "es-gt", "es-hn"),
        *("es-mx", "es-ni", "es-pa", "es-pe", "es-pr", "es-sv", "es-us"),
    )
)
"""Countries that differ from the rest of their language."""


def has_decimal_comma(accept_language: str) -> bool:
    """Whether the language wanted most (RFC 9110 section 12.5.4) writes 1,5: then columns are separated by semicolons."""
    wanted = []
    for place, item in enumerate(accept_language.split(",")):
        tag, *parameters = [part.strip().lower() for part in item.split(";")]
        wanted.append((-_quality(parameters), place, tag))
    tag = min(wanted)[2]
    return tag.split("-")[0] in _DECIMAL_COMMA and tag not in _DECIMAL_POINT


def _quality(parameters: list[str]) -> float:
    try:
        return next((float(text[2:]) for text in parameters if text.startswith("q=")), 1.0)
    except ValueError:
        return 0.0
