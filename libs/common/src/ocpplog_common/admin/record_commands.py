"""Commands of `ocpplog-admin` for the records of sites and chargers: what the query API's writes do, for ops."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

from msgspec.structs import replace

from ocpplog_common import moments, record_changes, records, topics
from ocpplog_common.admin import kafka, levels, put
from ocpplog_common.admin.arguments import argument
from ocpplog_common.admin.kafka import OpenRecords
from ocpplog_common.record_changes import Removal
from ocpplog_common.record_writer import Write
from ocpplog_common.records import Charger, Connectivity, IdTags, LevelName, MissingSubprotocol, Site
from ocpplog_common.settings import KafkaSettings

_Record = TypeVar("_Record", Site, Charger)
_Commands: TypeAlias = "argparse._SubParsersAction[Any]"


def add_to(commands: _Commands) -> None:
    command = commands.add_parser(
        "put",
        help="write sites and chargers, one JSON record a line, from standard input",
        description="A site that is there keeps its level and their history; a level that a line names is a change of it; all "
        "else is as the line says. A charger that is there keeps what its line does not name, its key too; null removes what it "
        "names. Sites come before their chargers. All lines are written, or none.",
    )
    command.add_argument("kind", choices=["sites", "chargers"])
    command.set_defaults(run=_put)
    _add_level(commands)
    _add_site(commands)
    _add_charger(commands)


def _add_level(commands: _Commands) -> None:
    command = commands.add_parser("level", help="change the log level of a site")
    command.add_argument("site", help="site id")
    command.add_argument("level", choices=[*LevelName, levels.DEFAULT], help="default: that of the site's connectivity")
    expiry = command.add_mutually_exclusive_group()
    expiry.add_argument("--until", type=argument(moments.parse_moment), help="when it ends, with its zone: 2026-11-24T18:00Z")
    expiry.add_argument("--for", dest="duration", type=argument(moments.parse_duration), help="how long it lasts: 90m, 2h, 1d12h")
    command.add_argument("--why", required=True, help="kept with the change")
    command.add_argument("--who", default="", help="kept with the change (default: the user of this shell)")
    command.set_defaults(run=_level)


def _add_site(commands: _Commands) -> None:
    kinds = commands.add_parser("site", help="list, create, update and remove sites").add_subparsers(dest="does", required=True)
    kinds.add_parser("list", help="print all, as `put sites` takes them").set_defaults(run=_list_sites)
    command = kinds.add_parser("set", help="create a site, or update what is named of it")
    command.add_argument("id")
    _add_options(command, "name", "upstream", "upstream_credentials")
    command.add_argument("--connectivity", type=Connectivity, choices=list(Connectivity), default=argparse.SUPPRESS)
    command.add_argument("--id-tags", type=IdTags, choices=list(IdTags), default=argparse.SUPPRESS)
    command.add_argument("--retention-days", type=_days, default=argparse.SUPPRESS, help="1 to 3650; 0: as the enricher says")
    command.set_defaults(run=_set_site)
    command = kinds.add_parser("remove", help="remove a site to which no charger belongs; its rows stay")
    command.add_argument("id")
    command.set_defaults(run=_remove_site)


def _add_charger(commands: _Commands) -> None:
    kinds = commands.add_parser("charger", help="list, create, update and remove chargers, and give them new keys")
    kinds = kinds.add_subparsers(dest="does", required=True)
    command = kinds.add_parser("list", help="print all, as `put chargers` takes them, with the hashes of their keys")
    command.add_argument("--site", default="", help="those of one site")
    command.set_defaults(run=_list_chargers)
    command = kinds.add_parser("set", help="create a charger, or update what is named of it")
    command.add_argument("id")
    command.add_argument("--site", dest="site_id", default=argparse.SUPPRESS, help="site id; required for a new charger")
    _add_options(command, "user_name", "certificate_name", "certificate_organisation", "upstream", "upstream_credentials")
    command.add_argument("--min-profile", type=int, choices=range(4), default=argparse.SUPPRESS, help="OCPP security profile")
    missing = list(MissingSubprotocol)
    command.add_argument("--missing-subprotocol", type=MissingSubprotocol, choices=missing, default=argparse.SUPPRESS)
    command.add_argument("--new-key", action="store_true", help="also make a key, and print it: it is not shown again")
    command.set_defaults(run=_set_charger)
    command = kinds.add_parser("key", help="make a new key, and print it: it is not shown again")
    command.add_argument("id")
    command.set_defaults(run=_rotate)
    command = kinds.add_parser("remove", help="remove a charger: it is let in no more; its rows stay")
    command.add_argument("id")
    command.set_defaults(run=_remove_charger)


def _add_options(command: argparse.ArgumentParser, *fields: str) -> None:
    """Where an option is not given, the field stays as it is."""
    for field in fields:
        command.add_argument(f"--{field.replace('_', '-')}", default=argparse.SUPPRESS, metavar="TEXT", help="empty: none")


def _days(text: str) -> int | None:
    days = int(text)
    if not 0 <= days <= 3650:
        raise ValueError
    return days or None


def user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In a container, the user often has no name.
        return "unknown"


def _put(options: argparse.Namespace) -> None:
    lines = put.lines(sys.stdin.buffer.read())
    if options.kind == "sites":
        count = asyncio.run(put.sites(KafkaSettings(), lines, f"{user()}, ocpplog-admin put"))
    else:
        count = asyncio.run(put.chargers(KafkaSettings(), lines))
    print(f"written: {count} {options.kind}")


def _level(options: argparse.Namespace) -> None:
    until = options.until if options.duration is None else options.duration
    changed = asyncio.run(levels.change(KafkaSettings(), options.site, options.level, options.who or user(), options.why, until))
    print(levels.in_words(changed))


def _list_sites(_: argparse.Namespace) -> None:
    found = asyncio.run(kafka.read_sites(KafkaSettings()))
    _print([found[site_id] for site_id in sorted(found)])


def _list_chargers(options: argparse.Namespace) -> None:
    found = asyncio.run(_chargers())
    _print([found[key] for key in sorted(found) if options.site in ("", found[key].site_id)])


async def _chargers() -> dict[str, Charger]:
    async with kafka.open_records(KafkaSettings()) as found:
        return dict(found.chargers)


def _print(found: list[Site] | list[Charger]) -> None:
    for record in found:
        print(records.encode(record).decode())


def _set_site(options: argparse.Namespace) -> None:
    def decide(found: OpenRecords) -> tuple[list[Write], str]:
        known = found.sites.get(options.id)
        line = _changed(known or Site(site_id=options.id), options)
        # Without what it has of levels: a line with a history is taken for a copy of the topic.
        line = replace(line, level=None, level_until=None, level_after=None, history=(), last_change=None)
        changed = record_changes.put_site(found, line, who=f"{user()}, ocpplog-admin site", now=datetime.now(UTC))
        return [changed], "updated" if known else "created"

    print(f"{options.id}: {_change(decide)}")


def _remove_site(options: argparse.Namespace) -> None:
    def decide(found: OpenRecords) -> tuple[list[Write], None]:
        record_changes.check_site_unused(found, options.id)
        return [Removal(topics.SITES, options.id)], None

    _change(decide)
    print(f"{options.id}: removed")


def _set_charger(options: argparse.Namespace) -> None:
    def decide(found: OpenRecords) -> tuple[list[Write], tuple[str, str]]:
        known = found.chargers.get(options.id)
        if known is None and "site_id" not in options:
            raise records.RecordError(f"{options.id}: --site: a new charger needs its site")
        line = record_changes.put_charger(found, _changed(known or Charger(charger_id=options.id, site_id=""), options))
        line, key = record_changes.with_new_key(line) if options.new_key else (line, "")
        return [line], ("updated" if known else "created", key)

    what, key = _change(decide)
    print(f"{options.id}: {what}" + (f", key {key}" if key else ""))


def _rotate(options: argparse.Namespace) -> None:
    def decide(found: OpenRecords) -> tuple[list[Write], str]:
        line, key = record_changes.with_new_key(record_changes.charger(found, options.id))
        return [line], key

    print(_change(decide))


def _remove_charger(options: argparse.Namespace) -> None:
    def decide(found: OpenRecords) -> tuple[list[Write], None]:
        record_changes.charger(found, options.id)
        return [Removal(topics.CHARGERS, options.id)], None

    _change(decide)
    print(f"{options.id}: removed")


def _changed(line: _Record, options: argparse.Namespace) -> _Record:
    """With what the options name."""
    return replace(line, **{name: value for name, value in vars(options).items() if name in line.__struct_fields__})


_Result = TypeVar("_Result")


def _change(decide: Callable[[OpenRecords], tuple[list[Write], _Result]]) -> _Result:
    async def run() -> _Result:
        async with kafka.open_records(KafkaSettings()) as found:
            return await found.writer.change(lambda: decide(found))

    return asyncio.run(run())
