"""The query API in this process, on the local ClickHouse, with records of sites and chargers that a test sets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

from integration.views_support import Log
from ocpplog_common import tokens
from ocpplog_common.records import Charger, LevelName, Site
from ocpplog_common.tokens import Role
from ocpplog_query_api.app import create_app
from ocpplog_query_api.database import Database
from ocpplog_query_api.settings import ApiSettings
from support.processes import local_clickhouse


class Records:
    """Stands for the registry, which follows Kafka."""

    def __init__(self) -> None:
        self.ready = True
        self.sites: dict[str, Site] = {}
        self.chargers: dict[str, Charger] = {}

    def site(self, name: str, level: str) -> None:
        self.sites[name] = Site(name, level=LevelName(level))

    def charger(self, name: str, site: str) -> None:
        self.chargers[name] = Charger(name, site)


class Fleet:
    """`log` writes rows; `get` asks, as somebody who sees `sites` (none: nobody at all)."""

    def __init__(self, log: Log, records: Records, portal: BlockingPortal, client: httpx.AsyncClient, key: str) -> None:
        self.log, self.records = log, records
        self._portal, self._client, self._key = portal, client, key

    def forgetful(self) -> Fleet:
        """The same, with no record of before."""
        self.records.ready = True
        self.records.sites.clear()
        self.records.chargers.clear()
        return self

    def ask(self, path: str, sites: tuple[str, ...] | None = ("*",), **parameters: Any) -> httpx.Response:
        self.log.flush()
        token = tokens.mint(self._key, "tester", Role.VIEWER, sites or (), 600)
        headers = {"Authorization": f"Bearer {token}"} if sites is not None else {}
        named = {name.rstrip("_"): value for name, value in parameters.items()}
        return self._portal.call(partial(self._client.get, path, params=named, headers=headers))

    def get(self, path: str, sites: tuple[str, ...] = ("*",), **parameters: Any) -> Any:
        answer = self.ask(path, sites, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pages(self, path: str, sites: tuple[str, ...] = ("*",), **parameters: Any) -> list[list[Any]]:
        found = []
        cursor = ""
        while True:
            page = self.get(path, sites, cursor=cursor, **parameters)
            found.append(page["items"])
            cursor = page["next_cursor"]
            if not cursor:
                return found

    def problem(self, status: int, problem: str, path: str, sites: tuple[str, ...] | None = ("*",), **parameters: Any) -> Any:
        answer = self.ask(path, sites, **parameters)
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert body["type"] == f"urn:ocpplog:problem:{problem}"
        return body


def ago(**before: float) -> str:
    """So long before now, as the tables have it."""
    return (datetime.now(UTC) - timedelta(**before)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


@contextmanager
def running_fleet(directory: Path) -> Iterator[Fleet]:
    key_file = directory / "key"
    key = tokens.create_key(key_file)
    with (
        local_clickhouse(directory / "clickhouse") as store,
        clickhouse_connect.get_client(host="127.0.0.1", port=store.port) as client,
    ):
        settings = ApiSettings(api_jwt_key_file=key_file, clickhouse_url=store.url, api_max_page=100, api_rate_per_s=0)
        log = Log(client, settings.clickhouse_database)
        app = create_app(settings)
        app.state.database, app.state.registry = Database(settings), Records()
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api")
        with start_blocking_portal() as portal:
            yield Fleet(log, app.state.registry, portal, http, key)
            portal.call(http.aclose)
            portal.call(app.state.database.close)
