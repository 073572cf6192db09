"""The words people search for."""

from __future__ import annotations

import re
from typing import Final

MAX_TERMS: Final = 20
MAX_LENGTH: Final = 256
MESSAGE_ID_LENGTH: Final = 16
"""A term this long can be a message id, which is not part of the searched text."""
INDEXED_LENGTH: Final = 4
"""Letters and digits in a row that a term needs for the index to help: not all shorter ones are in it (`words` of `ocpp_log`)."""
_RUN: Final = re.compile(rf"(?:[0-9A-Za-z]|[^\x00-\x7f]){{{INDEXED_LENGTH},}}")
_TERM: Final = re.compile(r'"([^"]*)"?|(\S+)')


def split(text: str) -> list[str]:
    """The terms of a search: words, and "quoted phrases". Raises ValueError for too many or too long ones."""
    found = [quoted or word for quoted, word in _TERM.findall(text)]
    terms = [term for term in found if term.strip()]
    if len(terms) > MAX_TERMS:
        raise ValueError(f"{len(terms)} terms, at most {MAX_TERMS}")
    if any(len(term) > MAX_LENGTH for term in terms):
        raise ValueError(f"a term may have {MAX_LENGTH} characters at most")
    return terms


def like_pattern(term: str) -> str:
    """A LIKE pattern that finds `term` anywhere, each of its characters standing for itself."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", term) + "%"


def indexed(term: str) -> list[str]:
    """The runs of letters and digits in `term` that the index can look up. What is not ASCII counts as a letter, as there."""
    return _RUN.findall(term)
