"""What a site's record says about the rows of its exchanges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Policy:
    """`hide_tag`, given the text of an RFID tag (UTF-8), returns what stands for it, ASCII without quotes and backslashes; None:
    tags stay. `notes` are what the log itself has to say, and stand among the violations."""

    hide_tag: Callable[[bytes], str] | None = None
    notes: tuple[str, ...] = ()


AS_IT_IS: Final = Policy()
