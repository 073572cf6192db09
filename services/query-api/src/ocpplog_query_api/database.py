"""ClickHouse, as the repositories see it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from clickhouse_connect.driver import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError
from fastapi import Depends, Request
from opentelemetry.trace import SpanKind

from ocpplog_common import tracing
from ocpplog_common.clickhouse import client as clickhouse
from ocpplog_query_api import metrics, results
from ocpplog_query_api.errors import Unavailable
from ocpplog_query_api.moving import PREFIX
from ocpplog_query_api.results import Row as Row
from ocpplog_query_api.settings import ApiSettings
from ocpplog_query_api.sharing import Shared
from ocpplog_query_api.streaming import Stream, interrupted

NEWEST: Final = "newest"
"""Names the query for the newest entries of all sites, whatever they are."""
_CONNECTIONS: Final = 100
"""To ClickHouse, for queries; as many again for results that are sent on as they come."""
_HELD: Final = {"max_result_bytes": 64 * 1024 * 1024, "result_overflow_mode": "throw"}
"""Of what is held as a whole until it is sent: a thousand entries may have two payloads of a megabyte each."""
_KEPT: Final = frozenset({"count", "histogram", "sites", "quiet sites", "online", "edge", NEWEST})
"""Counts, and what everyone's page asks of all sites when it opens: they may be two seconds old (ADR 23)."""


class Database:
    """Connects when it is first asked, and again after a failure: the API can start before ClickHouse does.

    Streams have connections of their own: each lasts as long as somebody reads it, and nobody who reads slowly, or not at all,
    takes one from those who search.
    """

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._clients: tuple[AsyncClient, AsyncClient] | None = None
        self._connecting = asyncio.Lock()
        self._shared = Shared(settings.api_shared_seconds)

    @property
    def name(self) -> str:
        return self._settings.clickhouse_database

    async def rows(
        self, label: str, sql: str, parameters: Mapping[str, Any], limits: Mapping[str, Any] | None = None
    ) -> list[Row]:
        """Run a query, or wait for the same one where it has just begun. `label` names it in the metrics; `limits` are settings
        that go before the usual ones.

        Raises Unavailable or clickhouse_connect's ClickHouseError.
        """
        settings = self._limits() | _HELD | results.SETTINGS | dict(limits or {})
        key = (label, sql, repr(parameters), repr(limits))
        ask = partial(self._asked, label, sql, parameters, settings)
        if label in _KEPT:
            found = await self._shared.kept((label, sql, _as_seen_from_now(parameters), repr(limits)), key, ask)
        else:
            found = await self._shared.answer(key, ask)
        try:
            return results.rows(found)
        except msgspec.DecodeError as error:
            raise interrupted(found) from error

    async def _asked(self, label: str, sql: str, parameters: Mapping[str, Any], settings: dict[str, Any]) -> bytes:
        client, _ = await self._connected()
        started = time.perf_counter()
        try:
            with tracing.child(label, SpanKind.CLIENT, self._described(label)):
                headers = tracing.headers()
                return await client.raw_query(
                    sql, dict(parameters), settings=settings, fmt=results.FORMAT, transport_settings=headers
                )
        except OSError as error:
            raise Unavailable("Try again in a moment.", {"Retry-After": "2"}) from error
        finally:
            metrics.QUERY_SECONDS.labels(label).observe(time.perf_counter() - started)

    async def stream(
        self, label: str, sql: str, parameters: Mapping[str, Any], form: str, settings: Mapping[str, Any] | None = None
    ) -> Stream:
        """Begin a query whose result is read as it comes, in one of ClickHouse's formats. It may take `api_export_seconds`.

        Raises what `rows` does. Ends in ClickHouse when the stream is closed: only queries that cannot write do (readonly).
        """
        _, client = await self._connected()
        limits = self._limits() | {"max_execution_time": self._settings.api_export_seconds, "readonly": 2}
        try:
            with tracing.child(label, SpanKind.CLIENT, self._described(label), held=True) as span:
                known = limits | dict(settings or {})
                headers = tracing.headers()
                found = await client.raw_stream(sql, dict(parameters), settings=known, fmt=form, transport_settings=headers)
        except OSError as error:
            raise Unavailable("Try again in a moment.", {"Retry-After": "2"}) from error
        return Stream(found, span)

    async def close(self) -> None:
        for client in self._clients or ():
            await client.close()
        self._clients = None

    async def _connected(self) -> tuple[AsyncClient, AsyncClient]:
        """For queries, and for streams."""
        if self._clients:
            return self._clients
        async with self._connecting:
            if self._clients is None:
                try:
                    self._clients = await self._both()
                except (ClickHouseError, OSError, clickhouse.ServerTooOld) as error:
                    raise Unavailable(f"{type(error).__name__}: try again in a moment.", {"Retry-After": "2"}) from error
            return self._clients

    async def _both(self) -> tuple[AsyncClient, AsyncClient]:
        """Both or none: what is open already is closed where the rest fails."""
        async with AsyncExitStack() as opened:
            queries, streams = await self._connect(opened), await self._connect(opened)
            opened.pop_all()
        return queries, streams

    async def _connect(self, opened: AsyncExitStack) -> AsyncClient:
        limits = {"connector_limit": _CONNECTIONS, "connector_limit_per_host": _CONNECTIONS}
        client = await clickhouse.connect_async(self._settings, database="default", connect_timeout=3, **limits)
        opened.push_async_callback(client.close)
        clickhouse.check_version(client.server_version or "")
        return client

    def _described(self, label: str) -> dict[str, str]:
        """Of a query's span: never its text or parameters."""
        name = self._settings.clickhouse_database
        known = {"db.system.name": "clickhouse", "db.namespace": name}
        return known | {"db.operation.name": "SELECT", "db.query.summary": label}

    def _limits(self) -> dict[str, Any]:
        return {
            "max_execution_time": self._settings.api_max_seconds,
            "max_memory_usage": self._settings.api_max_memory_bytes,
            "max_rows_to_read": self._settings.api_max_rows_read,
            "max_bytes_to_read": self._settings.api_max_bytes_read,
            "read_overflow_mode": "throw",
        }


def _as_seen_from_now(parameters: Mapping[str, Any]) -> str:
    """Equal for what the same page asks a second later, such as its last 24 hours; not for two windows that somebody named."""
    now = datetime.now(UTC).replace(microsecond=0)
    return repr({name: _ago(now, value) if name.startswith(PREFIX) else value for name, value in parameters.items()})


def _ago(now: datetime, moment: str) -> timedelta:
    return now - datetime.fromisoformat(moment).replace(tzinfo=UTC)


async def database(request: Request) -> Database:
    found: Database = request.app.state.database
    return found


CurrentDatabase = Annotated[Database, Depends(database)]
