"""Numbered, immutable migrations, applied in order by `ocpplog-admin migrate`; never by a service.

Each file of `migrations/` holds one statement, written once for every form of installation: `forms.py` says how.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Protocol

from ocpplog_common.clickhouse import forms
from ocpplog_common.clickhouse.tables import MIGRATION

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


class MigrationError(RuntimeError):
    """A migration that was applied is not the one in this release, or is unknown to it; or tables have another form."""


class Runner(Protocol):
    """What of clickhouse_connect's Client the runner needs."""

    def command(self, cmd: str, parameters: dict[str, Any] | None = None) -> Any: ...

    def query(self, query: str, parameters: dict[str, Any] | None = None) -> Any: ...


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    template: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.template.encode()).hexdigest()

    def statements(self, database: str, cluster: str = "") -> list[str]:
        return forms.statements(self.template, database, cluster)


def available() -> list[Migration]:
    """The migrations of this release, in order. Raises MigrationError for a gap or a doubled number."""
    found = []
    for entry in resources.files("ocpplog_common.clickhouse").joinpath("migrations").iterdir():
        if match := _NAME.fullmatch(entry.name):
            found.append(Migration(int(match[1]), entry.name, entry.read_text()))
    found.sort(key=lambda migration: migration.version)
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise MigrationError(f"migrations are not numbered without gaps: {[m.name for m in found]}")
    return found


def pending(migrations: Iterable[Migration], applied: Mapping[int, str]) -> list[Migration]:
    """Those of `migrations` not in `applied` (version -> checksum). Raises MigrationError where an applied one differs."""
    known = {migration.version: migration for migration in migrations}
    for version, checksum in applied.items():
        if version not in known:
            raise MigrationError(f"migration {version} was applied by a newer release than this one")
        if known[version].checksum != checksum:
            raise MigrationError(f"{known[version].name} was changed after it was applied: write a new migration instead")
    return [migration for version, migration in known.items() if version not in applied]


def migrate(client: Runner, database: str, cluster: str = "") -> list[str]:
    """Apply what is pending; returns the names. Safe to run again, also after it was cut off in the middle.

    Raises MigrationError, then nothing is changed.
    """
    found = _pending(client, database, cluster)
    for statement in preparation(database, cluster):
        client.command(statement)
    for migration in found:
        for statement in migration.statements(database, cluster):
            client.command(statement)
        client.command(
            f"INSERT INTO {database}.{MIGRATION} (version, name, checksum)"
            " SELECT {version:UInt32}, {name:String}, {checksum:String}",
            {"version": migration.version, "name": migration.name, "checksum": migration.checksum},
        )
    return [migration.name for migration in found]


def script(client: Runner, database: str, cluster: str = "") -> str:
    """What `migrate` would run now, but for the notes in the table of migrations. Changes nothing. Raises MigrationError."""
    found = _pending(client, database, cluster)
    parts = preparation(database, cluster)
    for migration in found:
        parts += [f"-- {migration.name}\n{statement.strip()}" for statement in migration.statements(database, cluster)]
    return "".join(f"{part};\n\n" for part in parts)


def missing(client: Runner, database: str) -> list[str]:
    """The migrations of this release that are not applied yet. A newer release's are no matter: its schema serves older programs,
    while one release takes the other's place."""
    exists = client.query(
        "SELECT count() FROM system.tables WHERE database = {database:String} AND name = {name:String}",
        {"database": database, "name": MIGRATION},
    ).result_rows
    applied = client.query(f"SELECT DISTINCT version FROM {database}.{MIGRATION}").result_rows if exists[0][0] else []
    known = {version for (version,) in applied}
    return [migration.name for migration in available() if migration.version not in known]


def preparation(database: str, cluster: str = "") -> list[str]:
    """The statements before any migration: the database, and the table that says what was applied."""
    values = forms.placeholders(database, cluster)
    # Every node of a cluster has all of it, whatever its shard: `migrate` may be run on any.
    engine = "ReplicatedMergeTree('/clickhouse/tables/{uuid}/all', '{shard}-{replica}')" if cluster else "MergeTree"
    return [
        f"CREATE DATABASE IF NOT EXISTS {database} {values['on_cluster']}".strip(),
        f"CREATE TABLE IF NOT EXISTS {database}.{MIGRATION} {values['on_cluster']}"
        " (version UInt32, name String, checksum String, applied_at DateTime DEFAULT now())"
        f" ENGINE = {engine} ORDER BY version",
    ]


def _pending(client: Runner, database: str, cluster: str) -> list[Migration]:
    engines = dict(
        client.query(
            "SELECT name, engine FROM system.tables WHERE database = {database:String}", {"database": database}
        ).result_rows
    )
    _check_form(engines, database, cluster)
    if MIGRATION not in engines:
        return pending(available(), {})
    applied = client.query(f"SELECT DISTINCT version, checksum FROM {database}.{MIGRATION}").result_rows
    return pending(available(), dict(applied))


def _check_form(engines: Mapping[str, str], database: str, cluster: str) -> None:
    """`engines`: table -> engine. Rows must not end up in tables beside those that hold them."""
    ours = sorted(set().union(*(forms.tables_of(migration.template) for migration in available())))
    whole = [name for name in ours if engines.get(name, "").endswith("MergeTree")]
    if cluster and whole:
        first = whole[0]
        raise MigrationError(
            f"{', '.join(whole)}: not sharded. For each: RENAME TABLE {database}.{first} TO "
            f"{database}.{first}{forms.SHARD_SUFFIX} ON CLUSTER '{cluster}'; {forms.distributed(database, first, cluster)}"
        )
    if not cluster and any(engines.get(name) == "Distributed" for name in ours):
        raise MigrationError(f"{database} is sharded: name its cluster in OCPPLOG_CLICKHOUSE_CLUSTER")
