"""The query API where Kafka cannot be reached from the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.query_api_support import problem, query_api
from integration.writes_support import requests_of
from support.processes import free_port

pytestmark = pytest.mark.integration


def test_the_log_is_read_and_nothing_is_changed(tmp_path: Path) -> None:
    with query_api(tmp_path, kafka_bootstrap=f"127.0.0.1:{free_port()}") as bench, bench.api() as api:
        for method, path, body in requests_of("mine", "CP1"):
            answer = api.request(method, path, json=body, headers={"If-Match": "*"})
            problem(answer, 503, "records-unavailable")
            assert answer.headers["retry-after"]
        problem(api.get("/v1/sites/mine/log-level"), 503, "records-unavailable")
        assert api.get("/v1/logs").json()["items"]
        assert [site["registered"] for site in api.get("/v1/sites").json()] == [None, None]
        assert "Unclosed" not in bench.log.read_text()
