"""Compares what ClickHouse has with what must be there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from clickhouse_connect.driver import Client

from faults.fleet import Expected, Row, RowName


@dataclass(slots=True)
class Verdict:
    missing: list[RowName] = field(default_factory=list)
    doubled: list[RowName] = field(default_factory=list)
    foreign: list[RowName] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    disordered: list[RowName] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    """What is wrong with the dead letters."""
    ends: list[str] = field(default_factory=list)
    """Enrichers that ended as they must not."""

    @property
    def right(self) -> bool:
        return not any(getattr(self, part) for part in _PARTS)

    def counts(self) -> dict[str, int]:
        """By the names that a report has for them."""
        found = {"missing rows": self.missing, "doubled rows": self.doubled, "foreign rows": self.foreign}
        scope = [one for one in self.differing if one.startswith("in another site's scope")]
        return {name: len(rows) for name, rows in found.items()} | {"in another site's scope": len(scope)}

    def __str__(self) -> str:
        return (
            ", ".join(f"{len(getattr(self, part))} {part}" for part in _PARTS)
            + "; the first: "
            + str([getattr(self, part)[:3] for part in _PARTS])
        )


_PARTS: Final = ("missing", "doubled", "foreign", "differing", "disordered", "letters", "ends")


def letter_differences(expected: Iterable[bytes], found: Iterable[bytes]) -> list[str]:
    """Each once at least: who is killed between putting one aside and saying so puts it aside again."""
    wanted, there = set(expected), set(found)
    return [f"not put aside: {one!r}" for one in wanted - there] + [f"put aside: {one!r}" for one in there - wanted]


class Log:
    """The rows of some chargers in both tables, as queries see them."""

    def __init__(self, client: Client, chargers: Mapping[str, str]) -> None:
        """`chargers`: and the site of each."""
        self._client, self._sites = client, chargers
        self._chargers = {"chargers": list(chargers)}

    def names(self) -> int:
        [(count,)] = self._ask("SELECT uniqExact(connection_id, sequence) FROM ocpplog.ocpp_log", "")
        return int(count)

    def compare(self, expected: Expected) -> Verdict:
        verdict = Verdict()
        stored, order = self._rows(verdict)
        samples = self._samples(verdict)
        verdict.missing = [name for name in expected.rows if name not in stored]
        verdict.foreign = [name for name in stored if name not in expected.rows]
        verdict.foreign += [name for name in samples if name not in expected.rows]
        for name, row in expected.rows.items():
            if name in stored:
                site, charger, outcome, action, request, response = stored[name]
                found = Row(charger, outcome, action, request, response, tuple(samples.get(name, ())))
                verdict.differing += _differences(name, row, found)
                if site != self._sites[row.charger_id]:
                    verdict.differing.append(f"in another site's scope: {name} of {row.charger_id}, {site}")
        verdict.disordered = _disordered(order)
        return verdict

    def _rows(self, verdict: Verdict) -> tuple[dict[RowName, tuple[str, ...]], list[tuple[RowName, str]]]:
        columns = "lower(hex(connection_id)), sequence, source, site_id, charger_id, outcome, action, request, response"
        found = self._ask(f"SELECT {columns} FROM ocpplog.ocpp_log", "ORDER BY kafka_partition, kafka_offset")
        names = Counter((row[0], row[1]) for row in found)
        verdict.doubled += [name for name, count in names.items() if count > 1]
        return {(row[0], row[1]): row[3:] for row in found}, [((row[0], row[1]), row[2]) for row in found]

    def _samples(self, verdict: Verdict) -> dict[RowName, list[tuple[str, float]]]:
        columns = "lower(hex(connection_id)), sequence, sample, measurand, value"
        found = self._ask(f"SELECT {columns} FROM ocpplog.meter_sample", "ORDER BY sample")
        samples: dict[RowName, list[tuple[str, float]]] = {}
        for connection, sequence, _, measurand, value in found:
            samples.setdefault((connection, sequence), []).append((measurand, value))
        places = Counter((row[0], row[1], row[2]) for row in found)
        verdict.doubled += [place[:2] for place, count in places.items() if count > 1]
        return samples

    def _ask(self, sql: str, order: str) -> list[tuple]:  # type: ignore[type-arg]
        where = " WHERE charger_id IN {chargers:Array(String)} "
        return [tuple(row) for row in self._client.query(sql + where + order, self._chargers).result_rows]


def _differences(name: RowName, expected: Row, found: Row) -> list[str]:
    same = (expected.charger_id, expected.action, expected.request, expected.response, expected.samples) == (
        *(found.charger_id, found.action, found.request, found.response),
        found.samples,
    )
    if same and found.outcome in expected.outcome.split("|"):
        return []
    return [f"{name}: expected {expected}, found {found}"]


def _disordered(order: list[tuple[RowName, str]]) -> list[RowName]:
    """Rows whose place in the stream is not that of their frame on its connection, of each sender apart."""
    last: dict[tuple[str, str], int] = {}
    wrong = []
    for (connection, sequence), source in order:
        if last.get((connection, source), 0) > sequence:
            wrong.append((connection, sequence))
        last[connection, source] = sequence
    return wrong
