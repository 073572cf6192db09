"""/livez, /readyz and /metrics: on the API's port, or on a port of their own that nobody reaches who reaches the API."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import uvicorn
from clickhouse_connect.driver.exceptions import ClickHouseError
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from ocpplog_common.clickhouse import tables
from ocpplog_query_api import errors
from ocpplog_query_api.database import CurrentDatabase, Database
from ocpplog_query_api.errors import ApiError, Unavailable

router = APIRouter(include_in_schema=False)
Stopping = Callable[[], bool]
"""Whether the server answers what it has, and takes nothing new."""


class Stops(ApiError):
    status, kind, title = 503, "server-stops", "The server stops"


@router.get("/livez")
async def livez() -> PlainTextResponse:
    return PlainTextResponse("ok\n")


@router.get("/readyz")
async def readyz(request: Request, database: CurrentDatabase) -> PlainTextResponse:
    """Ready once the log can be read, and until the server stops."""
    if request.app.state.stopping():
        raise Stops
    try:
        await database.rows("ready", f"SELECT 1 FROM {database.name}.{tables.LOG} LIMIT 0", {})
    except ClickHouseError as error:
        raise Unavailable("The schema is not there yet.") from error
    return PlainTextResponse("ok\n")


@router.get("/metrics")
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@contextlib.asynccontextmanager
async def served(database: Database, stopping: Stopping, listener: socket.socket | None) -> AsyncIterator[None]:
    """Answered at `listener` meanwhile, which is closed in the end; without one, nowhere here."""
    if listener is None:
        yield
        return
    config = uvicorn.Config(
        _app(database, stopping),
        log_config=None,
        access_log=False,
        server_header=False,
        http="h11",
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = _Beside(config)
    serving = asyncio.create_task(server.serve([listener]), name="serve health")
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def _app(database: Database, stopping: Stopping) -> FastAPI:
    app = FastAPI(openapi_url=None, telemetry={"tracing": False, "metrics": False, "logs": False})
    app.state.database = database
    app.state.stopping = stopping
    errors.install(app)
    app.include_router(router)
    return app


class _Beside(uvicorn.Server):
    """Leaves the process's signals to the server of the API, and ends after it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
