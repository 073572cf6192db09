"""The two forms of an installation, out of the same migration files: one server, or a cluster of shards and replicas.

On a cluster a table `t` is two: `t_shard` on every node, replicated within its shard, holds the rows; `t`, Distributed over all
of them, is what everybody reads and writes. Rows go to the shard of their Kafka partition, so a charger's are all on one. What
has to differ in a file is said by placeholders:

* `${on_cluster}`, `${merge_tree}` (another engine of the family: `${replicated}SummingMergeTree`), `${deduplication_window}`
* `${shard}` behind the name of a table where the rows themselves are meant: in a materialised view, or in EXCHANGE TABLES. To
  drop both: `DROP TABLE IF EXISTS ${database}.t${shard}, ${database}.t ${on_cluster}`. INSERT ... SELECT needs none.

`CREATE TABLE ${database}.t` and `ALTER TABLE ${database}.t` need no `${shard}`: they are run on the rows, and then `t` is made
anew over them. So it is for each table that a line `-- distributed: a, b` of the file names.
"""

from __future__ import annotations

import re
from string import Template

SHARD_SUFFIX = "_shard"
_TABLE = re.compile(
    r"^((?:CREATE (?:OR REPLACE )?TABLE (?:IF NOT EXISTS )?|ALTER TABLE )\$\{database\}\.)([a-z0-9_]+)(?=\s)", re.MULTILINE
)
_NAMED = re.compile(r"^-- distributed: ([a-z0-9_, ]+)$", re.MULTILINE)


def statements(template: str, database: str, cluster: str = "") -> list[str]:
    """What one migration file is for an installation, in the order to run it. Each statement may be run again."""
    values = placeholders(database, cluster)
    if not cluster:
        return [Template(template).substitute(values)]
    names = [name.strip() for match in _NAMED.finditer(template) for name in match[1].split(",")]
    names += [match[2] for match in _TABLE.finditer(template) if match[2] not in names]
    rows = _TABLE.sub(rf"\g<1>\g<2>{SHARD_SUFFIX}", template)
    return [Template(rows).substitute(values), *(distributed(database, name, cluster) for name in names)]


def tables_of(template: str) -> set[str]:
    """The tables that a migration file creates or alters."""
    return {match[2] for match in _TABLE.finditer(template)}


def distributed(database: str, table: str, cluster: str) -> str:
    """`table` over the rows of all shards, with the columns that these have now. It holds nothing itself."""
    return (
        f"CREATE OR REPLACE TABLE {database}.{table} ON CLUSTER '{cluster}' AS {database}.{table}{SHARD_SUFFIX}\n"
        f"ENGINE = Distributed('{cluster}', '{database}', '{table}{SHARD_SUFFIX}', kafka_partition)"
    )


def placeholders(database: str, cluster: str = "") -> dict[str, str]:
    if not cluster:
        return {
            "database": database,
            "on_cluster": "",
            "shard": "",
            "replicated": "",
            "merge_tree": "MergeTree",
            "deduplication_window": "non_replicated_deduplication_window",
        }
    return {
        "database": database,
        "on_cluster": f"ON CLUSTER '{cluster}'",
        "shard": SHARD_SUFFIX,
        # {uuid}, {shard} and {replica} are macros of the server. `replicated` alone takes the server's default path.
        "replicated": "Replicated",
        "merge_tree": "ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')",
        "deduplication_window": "replicated_deduplication_window",
    }
