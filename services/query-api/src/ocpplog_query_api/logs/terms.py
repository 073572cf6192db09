"""How a term is looked for in the text of an entry."""

from __future__ import annotations

import re
from typing import Final

MESSAGE_ID_LENGTH: Final = 16
"""A term this long can be a message id, which is not part of the searched text."""
INDEXED_LENGTH: Final = 4
"""Letters and digits in a row that a term needs for the index to help: not all shorter ones are in it (`words` and `numbers` of
`ocpp_log`)."""
SUBPROTOCOLS: Final = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
_DIGITS: Final = re.compile(r"[0-9]{1,20}")
_RUN: Final = re.compile(rf"(?:[0-9A-Za-z]|[^\x00-\x7f]){{{INDEXED_LENGTH},}}")


def like_pattern(term: str) -> str:
    """A LIKE pattern that finds `term` anywhere, each of its characters standing for itself."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", term) + "%"


def indexed(term: str) -> list[str]:
    """The runs of letters and digits in `term` that the index can look up. What is not ASCII counts as a letter, as there."""
    return _RUN.findall(term)


def in_numbers(run: str) -> bool:
    """Whether a run can be part of what `numbers` of `ocpp_log` holds."""
    return _DIGITS.fullmatch(run) is not None


def subprotocols(term: str) -> list[str]:
    """Those that begin with `term`, from `ocpp` on: they stand in no payload."""
    return [name for name in SUBPROTOCOLS if len(term) >= len("ocpp") and name.startswith(term.lower())]
