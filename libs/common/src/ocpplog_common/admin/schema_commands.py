"""`ocpplog-admin migrate`: brings ClickHouse's schema up to this release, or waits until somebody has."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from ocpplog_common.admin.arguments import argument
from ocpplog_common.clickhouse import client, migrate
from ocpplog_common.clickhouse.migrate import MigrationError
from ocpplog_common.settings import ClickHouseSettings

_EVERY_S: Final = 2.0


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    command = commands.add_parser("migrate", help="bring ClickHouse's schema up to this release")
    what = command.add_mutually_exclusive_group()
    what.add_argument("--print", action="store_true", help="print what would be run, and change nothing")
    what.add_argument("--check", action="store_true", help="change nothing; exit with 1 while the schema is an older release's")
    command.add_argument(
        "--wait",
        type=argument(_seconds),
        default=0.0,
        metavar="SECONDS",
        help="with --check: look again for so long, also while ClickHouse does not answer",
    )
    command.set_defaults(run=_migrate)


def _seconds(text: str) -> float:
    if not math.isfinite(seconds := float(text)) or seconds < 0:
        raise ValueError("not a number of seconds")
    return seconds


def _migrate(options: argparse.Namespace) -> None:
    settings = ClickHouseSettings()
    if options.check:
        wait_for_schema(lambda: _missing(settings), options.wait, time.monotonic, time.sleep)
        print("schema is up to date")
        return
    if options.wait:
        raise ValueError("--wait goes with --check")
    # The database may not exist yet; every statement names it.
    with client.connect(settings, database="default") as connection:
        client.check_version(connection.server_version or "")
        if options.print:
            print(migrate.script(connection, settings.clickhouse_database, settings.clickhouse_cluster), end="")
            return
        names = migrate.migrate(connection, settings.clickhouse_database, settings.clickhouse_cluster)
    print("applied: " + ", ".join(names) if names else "schema is up to date")


def _missing(settings: ClickHouseSettings) -> list[str]:
    with client.connect(settings, database="default") as connection:
        client.check_version(connection.server_version or "")
        return migrate.missing(connection, settings.clickhouse_database)


def wait_for_schema(
    missing: Callable[[], Sequence[str]], within_s: float, clock: Callable[[], float], sleep: Callable[[float], object]
) -> None:
    """Returns once nothing is `missing`. Raises MigrationError, or what `missing` raised last, where that takes longer."""
    deadline = clock() + within_s
    while True:
        try:
            names = missing()
            failure: Exception = MigrationError(f"not applied yet: {', '.join(names)}")
            if not names:
                return
        except (ClickHouseError, OSError) as error:
            failure = error
        if clock() >= deadline:
            raise failure
        sleep(min(_EVERY_S, max(deadline - clock(), 0.0)))
