"""What the answer to a change of a site holds, whatever the log and the records that follow Kafka do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from ocpplog_common.records import Charger, Connectivity, Site
from ocpplog_common.tokens import Role
from ocpplog_query_api.database import Database
from ocpplog_query_api.errors import Unavailable
from ocpplog_query_api.scope import Scope
from ocpplog_query_api.sites import repository
from ocpplog_query_api.sites.repository import SiteRepository
from ocpplog_query_api.sites.schemas import SiteWritten

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
WRITTEN = Site("yard", name="Yard", connectivity=Connectivity.WIRELESS, upstream="wss://csms.example/")
Answer = Callable[[], Coroutine[Any, Any, list[dict[str, Any]]]]


class Records:
    """As they were before the change: they follow Kafka, and may be behind."""

    ready = True

    def __init__(self, *sites: Site) -> None:
        self.sites = {site.site_id: site for site in sites}
        self.chargers = {"CP1": Charger("CP1", "yard")}


class Store:
    name = "db"

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def rows(self, *_: Any) -> list[dict[str, Any]]:
        return await self._answer()


async def written(answer: Answer, *known: Site) -> SiteWritten:
    database = cast(Database, Store(answer))
    return await SiteRepository(database, Scope(None), Role.SUPPORT, Records(*known)).written(WRITTEN, NOW)


async def nothing() -> list[dict[str, Any]]:
    return []


@pytest.mark.parametrize("known", [(), (Site("yard", name="Of before"),)], ids=["none", "older"])
async def test_it_is_of_the_record_that_was_written(known: tuple[Site, ...]) -> None:
    found = await written(nothing, *known)
    assert (found.name, found.connectivity, found.level, found.upstream) == ("Yard", "wireless", "minimal", "wss://csms.example/")
    assert (found.registered, found.chargers, found.entries_24h, found.last_entry) == (True, 1, 0, None)


@pytest.mark.parametrize(
    "error", [Unavailable("Try again."), DatabaseError("Code: 159"), OSError("reset"), RuntimeError("surprise")], ids=repr
)
async def test_where_the_log_fails_its_numbers_are_null(error: Exception) -> None:
    async def fails() -> list[dict[str, Any]]:
        raise error

    found = await written(fails)
    assert (found.site_id, found.name, found.registered) == ("yard", "Yard", True)
    assert (found.chargers, found.chargers_online, found.entries_24h, found.errors_24h) == (None,) * 4


async def test_nobody_waits_for_a_log_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "_TOLD_WITHIN_S", 0.01)

    async def silent() -> list[dict[str, Any]]:
        await asyncio.Event().wait()
        return []

    assert (await written(silent)).entries_24h is None
