"""Clients for ClickHouse's HTTP interface."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver import AsyncClient, Client

from ocpplog_common.settings import ClickHouseSettings

MINIMUM_VERSION = (26, 9)
"""Older servers lose the text index under ORDER BY ... LIMIT, or leak hidden rows' tokens past row policies."""


class ServerTooOld(RuntimeError):
    """The server is older than `MINIMUM_VERSION`."""


def connection_options(settings: ClickHouseSettings, database: str | None = None) -> dict[str, Any]:
    """Keyword arguments of clickhouse_connect's client factories. `database` goes before the settings' one."""
    url = urlsplit(settings.clickhouse_url)
    return {
        "host": url.hostname or "127.0.0.1",
        "port": url.port or (8443 if url.scheme == "https" else 8123),
        "secure": url.scheme == "https",
        "username": settings.clickhouse_user,
        "password": settings.clickhouse_password.get_secret_value(),
        "database": settings.clickhouse_database if database is None else database,
        "ca_cert": settings.clickhouse_ca_file or None,
        # A session would serialise the queries of one client.
        "autogenerate_session_id": False,
    }


def connect(settings: ClickHouseSettings, database: str | None = None, **options: Any) -> Client:
    return clickhouse_connect.get_client(**connection_options(settings, database), **options)


async def connect_async(settings: ClickHouseSettings, database: str | None = None, **options: Any) -> AsyncClient:
    return await clickhouse_connect.get_async_client(**connection_options(settings, database), **options)


def check_version(version: str) -> None:
    """Raises `ServerTooOld`. `version` is what the server reports, such as 26.9.2.1."""
    found = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if found < MINIMUM_VERSION:
        need = ".".join(map(str, MINIMUM_VERSION))
        raise ServerTooOld(f"ClickHouse {version} is too old: the log's text index needs {need} or newer")
