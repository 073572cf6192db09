"""Connecting to ClickHouse: both clients or none. What counts as the same question."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ocpplog_common.clickhouse import client as clickhouse
from ocpplog_query_api import database as database_module
from ocpplog_query_api.database import Database
from ocpplog_query_api.errors import Unavailable
from ocpplog_query_api.logs.times import for_clickhouse
from ocpplog_query_api.moving import PREFIX
from ocpplog_query_api.settings import ApiSettings

NEW, OLD = "26.9.2.1", "25.1.1.1"
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Client:
    def __init__(self, version: str) -> None:
        self.server_version = version
        self.closed = False
        self.queries = 0

    async def raw_query(self, *_: Any, **__: Any) -> bytes:
        self.queries += 1
        return b'{"meta":[],"data":[]}'

    async def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("servers", [[NEW, OSError("gone")], [NEW, OLD], [OLD]])
async def test_what_was_opened_is_closed_where_the_rest_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, servers: Sequence[str | OSError]
) -> None:
    (tmp_path / "key").write_text("0123456789abcdef" * 4)
    opened: list[Client] = []
    coming = iter([*servers, NEW, NEW])

    async def connect(*_: Any, **__: Any) -> Client:
        found = next(coming)
        if isinstance(found, OSError):
            raise found
        opened.append(Client(found))
        return opened[-1]

    monkeypatch.setattr(clickhouse, "connect_async", connect)
    database = Database(ApiSettings(api_jwt_key_file=tmp_path / "key"))
    with pytest.raises(Unavailable):
        await database.rows("test", "SELECT 1", {})
    assert opened and all(client.closed for client in opened)
    failed = len(opened)
    await database.rows("test", "SELECT 1", {})
    assert [client.closed for client in opened[failed:]] == [False, False]
    await database.close()
    assert all(client.closed for client in opened)


async def test_what_reads_the_last_hours_is_the_same_question_a_second_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    client = Client(NEW)

    async def connect(*_: Any, **__: Any) -> Client:
        return client

    monkeypatch.setattr(clickhouse, "connect_async", connect)
    (tmp_path / "key").write_text("0123456789abcdef" * 4)
    database = Database(ApiSettings(api_jwt_key_file=tmp_path / "key"))

    async def asked(label: str, second: int, since: int, site: str = "yard", name: str = PREFIX + "since") -> int:
        monkeypatch.setattr(
            database_module, "datetime", type("At", (datetime,), {"now": lambda _: NOON + timedelta(seconds=second)})
        )
        moment = for_clickhouse(NOON - timedelta(days=1) + timedelta(seconds=since))
        await database.rows(label, "SELECT 1", {name: moment, "site": site})
        return client.queries

    assert [await asked("count", 0, 0), await asked("count", 1, 1)] == [1, 1]
    assert [await asked("count", 1, 1, "depot"), await asked("histogram", 1, 1), await asked("count", 1, 0)] == [2, 3, 4]
    assert [await asked("list", 0, 0), await asked("list", 0, 0)] == [5, 6]
    assert [await asked("count", 0, 0, name="since"), await asked("count", 1, 1, name="since")] == [7, 8]
    assert await asked("count", 2, 0, name="since") == 8
    await database.close()
