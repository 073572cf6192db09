"""The migrations: on the engine, on tables with data in them, and in the form for a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver import Client

from ocpplog_common.clickhouse import forms, tables
from ocpplog_common.clickhouse import migrate as migrate_module
from ocpplog_common.clickhouse.migrate import available, migrate, preparation, script
from ocpplog_common.clickhouse.tables import EXPORT_COLUMNS
from support.processes import local_clickhouse

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with (
        local_clickhouse(tmp_path_factory.mktemp("schema")) as server,
        clickhouse_connect.get_client(host="127.0.0.1", port=server.port) as found,
    ):
        yield found


def test_applied_once_and_again_after_being_cut_off(client: Client) -> None:
    names = [migration.name for migration in available()]
    assert migrate(client, "log") == names
    client.command("INSERT INTO log.ocpp_log (datetime, site_id) VALUES (now(), 's')")
    assert migrate(client, "log") == []
    # Applied, but cut off before it was noted.
    client.command("TRUNCATE TABLE log.schema_migration")
    assert migrate(client, "log") == names
    assert client.query("SELECT count() FROM log.ocpp_log").result_rows == [(1,)]


class Interrupted(Exception):
    """The runner was killed."""


class CutOff:
    """A client whose connection breaks after so many commands; the last one arrives, or does not."""

    def __init__(self, client: Client, commands: int, arrives: bool) -> None:
        self._client, self._left, self._arrives = client, commands, arrives

    def command(self, cmd: str, parameters: dict[str, Any] | None = None) -> Any:
        self._left -= 1
        if self._left < 0 and not self._arrives:
            raise Interrupted
        done = self._client.command(cmd, parameters)
        if self._left < 0:
            raise Interrupted
        return done

    def query(self, query: str, parameters: dict[str, Any] | None = None) -> Any:
        return self._client.query(query, parameters)


@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("version", range(2, len(available()) + 1))
def test_forward_from_every_version_on_data_cut_off_anywhere(
    client: Client, monkeypatch: pytest.MonkeyPatch, version: int, arrives: bool
) -> None:
    database = f"from_{version}_{arrives}"
    monkeypatch.setattr(migrate_module, "available", lambda: available()[:version])
    migrate(client, database)
    filled = [
        table
        for table in (tables.LOG, tables.METER_SAMPLE, tables.CONNECTION_EVENT)
        if client.query(f"EXISTS TABLE {database}.{table}").result_rows == [(1,)]
    ]
    for table in filled:
        client.command(
            f"INSERT INTO {database}.{table} (datetime, site_id, charger_id, kafka_partition)"
            " SELECT now() - number, 's', toString(number), number % 12 FROM numbers(1000)"
        )
    monkeypatch.undo()
    for commands in range(2 * len(available()) + 3):
        try:
            migrate(CutOff(client, commands, arrives), database)
        except Interrupted:
            continue
        break
    assert migrate(client, database) == []
    for table in filled:
        counted = client.query(f"SELECT count(), uniqExact(charger_id) FROM {database}.{table}").result_rows
        assert counted == [(1000, 1000)], table


def test_events_live_as_long_as_each_row_says(client: Client) -> None:
    migrate(client, "log")
    client.command(
        "INSERT INTO log.connection_event (datetime, site_id, retention_days)"
        " SELECT now() - INTERVAL 10 DAY, if(number < 3, 'short', 'long'), if(number < 3, 7, 400) FROM numbers(10)"
    )
    client.command("OPTIMIZE TABLE log.connection_event FINAL")
    assert client.query("SELECT site_id, count() FROM log.connection_event GROUP BY 1").result_rows == [("long", 7)]


def test_the_form_for_a_cluster_can_be_parsed(client: Client) -> None:
    for migration in available():
        for statement in migration.statements("log", "main"):
            tree = str(client.command("EXPLAIN AST " + statement))
            assert "ReplicatedMergeTree" in tree or "Distributed" in tree or "AlterQuery" in tree or "CREATE VIEW" in statement
    for statement in preparation("log", "main"):
        assert "Create" in str(client.command("EXPLAIN AST " + statement))


def test_the_rows_tables_of_a_cluster_can_be_made(client: Client) -> None:
    """All of their statements but for what needs a cluster: ON CLUSTER and replication."""
    client.command("CREATE DATABASE shards")
    for migration in available():
        if not forms.tables_of(migration.template):
            continue
        statement = migration.statements("shards", "main")[0].replace("ON CLUSTER 'main'", "")
        engine = forms.placeholders("shards", "main")["merge_tree"]
        client.command(statement.replace(engine, "MergeTree").replace("replicated_dedup", "non_replicated_dedup"))
    found = {row[0] for row in client.query("SELECT name FROM system.tables WHERE database = 'shards'").result_rows}
    assert {"ocpp_log_shard", "meter_sample_shard", "connection_event_shard"} <= found


def test_what_would_be_run_is_printed_and_not_run(client: Client) -> None:
    printed = script(client, "printed")
    assert client.query("SELECT count() FROM system.databases WHERE name = 'printed'").result_rows == [(0,)]
    for statement in printed.split(";\n\n"):
        if statement.strip():
            client.command(statement)
    made = "SELECT name FROM system.tables WHERE database = {database:String} ORDER BY name"
    migrate(client, "log")
    by_script, by_migrate = (client.query(made, {"database": name}).result_rows for name in ("printed", "log"))
    assert by_script == by_migrate


def test_the_export_has_its_columns(client: Client) -> None:
    migrate(client, "log")
    columns = {row[0] for row in client.query("DESCRIBE TABLE log.ocpp_log").result_rows}
    assert set(EXPORT_COLUMNS.values()) <= columns
