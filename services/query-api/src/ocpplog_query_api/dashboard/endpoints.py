"""Serves the pages; every asset is in the package. They are built from `services/query-api/dashboard` (ADR 21)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ocpplog_query_api import security
from ocpplog_query_api.dashboard import assets
from ocpplog_query_api.errors import NotFound
from ocpplog_query_api.settings import ApiSettings

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
    index, headers = files["index.html"], _headers(app.state.settings)

    async def page(request: Request) -> Response:
        return index.answer(request, headers)

    async def description(request: Request) -> Response:
        """The API's description, without assets from elsewhere."""
        return files["docs.html"].answer(request)

    async def static(request: Request, name: str) -> Response:
        if name not in files:
            raise NotFound
        return files[name].answer(request, headers)

    for path in PAGES:
        app.get(path, include_in_schema=False)(page)
    app.get("/docs", include_in_schema=False)(description)
    app.get("/static/{name:path}", include_in_schema=False)(static)
    missing = Response(index.content, 404, {**headers, "Cache-Control": "no-cache", "Vary": "Accept"}, index.media_type)
    app.router.default = _for_people(missing, app.router.default)


def _headers(settings: ApiSettings) -> Mapping[str, str]:
    """The page asks the authority for its endpoints and for the token, which is at home elsewhere."""
    if not settings.api_oidc_authority:
        return {}
    authority = urlsplit(settings.api_oidc_authority)
    own = f"{authority.scheme}://{authority.netloc}"
    return {"Content-Security-Policy": security.policy(own, *settings.api_oidc_origins)}


def _for_people(page: ASGIApp, otherwise: ASGIApp) -> ASGIApp:
    """For paths that nothing is at: who wants HTML gets the page, which says so in their language; programs get what they got."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await (page if _wants_page(scope) else otherwise)(scope, receive, send)

    return answer


def _wants_page(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or f"{scope['path']}/".startswith("/v1/"):
        return False
    return "text/html" in Request(scope).headers.get("accept", "")
