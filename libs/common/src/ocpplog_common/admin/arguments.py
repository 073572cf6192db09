"""What several commands read from their arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

_Parsed = TypeVar("_Parsed")


def argument(parse: Callable[[str], _Parsed]) -> Callable[[str], _Parsed]:
    """As argparse wants it, to show the reason of a ValueError."""

    def convert(text: str) -> _Parsed:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert
