"""/livez, /readyz and /metrics."""

from __future__ import annotations

from clickhouse_connect.driver.exceptions import ClickHouseError
from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from ocpplog_common.clickhouse import tables
from ocpplog_query_api.database import CurrentDatabase
from ocpplog_query_api.errors import Unavailable

router = APIRouter(include_in_schema=False)


@router.get("/livez")
async def livez() -> PlainTextResponse:
    return PlainTextResponse("ok\n")


@router.get("/readyz")
async def readyz(database: CurrentDatabase) -> PlainTextResponse:
    """Ready once the log can be read."""
    try:
        await database.rows("ready", f"SELECT 1 FROM {database.name}.{tables.LOG} LIMIT 0", {})
    except ClickHouseError as error:
        raise Unavailable("The schema is not there yet.") from error
    return PlainTextResponse("ok\n")


@router.get("/metrics")
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
