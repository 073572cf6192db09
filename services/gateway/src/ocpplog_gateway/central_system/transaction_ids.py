"""Transaction ids of OCPP 1.6: positive, and of 31 bits, because chargers keep them in an int32.

The lower half counts, the upper half is drawn by lot while nobody can count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_HALF: Final = 2**30


def ticket(offset: int) -> int:
    """The id that belongs to a record's offset: 1 to 2^30 - 1, from the start again after as many."""
    return offset % (_HALF - 1) + 1


def fallback(random: Callable[[int], int]) -> int:
    """An id from 2^30 to 2^31 - 1. `random(n)`: one of 0 to n - 1, each as likely."""
    return _HALF + random(_HALF)
