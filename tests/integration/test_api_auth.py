"""Every route of the OpenAPI document, asked by whoever may not."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx
import jwt
import pytest

from integration.query_api_support import Bench, insert, problem
from integration.writes_support import Writes, writes
from ocpplog_common.tokens import Role
from ocpplog_query_api.admission import OPEN

pytestmark = pytest.mark.integration

BODIES: Final[dict[tuple[str, str], Any]] = {
    ("put", "/v1/sites/{site_id}"): {"name": "x"},
    ("put", "/v1/sites/{site_id}/log-level"): {"level": "debug", "reason": "x"},
    ("put", "/v1/chargers/{charger_id}"): {"site_id": "theirs"},
}
FOREIGN: Final = (
    *("theirs", "CP9", "Secret Vendor", "secret-tag", "SecretFault", "10.66.6.6", "secret-transaction", "wss://secret"),
    "10.77.7.7",
)
"""What only another site has."""
NOWHERE: Final = {"entry_id": "1-" + "a" * 32 + "-1", "site_id": "nowhere", "charger_id": "CP0", "session_id": "x"}
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


@dataclass(frozen=True)
class Route:
    method: str
    path: str

    @property
    def writes(self) -> bool:
        return self.method != "get" or self.path.endswith("/record")

    @property
    def is_list(self) -> bool:
        return self.method == "get" and "{" not in self.path


@dataclass
class Walk:
    api: Writes
    client: httpx.Client
    routes: list[Route]
    theirs: dict[str, str]

    @property
    def lists(self) -> list[Route]:
        return [route for route in self.routes if route.is_list]

    def ask(self, route: Route, names: dict[str, str], token: str | None, **parameters: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        path, body = route.path.format(**names), BODIES.get((route.method, route.path))
        # A tail has no end: its beginning will do.
        with self.client.stream(route.method.upper(), path, headers=headers, json=body, params=parameters) as answer:
            if answer.headers.get("content-type", "").startswith("text/event-stream"):
                answer._content = next(answer.iter_bytes(), b"")
            else:
                answer.read()
            return answer


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    with writes(tmp_path_factory.mktemp("auth")) as api, httpx.Client(base_url=api.bench.url, timeout=20) as client:
        _enter(api)
        document = client.get("/openapi.json").json()
        routes = [Route(method, path) for path, methods in document["paths"].items() for method in methods]
        [entry] = api.do("GET", "/v1/logs?site=theirs&id_tag=secret-tag&action=StartTransaction").json()["items"]
        [session] = api.do("GET", "/v1/sessions?site=theirs").json()["items"]
        theirs = {"entry_id": entry["id"], "site_id": "theirs", "charger_id": "CP9", "session_id": session["id"]}
        yield Walk(api, client, [route for route in routes if route.path not in OPEN], theirs)


def _enter(api: Writes) -> None:
    for site in ("mine", "theirs"):
        api.do("PUT", f"/v1/sites/{site}", {"upstream": "wss://secret" if site == "theirs" else ""}, 201)
    api.do("PUT", "/v1/chargers/CP9", {"site_id": "theirs"}, 201)
    api.do("PUT", "/v1/chargers/CP1", {"site_id": "mine"}, 201)
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() - 60))
    secret = {"datetime": now, "site_id": "theirs", "charger_id": "CP9", "connector_id": 1, "id_tag": "secret-tag"}
    boot = json.dumps({"chargePointVendor": "Secret Vendor", "chargePointModel": "X"})
    fault = {"status": "Faulted", "error_code": "SecretFault", "action": "StatusNotification"}
    insert(
        api.bench.client,
        secret | {"action": "BootNotification", "request": boot},
        secret | fault,
        secret | {"action": "StartTransaction", "transaction_id": "secret-transaction", "latency_ms": 9000},
    )
    # The second one: a charger of mine that was at their site once.
    lines = [_connection(now, "CP9", "10.66.6.6", "b"), _connection(now, "CP1", "10.77.7.7", "d")]
    api.bench.client.raw_insert("ocpplog.connection_event", insert_block=b"\n".join(lines), fmt="JSONEachRow")


def _connection(at: str, charger: str, peer: str, name: str) -> bytes:
    event = {"datetime": at, "site_id": "theirs", "charger_id": charger, "kind": "connect", "peer": peer}
    names = {"connection_id": name * 32, "event_id": name * 32, "gateway_id": "gw", "subprotocol": "ocpp1.6"}
    return json.dumps(event | names).encode()


def test_there_are_those_that_are_known(walk: Walk) -> None:
    assert len(walk.routes) >= 24
    assert {(route.method, route.path) for route in walk.routes if route.method == "put"} == set(BODIES)


def test_every_route_wants_a_token(walk: Walk) -> None:
    for route in walk.routes:
        answer = walk.ask(route, walk.theirs, None)
        problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_every_route_wants_a_good_one(walk: Walk) -> None:
    for token in bad_tokens(walk.api.bench):
        for route in walk.routes:
            problem(walk.ask(route, walk.theirs, token), 401, "unauthenticated")


def test_every_change_wants_the_role(walk: Walk) -> None:
    before = walk.api.stored()
    changing = [route for route in walk.routes if route.writes]
    assert len(changing) >= 7
    for role in (Role.VIEWER, Role.ANALYST):
        for route in changing:
            for sites in (("*",), ("theirs",), ("mine",)):
                problem(walk.ask(route, walk.theirs, walk.api.bench.token(role, sites)), 403, "forbidden")
    assert walk.api.stored() == before


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("sites", [("mine",), ()], ids=["another site", "no site"])
class TestAForeignSite:
    def test_by_name_is_as_good_as_none(self, walk: Walk, role: Role, sites: tuple[str, ...]) -> None:
        before, token = walk.api.stored(), walk.api.bench.token(role, sites)
        for route in walk.routes:
            if not route.is_list:
                theirs, none = walk.ask(route, walk.theirs, token), walk.ask(route, NOWHERE, token)
                assert theirs.status_code == none.status_code in (403, 404, 422), route
                assert without(theirs, walk.theirs) == without(none, NOWHERE), route
        assert walk.api.stored() == before

    def test_as_a_filter_is_as_good_as_none(self, walk: Walk, role: Role, sites: tuple[str, ...]) -> None:
        """Counts, facets, files and all."""
        token = walk.api.bench.token(role, sites)
        for route in walk.lists:
            for name, theirs, none in (
                ("site", "theirs", "nowhere"),
                ("charger", "CP9", "CP0"),
                ("q", "SecretFault", "NowhereFault"),
            ):
                found, nothing = (walk.ask(route, {}, token, **{name: value}) for value in (theirs, none))
                assert found.status_code == nothing.status_code, route
                assert without(found, {"": theirs}) == without(nothing, {"": none}), (route, name)

    def test_is_in_no_answer(self, walk: Walk, role: Role, sites: tuple[str, ...]) -> None:
        token = walk.api.bench.token(role, sites)
        for route in walk.lists:
            for parameters in ({}, {"count": "true"}, {"field": "site"}, {"format": "ndjson"}, {"backlog": 100}):
                text = walk.ask(route, {}, token, **parameters).text
                assert not [word for word in FOREIGN if word in text], (route, parameters)


def test_what_is_mine_of_a_charger_tells_nothing_of_where_it_was(walk: Walk) -> None:
    token, mine = walk.api.bench.token(Role.VIEWER, ("mine",)), walk.theirs | {"charger_id": "CP1", "site_id": "mine"}
    for path in ("/v1/chargers/{charger_id}", "/v1/chargers/{charger_id}/timeline", "/v1/sites/{site_id}"):
        answer = walk.ask(Route("get", path), mine, token)
        assert answer.status_code == 200
        assert not [word for word in FOREIGN if word in answer.text], path


def test_the_foreign_site_is_there_for_who_may_see_it(walk: Walk) -> None:
    """Else the tests above would prove nothing."""
    token = walk.api.bench.token(Role.SUPPORT, ("theirs",))
    reads = [route for route in walk.routes if route.method == "get"]
    moved = walk.theirs | {"charger_id": "CP1"}
    seen = " ".join(walk.ask(route, names, token, backlog=100).text for route in reads for names in (walk.theirs, moved))
    assert not [word for word in FOREIGN if word not in seen]


def test_numbers_are_those_of_what_may_be_seen(walk: Walk) -> None:
    bench = walk.api.bench
    [[entries]] = bench.client.query("SELECT count() FROM ocpplog.ocpp_log WHERE site_id = 'mine'").result_rows
    token, span = bench.token(Role.VIEWER, ("mine",)), {"from": "2026-11-01T00:00Z"}
    assert bench.get("/v1/logs", token, count="true", limit=1).json()["total"] == entries
    assert bench.get("/v1/logs/export", token).headers["x-ocpplog-entries"] == str(entries)
    buckets = bench.get("/v1/logs/histogram", token, **span).json()["buckets"]
    assert sum(sum(bucket["counts"].values()) for bucket in buckets) == entries
    [facet] = bench.get("/v1/logs/facets", token, field="site").json()["facets"]
    assert facet["values"] == [{"value": "mine", "count": entries}] and facet["others"] == 0
    assert bench.get("/v1/overview", token).json()["sites"] == 1


@pytest.mark.parametrize("path", ["/v1/logs", "/v1/chargers", "/v1/sessions", "/v1/chargers/CP9/timeline"])
def test_cursors_are_of_no_use_to_others(walk: Walk, path: str) -> None:
    bench = walk.api.bench
    insert(bench.client, {"site_id": "theirs", "charger_id": "CP9", "action": "StartTransaction", "transaction_id": "second"})
    cursor = bench.get(path, limit=1).json()["next_cursor"]
    assert cursor and bench.get(path, limit=1, cursor=cursor).status_code == 200
    stolen = bench.get(path, bench.token(Role.VIEWER, ("mine",)), limit=1, cursor=cursor)
    assert problem(stolen, 422, "invalid-parameter")["errors"][0]["field"] == "cursor"


def without(answer: httpx.Response, names: dict[str, str]) -> str:
    """Without what was asked for, and without the time of asking."""
    text = _MOMENT.sub("·", answer.text)
    for name in ("theirs", *names.values()):
        text = text.replace(name, "·")
    return text


def bad_tokens(bench: Bench) -> list[str]:
    good = {"sub": "x", "aud": "ocpplog", "exp": time.time() + 600, "role": "support", "sites": ["*"]}
    signed = [
        jwt.encode({name: value for name, value in (good | changed).items() if value is not None}, bench.key)
        for changed in (
            {"aud": "other"},
            {"exp": None},
            {"exp": time.time() - 60},
            {"role": None},
            {"sites": None},
            {"sub": None},
        )
    ]
    whole = jwt.encode(good, bench.key)
    return [*signed, jwt.encode(good, "y" * 64), jwt.encode(good, "", "none"), whole[:-4] + "AAAA", "x", "ü".encode().hex()]


def test_the_token_that_these_come_from_is_good(walk: Walk) -> None:
    good = {"sub": "x", "aud": "ocpplog", "exp": time.time() + 600, "role": "support", "sites": ["*"]}
    assert walk.api.bench.get("/v1/me", jwt.encode(good, walk.api.bench.key)).status_code == 200
