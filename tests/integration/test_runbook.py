"""docs/runbook.md: its statements are understood by ClickHouse, and the one that erases a tag does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import clickhouse_connect
import pytest
from clickhouse_connect.driver import Client

from integration.query_api_support import insert
from support.processes import local_clickhouse
from support.stores import copy_tables

pytestmark = pytest.mark.integration
PAGE = (Path(__file__).parents[2] / "docs/runbook.md").read_text()
BLOCKS = re.findall(r"^```sql\n(.+?)```$", PAGE, re.MULTILINE | re.DOTALL)
STATEMENTS = [re.sub(r"--.*", "", one).strip() for block in BLOCKS for one in re.split(r"\n(?=[A-Z]{4,} [A-Z])", block)]
QUESTIONS = re.findall(r"`(SELECT [^`]+)`", PAGE)
[ERASE] = [one for one in STATEMENTS if "UPDATE" in one]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    data = tmp_path_factory.mktemp("runbook") / "clickhouse"
    copy_tables(data)
    with (
        local_clickhouse(data) as server,
        clickhouse_connect.get_client(host="127.0.0.1", port=server.port) as found,
    ):
        yield found


@pytest.mark.parametrize("sql", STATEMENTS, ids=lambda sql: sql.split("\n")[0][:40])
def test_statements_are_understood(client: Client, sql: str) -> None:
    assert client.query(f"EXPLAIN AST {sql}").result_rows


@pytest.mark.parametrize("sql", QUESTIONS, ids=lambda sql: sql[:40])
def test_questions_can_be_asked(client: Client, sql: str) -> None:
    client.query(sql.replace("'CONNECTION'", f"'{'0' * 32}'").replace("= SEQUENCE", "= 1"))


def test_a_tag_is_erased_wherever_it_stands(client: Client) -> None:
    insert(
        client,
        {
            "message_id": "own",
            "id_tag": "04A1B2C3",
            "request": '{"idTag":"04A1B2C3"}',
            "violations": ['request.idTag: "04A1B2C3"'],
        },
        {"message_id": "listed", "request": '{"localAuthorizationList":[{"idTag":"04A1B2C3"}]}', "unescaped": "04A1B2C3"},
        {"message_id": "answered", "id_tag": "OTHER", "response": '{"parentIdTag":"04A1B2C3"}'},
        {"message_id": "others", "id_tag": "FFFF9999", "request": '{"idTag":"FFFF9999"}'},
    )
    before = client.query("SELECT * FROM ocpplog.ocpp_log WHERE message_id = 'others'").result_rows
    client.command(ERASE.replace("TAG", "04A1B2C3"))
    assert client.query("SELECT * FROM ocpplog.ocpp_log WHERE message_id = 'others'").result_rows == before
    for column in ("words", "numbers", "search"):
        assert client.query(f"SELECT count() FROM ocpplog.ocpp_log WHERE {column} LIKE '%04a1b2c3%'").result_rows == [(0,)]
    assert "04A1B2C3" not in str(client.query("SELECT * FROM ocpplog.ocpp_log").result_rows)
    tags = client.query("SELECT message_id, id_tag FROM ocpplog.ocpp_log ORDER BY sequence").result_rows
    assert tags == [("own", "***"), ("listed", ""), ("answered", "OTHER"), ("others", "FFFF9999")]
