"""Compares rows in ClickHouse, pages of the API and exports with what must be there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from clickhouse_connect.driver import Client

from faults.pipeline import columns, downloads
from faults.pipeline.downloads import Entry
from faults.pipeline.model import Row, Sample
from faults.pipeline.reader import Item, Reader
from faults.pipeline.scenarios import SITES
from faults.pipeline.topic import Name
from ocpplog_common.records import ConnectionEvent

_COLUMNS: Final = (
    "charger_id, site_id, source, action, outcome, request, response, gateway_id, toUnixTimestamp64Milli(datetime), latency_ms, "
    + ", ".join(columns.NAMES)
)


_SAMPLE_COLUMNS: Final = (
    "lower(hex(connection_id)), sequence, sample, "
    "measurand, value, phase, unit, intDiv(toUnixTimestamp64Micro(sampled_at), 1000000)"
)


@dataclass(slots=True)
class RowsVerdict:
    stored: int = 0
    missing: list[Name] = field(default_factory=list)
    doubled: list[Name] = field(default_factory=list)
    foreign: list[Name] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    out_of_scope: list[str] = field(default_factory=list)


Stored = dict[Name, tuple[Any, ...]]


class Event(NamedTuple):
    """Of a connection; `connection_id` is all zeros for a refusal without one."""

    kind: str
    charger: str
    site: str
    connection_id: str
    gateway: str
    from_charger: int
    from_csms: int

    @classmethod
    def of(cls, event: ConnectionEvent) -> Event:
        counts = (event.frames_from_charger or 0, event.frames_from_csms or 0)
        return cls(event.kind.value, event.charger_id, event.site_id, event.connection_id or "0" * 32, event.gateway_id, *counts)


def event_differences(told: Iterable[ConnectionEvent], stored: Counter[Event]) -> list[str]:
    """Each event that stands on Kafka is a row, once, however often it stands there."""
    wanted = Counter(Event.of(event) for event in set(told))
    absent, odd = wanted - stored, stored - wanted
    return [f"event without a row: {event}" for event in absent] + [f"event without a record: {event}" for event in odd]


class Store:
    """The log, as queries see it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def names(self) -> int:
        [(count,)] = self._client.query("SELECT uniqExact(connection_id, sequence) FROM ocpplog.ocpp_log").result_rows
        return int(count)

    def entries(self) -> list[Entry]:
        return downloads.stored(self._client)

    def events(self) -> Counter[Event]:
        wanted = "kind, charger_id, site_id, lower(hex(connection_id)), gateway_id, frames_from_charger, frames_from_csms"
        return Counter(Event(*row) for row in self._ask(wanted, "connection_event", "datetime"))

    def compare(self, expected: Mapping[Name, Row], tolerated: Iterable[Name]) -> tuple[RowsVerdict, Stored]:
        """`tolerated` may be there without being expected."""
        verdict = RowsVerdict()
        found = self._ask(f"lower(hex(connection_id)), sequence, {_COLUMNS}", "ocpp_log", "kafka_partition, kafka_offset")
        verdict.stored = len(found)
        verdict.doubled = [name for name, count in Counter((row[0], row[1]) for row in found).items() if count > 1]
        stored: Stored = {(row[0], row[1]): row[2:] for row in found}
        samples = self._samples(verdict)
        verdict.missing = [name for name, row in expected.items() if name not in stored and not row.optional]
        allowed = {*expected, *tolerated}
        verdict.foreign = [name for name in {*stored, *samples} if name not in allowed]
        for name, row in expected.items():
            if name in stored:
                verdict.problems += _differences(name, row, stored[name], samples.get(name, []))
        verdict.problems += _disordered(found)
        return verdict, stored

    def _samples(self, verdict: RowsVerdict) -> dict[Name, list[Sample]]:
        found = self._ask(_SAMPLE_COLUMNS, "meter_sample", "sample")
        places = Counter((row[0], row[1], row[2]) for row in found)
        verdict.doubled += [place[:2] for place, count in places.items() if count > 1]
        samples: dict[Name, list[Sample]] = {}
        for connection, sequence, _, *sample in found:
            samples.setdefault((connection, sequence), []).append(tuple(sample))
        return samples

    def _ask(self, wanted: str, table: str, order: str) -> list[tuple[Any, ...]]:
        rows = self._client.query(f"SELECT {wanted} FROM ocpplog.{table} ORDER BY {order}").result_rows
        return [tuple(row) for row in rows]


