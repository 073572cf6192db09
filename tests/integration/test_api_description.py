"""The API keeps to its OpenAPI document, whatever is sent: no 5xx, and every answer as it is described."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from hypothesis import HealthCheck, given, note, settings

from integration.described_support import Operation, Request, operations
from integration.query_api_support import insert
from integration.writes_support import Writes, writes

pytestmark = pytest.mark.integration
_EXAMPLES: Final = {"get": 10, "put": 6, "post": 6, "delete": 6}
"""Of each operation: about 200 requests in all, so that they take seconds. Changes wait for Kafka."""
_CHECKS: Final = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
_BODIES: Final[dict[str, Any]] = {
    "PUT /v1/sites/{site_id}": {"name": "Mine"},
    "PUT /v1/sites/{site_id}/log-level": {"level": "debug", "until": "+2h", "reason": "x"},
    "PUT /v1/chargers/{charger_id}": {"site_id": "mine", "new_key": True},
}


@dataclass
class Described:
    client: httpx.Client
    operations: list[Operation]
    known: dict[str, list[str]]
    """Names that there are, by parameter."""

    def ask(self, operation: Operation, request: Request) -> httpx.Response:
        """The answer, which is as described."""
        more = {} if request.body is None else {"json": request.body}
        with self.client.stream(
            request.method.upper(), request.path, params=httpx.QueryParams(tuple(request.query)), headers=request.headers, **more
        ) as answer:
            if answer.headers.get("content-type", "").startswith("text/event-stream"):
                answer._content = next(answer.iter_bytes(), b"")
            else:
                answer.read()
        operation.check(answer)
        return answer


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Described]:
    with writes(tmp_path_factory.mktemp("described"), api_write_seconds=30, api_max_tails_per_caller=200) as api:
        known = _entered(api)
        with api.bench.api() as client:
            yield Described(client, operations(client.get("/openapi.json").json()), known)


def _entered(api: Writes) -> dict[str, list[str]]:
    for site in ("mine", "theirs"):
        api.do("PUT", f"/v1/sites/{site}", {}, 201)
    for charger in ("CP1", "CP9"):
        api.do("PUT", f"/v1/chargers/{charger}", {"site_id": "mine"}, 201)
    insert(api.bench.client, {"action": "StartTransaction", "transaction_id": "7", "connector_id": 1, "id_tag": "tag"})
    entries = api.do("GET", "/v1/logs").json()["items"]
    sessions = api.do("GET", "/v1/sessions").json()["items"]
    return {
        "site_id": ["mine", "theirs"],
        "charger_id": ["CP1", "CP9"],
        "entry_id": [entry["id"] for entry in entries],
        "session_id": [session["id"] for session in sessions],
    }


def test_good_requests_are_answered_as_described(described: Described) -> None:
    """Each of them: else the test below might see errors only."""
    for operation in described.operations:
        answer = described.ask(operation, operation.good(described.known, _BODIES.get(f"{operation}")))
        assert answer.is_success, (f"{operation}", answer.text)


def test_whatever_is_sent(described: Described) -> None:
    for operation in described.operations:
        send_any(described, operation)


def send_any(described: Described, operation: Operation) -> None:
    @settings(
        max_examples=_EXAMPLES[operation.method], deadline=None, derandomize=True, database=None, suppress_health_check=_CHECKS
    )
    @given(operation.requests(described.known))
    def send(request: Request) -> None:
        note(f"{operation}: {request}")
        described.ask(operation, request)

    send()
