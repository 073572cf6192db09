"""Numbered, immutable migrations, applied in order by `ocpplog-admin migrate`; never by a service.

Each file of `migrations/` holds one statement, written once for every form of installation: `${on_cluster}`, `${merge_tree}`
and `${deduplication_window}` become what one server or a replicated cluster needs.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from string import Template
from typing import Any, Protocol

from ocpplog_common.clickhouse.tables import MIGRATION

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


class MigrationError(RuntimeError):
    """A migration that was applied is not the one in this release, or is unknown to it."""


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

    def sql(self, database: str, cluster: str = "") -> str:
        return Template(self.template).substitute(_placeholders(database, cluster))


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
    """Apply what is pending; returns the names. Safe to run again, also after it was cut off in the middle."""
    create = Template(
        "CREATE TABLE IF NOT EXISTS ${database}." + MIGRATION + " ${on_cluster}"
        " (version UInt32, name String, checksum String, applied_at DateTime DEFAULT now())"
        " ENGINE = ${merge_tree} ORDER BY version"
    )
    on_cluster = _placeholders(database, cluster)["on_cluster"]
    client.command(f"CREATE DATABASE IF NOT EXISTS {database} {on_cluster}")
    client.command(create.substitute(_placeholders(database, cluster)))
    rows = client.query(f"SELECT DISTINCT version, checksum FROM {database}.{MIGRATION}").result_rows
    names = []
    for migration in pending(available(), dict(rows)):
        client.command(migration.sql(database, cluster))
        client.command(
            f"INSERT INTO {database}.{MIGRATION} (version, name, checksum)"
            " SELECT {version:UInt32}, {name:String}, {checksum:String}",
            {"version": migration.version, "name": migration.name, "checksum": migration.checksum},
        )
        names.append(migration.name)
    return names


def _placeholders(database: str, cluster: str) -> dict[str, str]:
    if not cluster:
        return {
            "database": database,
            "on_cluster": "",
            "merge_tree": "MergeTree",
            "deduplication_window": "non_replicated_deduplication_window",
        }
    return {
        "database": database,
        "on_cluster": f"ON CLUSTER '{cluster}'",
        # {uuid}, {shard} and {replica} are macros of the server.
        "merge_tree": "ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')",
        "deduplication_window": "replicated_deduplication_window",
    }
