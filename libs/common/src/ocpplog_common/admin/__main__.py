"""Entry of `ocpplog-admin`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiokafka.errors import KafkaError
from clickhouse_connect.driver.exceptions import ClickHouseError

from ocpplog_common import id_tags, logging, moments, tokens
from ocpplog_common.admin import further, kafka, record_commands, schema_commands
from ocpplog_common.admin.arguments import argument
from ocpplog_common.clickhouse import audit, client, migrate
from ocpplog_common.record_writer import WriteFailed
from ocpplog_common.settings import ClickHouseSettings, CommonSettings, KafkaSettings


class RowsDoubled(RuntimeError):
    """The audit found rows that are stored more than once."""


_FAILURES = (
    KafkaError,
    ClickHouseError,
    client.ServerTooOld,
    migrate.MigrationError,
    further.CommandFailed,
    RowsDoubled,
    WriteFailed,
    OSError,
    ValueError,
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns 0, or 1 after one line on standard error that says what is wrong."""
    options = _parser().parse_args(arguments)
    settings = CommonSettings()
    logging.configure("admin", settings.log_level, settings.log_json)
    try:
        options.run(options)
    except _FAILURES as error:
        print(f"ocpplog-admin {options.command}: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ocpplog-admin", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    command = commands.add_parser("topics", help="create the topics that are missing")
    command.add_argument("--partitions", type=int, default=12, help="of ocpp.frames (default: 12)")
    command.add_argument("--replication", type=int, default=1, help="copies of each partition (default: 1)")
    command.set_defaults(run=_topics)

    schema_commands.add_to(commands)
    record_commands.add_to(commands)

    command = commands.add_parser("audit", help="look for rows that are stored twice; prints their names, exits with 1 if any")
    command.add_argument(
        "--from",
        dest="since",
        type=argument(moments.parse_moment),
        help="rows from then on, 2026-11-24T00:00Z (default: a day before --to)",
    )
    command.add_argument("--to", dest="until", type=argument(moments.parse_moment), help="rows before then (default: now)")
    command.set_defaults(run=_audit)

    command = commands.add_parser("token", help="mint a bearer token with a key file (local runs)")
    command.add_argument("--key-file", type=Path, required=True, help="made where there is none")
    command.add_argument("--role", choices=list(tokens.Role), required=True)
    command.add_argument("--site", action="append", required=True, help="site id, or * for all; may be repeated")
    command.add_argument("--subject", default="local", help="who the token is for")
    command.add_argument("--days", type=int, default=30, help="until it expires (default: 30)")
    command.set_defaults(run=_token)

    command = commands.add_parser("hash-tag", help="print what stands for an RFID tag in the rows of sites that hash theirs")
    command.add_argument("--key-file", type=Path, required=True, help="the enricher's OCPPLOG_ENRICHER_ID_TAG_KEY_FILE")
    command.add_argument("tag", help="in upper or lower case; - reads it from standard input, away from the shell's history")
    command.set_defaults(run=_hash_tag)

    further.add_to(commands)
    return parser


def _topics(options: argparse.Namespace) -> None:
    names = asyncio.run(kafka.create_topics(KafkaSettings(), options.partitions, options.replication))
    print("created: " + ", ".join(names) if names else "all topics exist")


def _audit(options: argparse.Namespace) -> None:
    settings = ClickHouseSettings()
    until = options.until or datetime.now(UTC)
    since = options.since or until - timedelta(days=1)
    if since >= until:
        raise ValueError(f"from {since.isoformat(timespec='seconds')} to {until.isoformat(timespec='seconds')}: that is no time")
    count = 0
    with client.connect(settings, database="default") as connection:
        for found in audit.doubled(connection, settings.clickhouse_database, since, until):
            count += 1
            print(found.table, *found.name, found.copies)
    if count:
        raise RowsDoubled(f"{count} names are stored more than once")
    print(f"nothing is stored twice, from {since.isoformat(timespec='seconds')} to {until.isoformat(timespec='seconds')}")


def _token(options: argparse.Namespace) -> None:
    key = tokens.create_key(options.key_file)
    print(tokens.mint(key, options.subject, tokens.Role(options.role), options.site, options.days * 24 * 3600))


def _hash_tag(options: argparse.Namespace) -> None:
    tag = sys.stdin.readline().rstrip("\r\n") if options.tag == "-" else options.tag
    if not tag:
        raise ValueError("no tag given")
    print(id_tags.hashed(tag.encode(), id_tags.read_key(options.key_file)))


if __name__ == "__main__":
    sys.exit(main())
