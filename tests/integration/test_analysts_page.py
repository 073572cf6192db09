"""docs/analysts.md: its queries give its results, and its tables are the views' columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import clickhouse_connect
import pytest
from clickhouse_connect.driver import Client

from integration.views_support import Log, example
from ocpplog_common.clickhouse.migrate import available
from support.processes import LocalClickHouse, local_clickhouse

pytestmark = pytest.mark.integration
PAGE = (Path(__file__).parents[2] / "docs/analysts.md").read_text()
VIEWS = [
    found[1] for migration in available() if (found := re.search(r"^CREATE VIEW .*\.(\w+) ", migration.template, re.MULTILINE))
]
EXAMPLES = re.findall(r"^```sql\n((?:.+\n)+?)```\n\n((?:\|.+\|\n)+)", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalClickHouse]:
    with local_clickhouse(tmp_path_factory.mktemp("page")) as found:
        yield found


@pytest.fixture(scope="module")
def client(server: LocalClickHouse) -> Iterator[Client]:
    with clickhouse_connect.get_client(host="127.0.0.1", port=server.port) as found:
        log = Log(found, "ocpplog")
        example(log)
        log.flush()
        yield found


@pytest.mark.parametrize(("sql", "result"), EXAMPLES, ids=[re.findall(r"ocpplog\.(\w+)", sql)[0] for sql, _ in EXAMPLES])
def test_the_queries_give_the_results(client: Client, sql: str, result: str) -> None:
    assert client.raw_query(sql, fmt="Markdown").decode() == result


@pytest.mark.parametrize("view", [*(view for view in VIEWS if view != "sessions_between"), "connection_event"])
def test_the_tables_are_the_columns(client: Client, view: str) -> None:
    section = PAGE.partition(f"## `{view}`\n")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*) \|$", section, re.MULTILINE)
    sql = "SELECT name, type, comment FROM system.columns WHERE database = 'ocpplog' AND table = {view:String} ORDER BY position"
    columns = client.query(sql, {"view": view}).result_rows
    assert told == [tuple(column) for column in columns]
    assert all(meaning for *_, meaning in told)


def test_pandas_connects_as_it_says(client: Client, server: LocalClickHouse, capsys: pytest.CaptureFixture[str]) -> None:
    [program] = re.findall(r"^```python\n(.+?)```$", PAGE, re.MULTILINE | re.DOTALL)
    assert "port=8123" in program
    exec(compile(program.replace("port=8123", f"port={server.port}"), "docs/analysts.md", "exec"), {})
    [(greatest,)] = client.query(
        "SELECT max(value_si) FROM ocpplog.meter_sample WHERE site_id = 'depot' AND measurand = 'Power.Active.Import'"
    ).result_rows
    assert f"{greatest:.1f}" in capsys.readouterr().out


def test_every_view_has_an_example() -> None:
    assert {re.findall(r"ocpplog\.(\w+)", sql)[0] for sql, _ in EXAMPLES} >= set(VIEWS)
