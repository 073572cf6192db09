"""What is compared, and with what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import httpx
from clickhouse_connect.driver import Client

from benchmarks import export
from benchmarks.api_calls import Call, Caller, Took, together
from benchmarks.api_requests import FIRST_PAGES, LOGS, Asked, start_view, unique_term
from benchmarks.api_rig import Api
from benchmarks.figures import median, percentile, quartiles
from benchmarks.targets import Target
from ocpplog_query_api.logs.search import Search

ADDED: Final = Target("added", "ratio", 1.3, False, "ms")
"""What a request takes, against the statements that it comes to."""
INDEXED: Final = Target("indexed", "ratio", 0.01, False, "ms")
"""A rare term over everything, against the same without an index."""
EXPORTED_CSV: Final = Target("export", "ratio", export.BOUND, False, "ms")
"""A file of 10,000 entries with all columns, against ClickHouse's own CSV of them."""
FIRST_BYTE: Final = Target("first byte", "p95", 100.0, False, "ms")
"""Of whatever the dashboard asks when it opens, by 8 callers."""
DEEP: Final = Target("deep page", "ratio", 1.3, False, "ms")
"""A page far back, against the first one."""
CALLERS: Final = 8
_ROUNDS: Final = 3
_WORDS: Final = re.compile(rb"\bwords LIKE\b")


@dataclass(frozen=True, slots=True)
class Figure:
    """Milliseconds of the reference and of what is measured. `value`: their ratio, or `ours` where there is no reference."""

    name: str
    callers: int
    target: Target
    reference: float | None
    ours: float
    spread: Sequence[tuple[float, float]] = ()
    """Of both: between which two the middle half lies."""

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
                self._caller.take([self._api.forgetting()])
                took = self._caller.take(calls)
                if repetition >= len(pairs):
                    samples.append(took.whole_s * 1000)
        return Figure(asked.name, 1, ADDED, median(found[0]), median(found[1]), _spread(found))

    def crowd(self, asked: Asked) -> Figure:
        """So many at once: milliseconds for each answer that is given."""
        pairs = self._pairs(asked)
        found: tuple[list[float], list[float]] = ([], [])
        # A turn of less than a second is a request of each caller, whatever its length: one of them is as good as three.
        rounds = _ROUNDS if self._seconds >= _ROUNDS else 1
        for _ in range(rounds):
            for side, samples in enumerate(found):
                taken = together([pair[side] for pair in pairs], CALLERS, self._seconds / rounds)
                samples += [took.whole_s * 1000 for _, took in taken]
        return Figure(asked.name, CALLERS, ADDED, median(found[0]), median(found[1]), _spread(found))

    def first_bytes(self) -> list[Figure]:
        """Of the requests that a browser makes one after the other, again and again; each caller begins with another one."""
        view = start_view(self._api)
        calls = [[self._api.shared_call(asked.path, asked.variants[0])] for asked in view]
        found = together(calls, CALLERS, self._seconds * 3)
        return [
            Figure(
                f"start view: {asked.name}", CALLERS, FIRST_BYTE, None, _first_byte([took for of, took in found if of == number])
            )
            for number, asked in enumerate(view)
        ]

    def exports(self) -> list[Figure]:
        headers = {"Authorization": f"Bearer {self._api.token}"}
        url = f"http://127.0.0.1:{self._api.direct_port}"
        with self._api.client(compress=False) as client, httpx.Client(base_url=url, headers=headers, timeout=600) as api:
            bench = export.Bench(client, api, self._api.database)
            found = [export.measure(bench, *one, self._repetitions, ["csv"]) for one in self._searches(client)]
        return [_exported(one) for one in found]

    def _searches(self, client: Client) -> list[tuple[str, Search]]:
        return list(export.searches(client, self._api.database).items())

    def indexed(self) -> Figure:
        """Against the text itself, read without any index, once."""
        parameters = {"q": unique_term(self._api)}
        statement = self._api.statements(LOGS, parameters)[-1]
        path = re.sub(r"max_execution_time=[^&]*&?", "", statement.path)
        plain = replace(statement, path=f"{path}&use_skip_indexes=0", body=_WORDS.sub(b"search LIKE", statement.body))
        without = self._caller.take([plain]).whole_s
        found = self.alone(Asked("", LOGS, [parameters]))
        return Figure("unique term, without the index", 1, INDEXED, without * 1000, found.ours)

    def _pairs(self, asked: Asked) -> list[tuple[list[Call], list[Call]]]:
        """The statements and the request, of each variant."""
        return [
            (self._api.statements(asked.path, parameters), [self._api.call(asked.path, parameters)])
            for parameters in asked.variants
        ]


def _exported(found: export.Figure) -> Figure:
    both = [[1000 * seconds for seconds in taken] for taken in (found.reference, found.exports["csv"])]
    return Figure(f"export of 10,000, {found.name}", 1, EXPORTED_CSV, median(both[0]), median(both[1]), _spread(both))


def _spread(samples: Sequence[Sequence[float]]) -> Sequence[tuple[float, float]]:
    return [quartiles(one) for one in samples]


def _first_byte(found: Sequence[Took]) -> float:
    return percentile([took.first_byte_s * 1000 for took in found], 95)


def deep(alone: Sequence[Figure]) -> list[Figure]:
    """Far pages against first ones, from what the API took for both."""
    ours = {figure.name: figure.ours for figure in alone}
    return [Figure(f"{name}: by the first", 1, DEEP, ours[first], ours[name]) for name, first in FIRST_PAGES.items()]
