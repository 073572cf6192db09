"""Serves the pages; every asset is in the package. They are built from `services/query-api/dashboard` (ADR 21)."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request, Response

from ocpplog_query_api.dashboard import assets
from ocpplog_query_api.errors import NotFound

_STATIC = Path(__file__).parent / "static"
PAGES = (
    "/",
    "/sign-in",
    "/overview",
    "/chargers",
    "/chargers/{charger_id:path}",
    "/sessions",
    "/sessions/{session_id:path}",
    "/sites",
    "/sites/{site_id:path}",
)
"""Paths of views: all are one page, which reads its address itself."""


def mount(app: FastAPI) -> None:
    files = assets.load(_STATIC)

    async def page(request: Request) -> Response:
        return files["index.html"].answer(request)

    async def description(request: Request) -> Response:
        """The API's description, without assets from elsewhere."""
        return files["docs.html"].answer(request)

    async def static(request: Request, name: str) -> Response:
        if name not in files:
            raise NotFound
        return files[name].answer(request)

    for path in PAGES:
        app.get(path, include_in_schema=False)(page)
    app.get("/docs", include_in_schema=False)(description)
    app.get("/static/{name:path}", include_in_schema=False)(static)
