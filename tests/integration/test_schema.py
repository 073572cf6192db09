"""The migrations: on the engine, on a table with data in it, and in the form for a cluster."""

from __future__ import annotations

from collections.abc import Iterator

import clickhouse_connect
import pytest
from clickhouse_connect.driver import Client

from ocpplog_common.clickhouse.migrate import available, migrate
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


def test_the_form_for_a_cluster_can_be_parsed(client: Client) -> None:
    for migration in available():
        tree = client.command("EXPLAIN AST " + migration.sql("log", "main"))
        assert "ReplicatedMergeTree" in str(tree) or "AlterQuery" in str(tree)


def test_the_export_has_its_columns(client: Client) -> None:
    migrate(client, "log")
    columns = {row[0] for row in client.query("DESCRIBE TABLE log.ocpp_log").result_rows}
    assert set(EXPORT_COLUMNS.values()) <= columns
