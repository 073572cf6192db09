"""What is compared, and with what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from benchmarks.api_calls import Call, Caller, Took, together
from benchmarks.api_requests import EXPORT, EXPORTED, FIRST_PAGES, LOGS, START_VIEW, Asked, unique_term
from benchmarks.api_rig import Api
from benchmarks.figures import median, percentile
from benchmarks.targets import Target

ADDED: Final = Target("added", "ratio", 1.3, False, "ms")
"""What a request takes, against the statements that it comes to."""
INDEXED: Final = Target("indexed", "ratio", 0.01, False, "ms")
"""A rare term over everything, against the same without an index."""
EXPORTED_CSV: Final = Target("export", "ratio", 2.0, False, "ms")
"""A file of 10,000 entries with all columns, against ClickHouse's own CSV of them."""
FIRST_BYTE: Final = Target("first byte", "p95", 100.0, False, "ms")
"""Of whatever the dashboard asks when it opens, by 8 callers."""
DEEP: Final = Target("deep page", "ratio", 1.3, False, "ms")
"""A page far back, against the first one."""
CALLERS: Final = 8
_FORMAT: Final = re.compile(rb"\bFORMAT\s+\w+\s*$", re.IGNORECASE)
_WORDS: Final = re.compile(rb"\bwords LIKE\b")


@dataclass(frozen=True, slots=True)
class Figure:
    """Milliseconds of the reference and of what is measured. `value`: their ratio, or `ours` where there is no reference."""

    name: str
    callers: int
    target: Target
    reference: float | None
    ours: float

    @property
    def value(self) -> float:
        return self.ours if self.reference is None else self.ours / self.reference

    @property
    def met(self) -> bool:
        return self.target.met(self.value)


class Measures:
    """`repetitions`: of a request alone; `seconds`: how long several callers ask for the same."""

    def __init__(self, api: Api, repetitions: int, seconds: float) -> None:
        self._api = api
        self._repetitions = repetitions
        self._seconds = seconds
        self._caller = Caller()

    def alone(self, asked: Asked) -> Figure:
        """The API and ClickHouse in turn, so that what the machine does besides concerns both."""
        pairs = self._pairs(asked)
        found: tuple[list[float], list[float]] = ([], [])
        for repetition in range(self._repetitions + len(pairs)):
            for samples, calls in zip(found, pairs[repetition % len(pairs)], strict=True):
                took = self._caller.take(calls)
                if repetition >= len(pairs):
                    samples.append(took.whole_s * 1000)
        return Figure(asked.name, 1, ADDED, *(median(samples) for samples in found))

    def crowd(self, asked: Asked) -> Figure:
        """So many at once: milliseconds for each answer that is given."""
        pairs = self._pairs(asked)
        found = [together([pair[side] for pair in pairs], CALLERS, self._seconds) for side in (0, 1)]
        return Figure(asked.name, CALLERS, ADDED, *(median([took.whole_s * 1000 for _, took in side]) for side in found))

    def first_bytes(self, routes: Sequence[str]) -> list[Figure]:
        view = [asked for asked in START_VIEW if not asked.path.startswith("/v1") or asked.path in routes]
        calls = [[self._api.call(asked.path, asked.variants[0])] for asked in view]
        self._caller.take([call for [call] in calls])
        found = together(calls, CALLERS, self._seconds * 3)
        return [
            Figure(
                f"start view: {asked.name}",
                CALLERS,
                FIRST_BYTE,
                None,
                percentile([took.first_byte_s * 1000 for variant, took in found if variant == number], 95),
            )
            for number, asked in enumerate(view)
        ]

    def export(self) -> Figure:
        """Against the last statement: the one that has the rows."""
        parameters = {"format": "csv", "truncate": "true"}
        statement = self._api.statements(EXPORT, parameters)[-1]
        own = replace(statement, body=_FORMAT.sub(b"FORMAT CSVWithNames", statement.body))
        found = [self._medians([calls]) for calls in ([own], [self._api.call(EXPORT, parameters)])]
        return Figure(f"export of {EXPORTED:,}, all", 1, EXPORTED_CSV, *found)

    def indexed(self) -> Figure:
        """Against the text itself, read without any index, once."""
        parameters = {"q": unique_term(self._api)}
        statement = self._api.statements(LOGS, parameters)[-1]
        path = re.sub(r"max_execution_time=[^&]*&?", "", statement.path)
        plain = replace(statement, path=f"{path}&use_skip_indexes=0", body=_WORDS.sub(b"search LIKE", statement.body))
        without = self._caller.take([plain]).whole_s * 1000
        return Figure("unique term, without the index", 1, INDEXED, without, self._medians([[self._api.call(LOGS, parameters)]]))

    def _medians(self, variants: Sequence[Sequence[Call]]) -> float:
        taken: list[Took] = [self._caller.take(calls) for _ in range(self._repetitions + 1) for calls in variants]
        return median([took.whole_s * 1000 for took in taken[len(variants) :]])

    def _pairs(self, asked: Asked) -> list[tuple[list[Call], list[Call]]]:
        """The statements and the request, of each variant."""
        return [
            (self._api.statements(asked.path, parameters), [self._api.call(asked.path, parameters)])
            for parameters in asked.variants
        ]


def deep(alone: Sequence[Figure]) -> list[Figure]:
    """Far pages against first ones, from what the API took for both."""
    ours = {figure.name: figure.ours for figure in alone}
    return [Figure(f"{name}: by the first", 1, DEEP, ours[first], ours[name]) for name, first in FIRST_PAGES.items()]
