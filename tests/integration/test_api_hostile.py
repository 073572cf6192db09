"""The query API while many clients do it no good at once: those beside get right answers, and afterwards all is as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hostile.api import ALL, attacked
from integration.query_api_support import Bench, query_api

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    limits = {"api_max_export": 10_000, "api_rate_per_s": 50, "api_max_requests_per_caller": 32, "api_request_seconds": 2}
    with query_api(tmp_path_factory.mktemp("api"), **limits) as found:
        yield found


async def test_all_kinds_at_once(bench: Bench) -> None:
    found = await attacked(bench, 6, {kind: number // 4 for kind, number in ALL.items()}, rows=1_000)
    assert found["met"], json.dumps(found, indent=1)
    assert found["answered"].keys() >= {
        "silent",
        "head that trickles",
        "body that trickles",
        "wrong request",
        "huge request",
        "hangs up",
    }
