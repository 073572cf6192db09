"""What `ocpplog-admin put` makes of its lines: JSON records of sites or chargers, each with its number in the input."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from ocpplog_common import record_changes, records
from ocpplog_common.admin import kafka
from ocpplog_common.level_changes import LevelChangeError
from ocpplog_common.record_changes import Records
from ocpplog_common.records import Charger, RecordError, Site
from ocpplog_common.settings import KafkaSettings


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    text: bytes


@dataclass(frozen=True, slots=True)
class _Known:
    """The newest records, with those of the lines before."""

    sites: dict[str, Site]
    chargers: dict[str, Charger]


def lines(data: bytes) -> list[Line]:
    return [Line(number, text) for number, text in enumerate(data.splitlines(), 1) if text.strip()]


async def sites(settings: KafkaSettings, found: Sequence[Line], who: str) -> int:
    """Write sites over those that are there (see `level_changes.put_over`), all or none; returns how many. Raises `RecordError`
    and `LevelChangeError`, which say the line, as `kafka.open_records`, and `record_writer.WriteFailed`."""
    wanted = [(line, _site(line)) for line in found]

    def decide(known: Records) -> list[Site]:
        now, newest = datetime.now(UTC), _Known(dict(known.sites), {})
        for line, site in wanted:
            with _of(line):
                changed = record_changes.put_site(newest, site, who=who, now=now, is_copy=_is_copy(line))
                newest.sites[site.site_id] = changed
        return [newest.sites[name] for name in dict.fromkeys(site.site_id for _, site in wanted)]

    async with kafka.open_records(settings) as known:
        return await known.writer.change(lambda: (decide(known), len(wanted)))


async def chargers(settings: KafkaSettings, found: Sequence[Line]) -> int:
    """Write chargers, of which what a line does not name stays as it is, and what it names with null is removed; all or none.
    Returns how many. Raises as `sites`."""
    wanted = [(line, _named(line)) for line in found]

    def decide(known: Records) -> list[Charger]:
        newest = _Known(dict(known.sites), dict(known.chargers))
        names = []
        for line, named in wanted:
            with _of(line):
                charger = _over(newest, named)
                newest.chargers[charger.charger_id] = charger
                names.append(charger.charger_id)
        return [newest.chargers[name] for name in dict.fromkeys(names)]

    async with kafka.open_records(settings) as known:
        return await known.writer.change(lambda: (decide(known), len(wanted)))


@contextlib.contextmanager
def _of(line: Line) -> Iterator[None]:
    try:
        yield
    except RecordError as error:
        raise RecordError(f"line {line.number}: {error}", error.field) from error
    except LevelChangeError as error:
        raise LevelChangeError(f"line {line.number}: {error}", error.field) from error


def _site(line: Line) -> Site:
    with _of(line):
        site = records.decode_site(line.text)
        records.check_fields(line.text, site)
        records.check_to_write(site)
        return site


def _is_copy(line: Line) -> bool:
    """Whether the line is a record of the topic: names its history, if only an empty one, or what older releases had for it."""
    return not {"history", "last_change"}.isdisjoint(msgspec.json.decode(line.text))


def _named(line: Line) -> dict[str, Any]:
    """The fields that the line names. What is wrong with them whatever is there is said before anything is asked of Kafka."""
    with _of(line):
        try:
            named: dict[str, Any] = msgspec.json.decode(line.text, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RecordError(f"Charger record: {error}") from error
        alone = records.decode_charger(_without_nulls({"site_id": ""} | named))
        records.check_fields(line.text, alone)
        records.check_to_write(alone)
        return named


def _over(known: Records, named: dict[str, Any]) -> Charger:
    charger_id = str(named["charger_id"])
    found = known.chargers.get(charger_id)
    if found is None and "site_id" not in named:
        raise RecordError(f"{charger_id}: site_id: a new charger needs its site", "site_id")
    fields = (msgspec.to_builtins(found) if found else {}) | named
    line = records.decode_charger(_without_nulls(fields))
    # The API keeps a key that a request does not name. Here null names it.
    return replace(record_changes.put_charger(known, line), password_hash=line.password_hash)


def _without_nulls(fields: dict[str, Any]) -> bytes:
    return msgspec.json.encode({name: value for name, value in fields.items() if value is not None})
