"""Who gets in where."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from ocpplog_common import tokens
from ocpplog_query_api.admission import OPEN
from ocpplog_query_api.app import create_app
from ocpplog_query_api.auth import current_caller
from ocpplog_query_api.dashboard.endpoints import PAGES
from ocpplog_query_api.settings import ApiSettings

HEALTH = {"/livez", "/readyz", "/metrics"}
EVERYBODY = {*HEALTH, "/openapi.json", "/docs", "/static/{name:path}", *PAGES}
"""Of these none holds anything of the log."""


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    tokens.create_key(tmp_path / "key")
    return create_app(ApiSettings(api_jwt_key_file=tmp_path / "key"))


def paths(app: FastAPI) -> set[str]:
    return {str(context.path) for context in iter_route_contexts(app.routes)}


def test_what_is_outside_v1_is_for_everybody(app: FastAPI) -> None:
    """Whoever adds to it says so here."""
    assert {path for path in paths(app) if not path.startswith("/v1/")} == EVERYBODY


def test_with_a_port_for_health_nothing_of_it_is_on_the_apis(tmp_path: Path) -> None:
    tokens.create_key(tmp_path / "key")
    found = paths(create_app(ApiSettings(api_jwt_key_file=tmp_path / "key", api_health_port=9314)))
    assert {path for path in found if not path.startswith("/v1/")} == EVERYBODY - HEALTH


def test_what_needs_a_token_says_so_in_the_description(app: FastAPI) -> None:
    described = app.openapi()["paths"]
    assert set(described) == {path for path in paths(app) if path.startswith("/v1/")}
    silent = {path for path, methods in described.items() for method in methods.values() if "security" not in method}
    assert silent == OPEN


async def test_an_endpoint_that_forgets_to_ask_is_closed_all_the_same(app: FastAPI) -> None:
    app.add_api_route("/v1/forgotten", lambda: "secret")
    app.add_api_route("/v1/hidden", lambda: "secret", include_in_schema=False)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        for path in ("/v1/forgotten", "/v1/hidden", "/v1/config/../forgotten", "/v1/./hidden"):
            answer = await client.get(path)
            assert answer.status_code == 401 and "secret" not in answer.text


def test_no_request_waits_for_a_thread(app: FastAPI) -> None:
    """FastAPI sends to a thread, and back, whatever is not `async`."""
    contexts = [context for context in iter_route_contexts(app.routes) if isinstance(context.original_route, APIRoute)]
    calls = {call for context in contexts for call in _called(context.dependant)}
    assert current_caller in calls and len(calls) > len(contexts)
    assert [call for call in calls if not _is_async(call)] == []


def _called(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for needed in dependant.dependencies:
        yield from _called(needed)


def _is_async(call: Any) -> bool:
    return iscoroutinefunction(call) or iscoroutinefunction(type(call).__call__)


def test_errors_are_described_as_they_are(app: FastAPI) -> None:
    document = app.openapi()
    assert document == app.openapi()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            errors = {status: answer["content"] for status, answer in operation["responses"].items() if status >= "400"}
            assert all(list(content) == ["application/problem+json"] for content in errors.values())
            assert ("413" in errors) is ("requestBody" in operation), (method, path)
            assert path in OPEN or {"401", "422", "429", "503"} <= errors.keys()
