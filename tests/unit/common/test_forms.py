"""The two forms of the migrations: one server, and a cluster of shards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from ocpplog_common import logging
from ocpplog_common.admin.__main__ import main
from ocpplog_common.clickhouse import client, forms, migrate

MIGRATIONS = migrate.available()


@pytest.mark.parametrize("migration", MIGRATIONS, ids=lambda migration: str(migration.name))
class TestEveryMigration:
    def test_on_one_server_is_the_statement_as_it_stands(self, migration: migrate.Migration) -> None:
        [single] = migration.statements("log")
        assert "$" not in single
        assert not re.search(r"ON CLUSTER|Replicated|Distributed|_shard", single)

    def test_on_a_cluster_is_on_every_node_and_leaves_nothing_to_fill_in(self, migration: migrate.Migration) -> None:
        for statement in migration.statements("log", "main"):
            assert "$" not in statement
            assert "ON CLUSTER 'main'" in statement or re.search(r"^INSERT INTO", statement, re.MULTILINE)

    def test_on_a_cluster_no_rows_are_in_a_table_that_is_read(self, migration: migrate.Migration) -> None:
        for statement in migration.statements("log", "main"):
            if re.search(r"ENGINE = Replicated", statement):
                assert re.search(r"^CREATE .*TABLE .*log\.\w+_shard\s", statement, re.MULTILINE)

    def test_on_a_cluster_rows_are_replicated_and_read_through_all_shards(self, migration: migrate.Migration) -> None:
        statements = migration.statements("log", "main")
        for table in forms.tables_of(migration.template):
            first, last = statements[0], statements[-1]
            assert f" log.{table}_shard ON CLUSTER" in first
            assert "CREATE TABLE" not in first or "ENGINE = Replicated" in first
            assert f"CREATE OR REPLACE TABLE log.{table} ON CLUSTER 'main' AS log.{table}_shard" in last
            assert f"Distributed('main', 'log', '{table}_shard', kafka_partition)" in last

    def test_views_read_what_is_read_through_all_shards(self, migration: migrate.Migration) -> None:
        for statement in migration.statements("log", "main"):
            if re.search(r"^CREATE (OR REPLACE )?VIEW", statement, re.MULTILINE):
                assert "SQL SECURITY INVOKER" in statement
                assert "_shard" not in statement


def test_the_sharding_key_is_a_column_of_every_table() -> None:
    for migration in MIGRATIONS:
        if re.search(r"^CREATE TABLE", migration.template, re.MULTILINE):
            assert re.search(r"^  kafka_partition +UInt16", migration.template, re.MULTILINE), migration.name


def test_what_an_alter_changes_is_seen_through_all_shards() -> None:
    template = "-- why\nALTER TABLE ${database}.ocpp_log ${on_cluster} ADD COLUMN IF NOT EXISTS n UInt8"
    assert forms.statements(template, "log") == ["-- why\nALTER TABLE log.ocpp_log  ADD COLUMN IF NOT EXISTS n UInt8"]
    altered, over = forms.statements(template, "log", "main")
    assert altered == "-- why\nALTER TABLE log.ocpp_log_shard ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS n UInt8"
    assert over == forms.distributed("log", "ocpp_log", "main")


def test_a_file_says_where_the_rows_themselves_are_meant_and_what_lies_over_them() -> None:
    template = (
        "-- distributed: ocpp_log, old_log\n"
        "EXCHANGE TABLES ${database}.ocpp_log${shard} AND ${database}.old_log${shard} ${on_cluster}"
    )
    assert forms.statements(template, "log")[0].endswith("\nEXCHANGE TABLES log.ocpp_log AND log.old_log ")
    exchange, *over = forms.statements(template, "log", "main")
    assert exchange.endswith("EXCHANGE TABLES log.ocpp_log_shard AND log.old_log_shard ON CLUSTER 'main'")
    assert over == [forms.distributed("log", name, "main") for name in ("ocpp_log", "old_log")]


class FakeServer:
    """Knows which tables there are and which migrations were applied, and notes what it is told to run."""

    def __init__(self, tables: dict[str, str], applied: dict[int, str]) -> None:
        self.tables, self.applied, self.commands = tables, applied, list[str]()
        self.server_version = "26.9.2.1"

    def command(self, cmd: str, parameters: dict[str, Any] | None = None) -> None:
        self.commands.append(cmd)

    def query(self, query: str, parameters: dict[str, Any] | None = None) -> Any:
        return SimpleNamespace(result_rows=list((self.tables if "system.tables" in query else self.applied).items()))


class TestMigrating:
    def test_the_script_is_what_would_be_run_and_runs_nothing(self) -> None:
        [first, *rest] = MIGRATIONS
        server = FakeServer({"ocpp_log": "Distributed", "schema_migration": "x"}, {1: first.checksum})
        script = migrate.script(server, "log", "main")
        assert server.commands == []
        assert migrate.migrate(server, "log", "main") == [migration.name for migration in rest]
        ran = [command for command in server.commands if not command.startswith("INSERT INTO log.schema_migration")]
        at = 0
        for command in ran:
            at = script.index(command.strip() + ";", at)
        assert script.count(";\n\n") == len(ran)
        assert "ocpp_log_shard" not in script.partition(rest[0].name)[0]

    def test_every_node_knows_what_was_applied(self) -> None:
        [_, table] = migrate.preparation("log", "main")
        assert "ReplicatedMergeTree('/clickhouse/tables/{uuid}/all', '{shard}-{replica}')" in table

    def test_rows_do_not_end_up_beside_the_tables_of_the_other_form(self) -> None:
        server = FakeServer({"ocpp_log": "ReplicatedMergeTree"}, {})
        with pytest.raises(migrate.MigrationError, match=r"RENAME TABLE log.ocpp_log TO log.ocpp_log_shard ON CLUSTER 'main'"):
            migrate.migrate(server, "log", "main")
        server = FakeServer({"ocpp_log": "Distributed", "ocpp_log_shard": "ReplicatedMergeTree"}, {})
        with pytest.raises(migrate.MigrationError, match="OCPPLOG_CLICKHOUSE_CLUSTER"):
            migrate.migrate(server, "log")
        assert server.commands == []


class TestCommand:
    """`ocpplog-admin migrate`."""

    @pytest.fixture
    def server(self, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
        found = FakeServer({}, {})

        @contextmanager
        def connect(*_: Any, **__: Any) -> Iterator[FakeServer]:
            yield found

        monkeypatch.setattr(client, "connect", connect)
        # It would hold on to the captured streams of this test.
        monkeypatch.setattr(logging, "configure", lambda *_: None)
        monkeypatch.setenv("OCPPLOG_CLICKHOUSE_CLUSTER", "main")
        return found

    def test_prints_what_it_would_run(self, server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["migrate", "--print"]) == 0
        printed = capsys.readouterr().out
        assert server.commands == []
        assert printed.startswith("CREATE DATABASE IF NOT EXISTS ocpplog ON CLUSTER 'main';\n")
        assert main(["migrate"]) == 0
        assert all(command.strip() in printed for command in server.commands if "INSERT" not in command)
        assert capsys.readouterr().out == f"applied: {', '.join(migration.name for migration in MIGRATIONS)}\n"

    def test_says_what_to_do_about_tables_of_the_other_form(self, server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
        server.tables["ocpp_log"] = "ReplicatedMergeTree"
        assert main(["migrate"]) == 1
        assert "RENAME TABLE ocpplog.ocpp_log TO ocpplog.ocpp_log_shard ON CLUSTER 'main'" in capsys.readouterr().err
