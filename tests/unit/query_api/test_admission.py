"""How often, and how often at once, one may call; what is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI, Request
from prometheus_client import REGISTRY

from ocpplog_common import tokens
from ocpplog_common.tokens import Role
from ocpplog_query_api import errors, limits, middleware
from ocpplog_query_api.auth import CurrentCaller
from ocpplog_query_api.limits import AtOnce, Buckets
from ocpplog_query_api.settings import ApiSettings
from ocpplog_query_api.verification import JwtVerifier


class TestBuckets:
    @pytest.fixture(autouse=True)
    def _clock(self) -> None:
        self.now = 0.0

    def buckets(self, most: int = 10) -> Buckets:
        return Buckets(2.0, 5.0, most, lambda: self.now)

    def test_what_was_saved_up_and_then_the_rate(self) -> None:
        buckets = self.buckets()
        assert [buckets.take("a", 1) for _ in range(6)] == [0, 0, 0, 0, 0, 0.5]
        self.now = 0.5
        assert [buckets.take("a", 1), buckets.take("a", 1)] == [0, 0.5]
        self.now = 1000
        assert [buckets.take("a", 1) for _ in range(6)] == [0, 0, 0, 0, 0, 0.5]

    def test_a_refusal_costs_nothing(self) -> None:
        buckets = self.buckets()
        buckets.take("a", 5)
        assert [buckets.take("a", 4) for _ in range(3)] == [2, 2, 2]
        self.now = 2
        assert buckets.take("a", 4) == 0

    def test_each_has_its_own(self) -> None:
        buckets = self.buckets()
        assert buckets.take("a", 5) == 0
        assert buckets.take("b", 5) == 0

    def test_what_costs_more_than_can_be_saved_up_is_possible(self) -> None:
        assert self.buckets().take("a", 100) == 0

    def test_memory_is_bounded(self) -> None:
        buckets = self.buckets(most=3)
        for number in range(100):
            buckets.take(f"{number}", 5)
        assert len(buckets) == 3
        assert buckets.take("99", 1) > 0

    def test_none(self) -> None:
        buckets = Buckets(0, 1, 10, lambda: 0.0)
        assert not any(buckets.take("a", 1) for _ in range(100))
        assert len(buckets) == 0


def test_costs() -> None:
    assert limits.cost("/v1/logs") == 1
    assert limits.cost("/v1/logs/export") > limits.cost("/v1/logs/facets") > 1


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("socket", "other", False),
    ],
)
def test_addresses(one: str, other: str, is_same: bool) -> None:
    assert (limits.address(one) == limits.address(other)) is is_same
    assert limits.address(one) != limits.subject(one)


def test_at_once() -> None:
    places = AtOnce(2)
    assert [places.take("a"), places.take("a"), places.take("a"), places.take("b")] == [True, True, False, True]
    places.give_back("a")
    assert places.take("a")
    for who in ("a", "a", "b"):
        places.give_back(who)
    assert len(places) == 0


@pytest.fixture
def settings(tmp_path: Path) -> ApiSettings:
    tokens.create_key(tmp_path / "key")
    return ApiSettings(
        api_jwt_key_file=tmp_path / "key",
        api_rate_per_s=0.01,
        api_rate_burst=3,
        api_max_requests_per_caller=1,
        api_max_body_bytes=1024,
        api_cors_origins=["https://page.example"],
        api_oidc_authority="https://login.example/realm",
        api_oidc_client_id="dash",
    )


class Door:
    """An application behind the middleware."""

    def __init__(self, settings: ApiSettings) -> None:
        self.settings = settings
        app = FastAPI()
        errors.install(app)
        middleware.install(app, settings, JwtVerifier(settings))
        app.add_api_route("/v1/who", self._who)
        app.add_api_route("/v1/body", self._body, methods=["PUT"])
        app.add_api_route("/v1/nested", self._nested)
        app.add_api_route("/v1/broken", self._broken)
        app.add_api_route("/v1/config", self._nothing)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://api")
        self.in_flight = 0.0

    async def _who(self, caller: CurrentCaller) -> str:
        self.in_flight = REGISTRY.get_sample_value("ocpplog_api_requests_in_flight") or 0.0
        return caller.subject

    async def _body(self, request: Request) -> int:
        return len(await request.body())

    async def _nested(self, request: Request) -> int:
        """How the same caller fares meanwhile."""
        answer = await self.client.get("/v1/who", headers={"Authorization": request.headers["Authorization"]})
        return answer.status_code

    async def _broken(self) -> None:
        raise RuntimeError("secret")

    async def _nothing(self) -> str:
        """Asks for no caller."""
        return "nothing"

    def token(self, subject: str) -> dict[str, str]:
        return {"Authorization": "Bearer " + tokens.mint(self.settings.key, subject, Role.VIEWER, ["*"], 60)}

    async def get(self, path: str, subject: str = "", **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=(self.token(subject) if subject else {}) | headers)


@pytest.fixture
async def door(settings: ApiSettings) -> AsyncIterator[Door]:
    found = Door(settings)
    yield found
    await found.client.aclose()


async def test_a_subject_is_limited_wherever_it_calls_from(door: Door) -> None:
    assert [(await door.get("/v1/who", "anna")).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = await door.get("/v1/who", "anna")
    assert refused.json()["type"] == "urn:ocpplog:problem:too-many-requests"
    assert 1 <= int(refused.headers["retry-after"]) <= 100
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await door.get("/v1/who", "berta")).text == '"berta"'


async def test_without_a_token_by_address_and_whoever_has_one_is_not_held_up(door: Door) -> None:
    bad = {"Authorization": door.token("anna")["Authorization"][:-2]}
    codes = [(await door.get("/v1/who", **headers)).status_code for headers in ({}, bad, {}, bad, {})]
    assert codes == [401, 401, 401, 429, 429]
    assert (await door.get("/v1/who", "anna")).status_code == 200


async def test_no_token_opens_one_door_only(door: Door) -> None:
    assert (await door.get("/v1/config")).text == '"nothing"'
    for path in ("/v1/broken", "/v1/nowhere"):
        answer = await door.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_so_many_at_once(door: Door) -> None:
    assert (await door.get("/v1/nested", "anna")).text == "429"
    assert (await door.get("/v1/who", "anna")).status_code == 200


async def test_a_body_that_is_too_long(door: Door) -> None:
    async def pieces(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"x" * 512

    assert (await door.client.put("/v1/body", content=b"x" * 1024, headers=door.token("anna"))).text == "1024"
    assert (await door.client.put("/v1/body", content=pieces(2), headers=door.token("anna"))).text == "1024"
    for content in (b"x" * 1025, pieces(3)):
        answer = await door.client.put("/v1/body", content=content, headers=door.token("berta"))
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:ocpplog:problem:body-too-large")
        assert (await door.client.put("/v1/body", content=content)).status_code == 401


async def test_every_answer_has_a_name(door: Door) -> None:
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as log:
        assert (await door.get("/v1/who", "anna", **{"X-Request-ID": "trace-1"})).headers["x-request-id"] == "trace-1"
        # The line comes after the answer.
        await asyncio.sleep(0)
    assert [(line["event"], line["request_id"]) for line in log] == [("answered", "trace-1")]
    names = {(await door.get("/nowhere", **bad)).headers["x-request-id"] for bad in ({}, {"X-Request-ID": "a b"}, {})}
    assert len(names) == 3 and "a b" not in names
    failed = await door.get("/v1/broken", "anna")
    assert failed.status_code == 500 and "secret" not in failed.text
    assert failed.headers["x-request-id"] and failed.headers["x-content-type-options"] == "nosniff"


async def test_the_policy_of_an_answer_lets_no_page_ask_elsewhere(door: Door) -> None:
    assert "connect-src 'self';" in (await door.get("/v1/config")).headers["content-security-policy"]


async def test_other_pages_may_change_things(door: Door) -> None:
    def asked(origin: str) -> dict[str, Any]:
        return {
            "Origin": origin,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "authorization, if-match, content-type, last-event-id",
        }

    allowed = await door.client.options("/v1/body", headers=asked("https://page.example"))
    assert allowed.status_code == 200 and allowed.headers["access-control-allow-origin"] == "https://page.example"
    refused = await door.client.options("/v1/body", headers=asked("https://elsewhere.example"))
    assert refused.status_code == 400 and "access-control-allow-origin" not in refused.headers
    for _ in range(4):
        answer = await door.get("/v1/who", "anna", Origin="https://page.example")
    assert answer.status_code == 429 and answer.headers["access-control-allow-origin"] == "https://page.example"
    assert "Retry-After" in answer.headers["access-control-expose-headers"]


async def test_requests_in_flight_are_counted(door: Door) -> None:
    await door.get("/v1/who", "anna")
    assert door.in_flight == 1
    assert REGISTRY.get_sample_value("ocpplog_api_requests_in_flight") == 0
