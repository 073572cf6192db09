"""The replay's statements for ClickHouse: look, delete, insert.

What a row should be is sent along with the look and compared by the server, in the types of the table: a number or a time that
goes there and back would not always be the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

import msgspec
from clickhouse_connect.driver import AsyncClient
from clickhouse_connect.driver.external import ExternalData

from ocpplog_common.clickhouse.forms import SHARD_SUFFIX
from ocpplog_common.envelope import Envelope
from ocpplog_enricher.domain import timestamps
from ocpplog_enricher.domain.rows import LogRow, RowId, SampleRow
from ocpplog_enricher.replay.plan import Found, Prints
from ocpplog_enricher.sink import WRITE_SETTINGS, insertion, persist

PLACES: Final = frozenset({"kafka_partition", "kafka_offset", "closed_offset"})
"""Where the frames are on Kafka: another topic, or a time-out that was noticed elsewhere, makes no other row."""
_KEY: Final = "connection_id UUID, sequence UInt32"
_NAMED: Final = f"{_KEY}, site_id String, charger_id String, datetime DateTime64(3, 'UTC')"
_LONGEST_STATEMENT: Final = 4 * 1024 * 1024


class ReplayTable:
    """One table of the log. `row_type`: whose fields are its columns, as far as the enricher fills them. `cluster`: where it is
    Distributed; what is deleted is deleted from what holds the rows, on all nodes."""

    def __init__(
        self,
        client: AsyncClient,
        database: str,
        table: str,
        row_type: type[LogRow] | type[SampleRow],
        retry_for_s: float,
        cluster: str = "",
    ) -> None:
        self._client = client
        self._database, self._table = database, table
        self._columns = row_type.__struct_fields__
        self._types: dict[str, str] = {}
        self._retry_for_s = retry_for_s
        self._rows = table + SHARD_SUFFIX * bool(cluster)
        self._on_cluster = f" ON CLUSTER '{cluster}'" if cluster else ""
        self._mutations = f"clusterAllReplicas('{cluster}', system.mutations)" if cluster else "system.mutations"

    async def open(self) -> None:
        """Raises ValueError where the table lacks a column that the enricher fills."""
        result = await self._client.query(
            "SELECT name, type FROM system.columns WHERE database = {database:String} AND table = {table:String}",
            parameters={"database": self._database, "table": self._table},
        )
        self._types = {str(name): str(kind) for name, kind in result.result_rows}
        if lacking := [name for name in self._columns if name not in self._types]:
            raise ValueError(f"{self._table} has no column {', '.join(lacking)}: run `ocpplog-admin migrate`")

    async def deletes_under_way(self) -> int:
        """How many mutations of the table are not done, of which one may be a delete of a replay that was cut off."""
        result = await self._client.query(
            f"SELECT count() FROM {self._mutations} WHERE NOT is_done"
            " AND database = {database:String} AND table = {table:String}",
            parameters={"database": self._database, "table": self._rows},
        )
        return int(result.result_rows[0][0])

    async def look(self, rows: Sequence[LogRow | SampleRow], named: Iterable[Envelope]) -> Found:
        """What `rows` are and what is stored of `named`, as fingerprints. Raises RowsRejected where a row cannot be read."""
        compared = [name for name in self._columns if name not in PLACES]
        prints = f"hex(sipHash128(toString(tuple({', '.join(compared)}))))"
        known = ExternalData(file_name="named", data=_lines(map(_named, named)), fmt="JSONEachRow", structure=_NAMED)
        structure = ", ".join(f"{name} {self._types[name]}" for name in self._columns)
        known.add_file(file_name="wanted", data=_lines(map(_whole, rows)), fmt="JSONEachRow", structure=structure)
        sql = (
            "SELECT side, lower(hex(connection_id)), sequence, arraySort(groupArray(print)), groupUniqArray(part) FROM ("
            f"SELECT 'wanted' AS side, connection_id, sequence, {prints} AS print, '' AS part FROM wanted"
            f" UNION ALL SELECT 'stored', connection_id, sequence, {prints}, _partition_id FROM {self._database}.{self._table}"
            " WHERE site_id IN (SELECT site_id FROM named) AND charger_id IN (SELECT charger_id FROM named)"
            " AND datetime >= (SELECT min(datetime) FROM named) AND datetime <= (SELECT max(datetime) FROM named)"
            " AND (connection_id, sequence) IN (SELECT connection_id, sequence FROM named)"
            ") GROUP BY side, connection_id, sequence"
        )
        result = await persist(lambda: self._client.query(sql, external_data=known), self._table, self._retry_for_s)
        return _found(result.result_rows)

    async def delete(self, named: Sequence[Envelope], partitions: Iterable[str]) -> None:
        """Delete the rows of these names, on every replica: returns when no query finds them any more."""
        moments = sorted(_milliseconds(envelope) for envelope in named)
        parameters = {
            "sites": sorted({envelope.site_id for envelope in named}),
            "first": moments[0],
            "last": moments[-1],
            "names": [(envelope.connection_id, envelope.sequence) for envelope in named],
        }
        settings = {"lightweight_deletes_sync": 2, "max_query_size": _LONGEST_STATEMENT}
        for partition in sorted(partitions):
            sql = (
                f"DELETE FROM {self._database}.{self._rows}{self._on_cluster} IN PARTITION ID %(partition)s"
                " WHERE site_id IN %(sites)s AND datetime >= %(first)s AND datetime <= %(last)s"
                " AND (connection_id, sequence) IN %(names)s"
            )
            command = partial(self._client.command, sql, parameters={**parameters, "partition": partition}, settings=settings)
            await persist(command, self._table, self._retry_for_s)

    async def insert(self, rows: Sequence[LogRow | SampleRow], token: str) -> None:
        """Raises RowsRejected. An insert whose token was used before does nothing."""
        settings = WRITE_SETTINGS | {"insert_deduplication_token": token}
        once = insertion(self._client, f"{self._database}.{self._table}", rows, settings)
        await persist(once, self._table, self._retry_for_s)


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return b"\n".join(map(msgspec.json.encode, rows))


def _whole(row: LogRow | SampleRow) -> dict[str, Any]:
    """With the values that are left out on the way to the table: a table of the query has no defaults."""
    return msgspec.structs.asdict(row)


def _named(envelope: Envelope) -> dict[str, Any]:
    return {
        "connection_id": envelope.connection_id,
        "sequence": envelope.sequence,
        "site_id": envelope.site_id,
        "charger_id": envelope.charger_id,
        "datetime": _milliseconds(envelope),
    }


def _milliseconds(envelope: Envelope) -> str:
    """The column keeps milliseconds."""
    return timestamps.us_for_clickhouse(envelope.received_at_us)[:-3]


def _found(rows: Iterable[Sequence[Any]]) -> Found:
    found = Found({}, {}, {})
    for side, connection, sequence, prints, partitions in rows:
        name: RowId = (connection, sequence)
        there: Prints = tuple(prints)
        if side == "wanted":
            found.wanted[name] = there
        else:
            found.stored[name] = there
            found.partitions[name] = frozenset(partitions)
    return found