def _differences(name: Name, expected: Row, found: tuple[Any, ...], samples: list[Sample]) -> list[str]:
    charger, site, source, action, outcome, request, response, gateway, datetime_ms, latency_ms, *cells = found
    told = (charger, site, source, action, request, response, gateway, datetime_ms, latency_ms, samples, tuple(cells))
    wanted = (
        *(expected.charger, expected.site, expected.source, expected.action, expected.request, expected.response),
        *(expected.gateway, expected.datetime_ms, expected.latency_ms, expected.samples),
        columns.of(expected.action, expected.request, expected.response, outcome in ("result", "unmatched")),
    )
    if told == wanted and outcome in expected.outcomes:
        return []
    return [f"row {name}: expected {expected}, {wanted[-1]}; found {found} with {samples}"]


def _disordered(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """Rows stand in the order of the frames of each sender, by their place in the stream."""
    last: dict[tuple[str, bool, str], int] = {}
    problems = []
    for connection, sequence, _, _, source, _, outcome, *_ in rows:
        # The name of a gap, and of an answer without a request, is not of who asked.
        key = (connection, outcome == "unmatched", source)
        if outcome != "gap" and last.get(key, 0) > sequence:
            problems.append(f"row {(connection, sequence)}: out of order")
        last[key] = max(last.get(key, 0), sequence)
    return problems


async def through_the_api(reader: Reader, stored: Stored, entries: Sequence[Entry], verdict: RowsVerdict) -> None:
    """Pages and exports show each stored row once; to a token for one site, those of that site and nothing else."""
    for sites in (("*",), *((site.site_id,) for site in SITES)):
        wanted = {name: row for name, row in stored.items() if sites == ("*",) or row[1] in sites}
        pages = await reader.everything(*sites, order="desc" if sites == ("*",) else "asc")
        exported = await reader.exported(*sites)
        for what, items in (("pages", pages), ("export", exported)):
            _compare_items(f"{what} for {sites[0]}", items, wanted, verdict)
            verdict.out_of_scope += [item["id"] for item in items if sites != ("*",) and item["site_id"] not in sites]
        times = [item["datetime"] for item in pages]
        if times != sorted(times, reverse=sites == ("*",)):
            verdict.problems.append(f"pages for {sites[0]} are not in the order of time")
        mine = [entry for entry in entries if sites == ("*",) or entry.site in sites]
        # A workbook takes long to write and to read.
        for form in downloads.FORMS if sites == ("*",) else ("csv",):
            told = downloads.differences(form, await reader.download(form, *sites), mine)
            verdict.problems += [f"{form} for {sites[0]}: {one}" for one in told]


def _compare_items(what: str, items: Sequence[Item], wanted: Mapping[Name, tuple[Any, ...]], verdict: RowsVerdict) -> None:
    found = {_name(item["id"]): item for item in items}
    if len(found) != len(items):
        verdict.problems.append(f"{what}: {len(items)} entries of {len(found)} names")
    if found.keys() != wanted.keys():
        absent, odd = list(wanted.keys() - found.keys()), list(found.keys() - wanted.keys())
        verdict.problems.append(f"{what}: {len(absent)} absent, such as {absent[:2]}; {len(odd)} not stored, such as {odd[:2]}")
    for name in found.keys() & wanted.keys():
        item, row = found[name], wanted[name]
        told = tuple(item[key] or "" for key in ("charger_id", "site_id", "source", "action", "outcome", "request", "response"))
        if told != row[:7]:
            verdict.problems.append(f"{what}: {name} is {told}, stored as {row}")


def _name(entry_id: str) -> Name:
    """An entry's id is its time, connection and sequence (hex)."""
    _, connection_id, sequence = entry_id.split("-")
    return connection_id, int(sequence, 16)
