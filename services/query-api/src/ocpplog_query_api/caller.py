"""GET /v1/me, and GET /v1/config for pages on which nobody has signed in yet."""

from __future__ import annotations

from importlib import metadata

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from ocpplog_common.tokens import ALL_SITES, Role
from ocpplog_query_api.auth import CurrentCaller
from ocpplog_query_api.errors import RESPONSES
from ocpplog_query_api.logs import times
from ocpplog_query_api.settings import ApiSettings

router = APIRouter(prefix="/v1", tags=["caller"])


class Me(BaseModel):
    subject: str
    role: Role
    sites: list[str] = Field(description="Sites that may be seen; * means all")
    expires_at: str = Field(description="When the token expires, UTC")


class Oidc(BaseModel):
    authority: str = Field(description="The issuer; its endpoints are in <authority>/.well-known/openid-configuration")
    client_id: str
    scopes: str = Field(description="With blanks between them", examples=["openid profile"])


class Config(BaseModel):
    oidc: Oidc | None = Field(description="Where to sign in; null: with a token that one has")
    version: str
    max_export: int = Field(description="Most entries of an export")
    max_page: int = Field(description="Most items of a page")


@router.get("/me", summary="Who am I", responses=RESPONSES)
async def me(caller: CurrentCaller) -> Me:
    sites = caller.scope.sites
    shown = [ALL_SITES] if sites is None else sorted(sites)
    return Me(subject=caller.subject, role=caller.role, sites=shown, expires_at=times.iso(caller.expires_at))


@router.get("/config", summary="What a page needs before sign-in")
async def config(request: Request) -> Config:
    """Wants no token."""
    settings: ApiSettings = request.app.state.settings
    return Config(
        oidc=_oidc(settings),
        version=metadata.version("ocpplog-query-api"),
        max_export=settings.api_max_export,
        max_page=settings.api_max_page,
    )


def _oidc(settings: ApiSettings) -> Oidc | None:
    if not settings.api_oidc_authority:
        return None
    return Oidc(authority=settings.api_oidc_authority, client_id=settings.api_oidc_client_id, scopes=settings.api_oidc_scopes)
