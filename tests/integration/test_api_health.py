"""Health and metrics of the query API on a port of their own."""

from __future__ import annotations

import re
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest

from integration.local_clickhouse_support import eventually
from integration.query_api_support import problem, query_api
from ocpplog_common import tokens
from support.processes import Process, environment, free_port, running

pytestmark = pytest.mark.integration
PATHS = ("/livez", "/readyz", "/metrics")


def test_they_are_there_and_nowhere_else(tmp_path: Path) -> None:
    port = free_port()
    with query_api(tmp_path, api_health_port=port) as bench, httpx.Client(base_url=f"http://127.0.0.1:{port}") as health:
        assert [health.get(path).status_code for path in PATHS] == [200] * 3
        assert "ocpplog_api_exported_entries_total" in health.get("/metrics").text
        for path in PATHS:
            problem(httpx.get(f"{bench.url}{path}"), 404, "not-found")
            problem(bench.get(path), 404, "not-found")
        assert bench.get("/v1/logs").status_code == 200
        for path in ("/v1/logs", "/v1/config", "/openapi.json", "/docs", "/"):
            assert health.get(path).status_code == 404
        bench.store.process.kill()
        try:
            assert (health.get("/livez").status_code, health.get("/readyz").status_code) == (200, 503)
        finally:
            bench.store.start()
        assert health.get("/readyz").status_code == 200
    assert "Traceback" not in bench.log.read_text()


def test_a_server_that_stops_is_alive_and_not_ready(tmp_path: Path) -> None:
    port = free_port()
    with query_api(tmp_path, api_health_port=port) as bench, httpx.Client(base_url=f"http://127.0.0.1:{port}") as health:
        address = httpx.URL(bench.url)
        # An answer under way: its request has not come yet as a whole.
        with socket.create_connection((address.host, address.port or 0)) as under_way:
            head = f"PUT /v1/sites/mine HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {bench.token()}\r\n"
            under_way.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 10\r\n\r\n".encode())
            assert eventually(lambda: bool(re.search(r"^ocpplog_api_requests_in_flight 1", health.get("/metrics").text, re.M)))
            assert health.get("/readyz").status_code == 200
            bench.process.child.send_signal(signal.SIGTERM)
            assert eventually(lambda: health.get("/readyz").status_code == 503)
            problem(health.get("/readyz"), 503, "server-stops")
            assert health.get("/livez").status_code == health.get("/metrics").status_code == 200
            assert bench.process.child.poll() is None
        assert bench.process.child.wait(20) == 0


@pytest.mark.parametrize("setting", ["api_port", "api_health_port"])
def test_a_port_that_is_taken_is_said(tmp_path: Path, setting: str) -> None:
    tokens.create_key(tmp_path / "key")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        ports = {"api_port": free_port(), "api_health_port": free_port(), setting: number}
        env = environment(ports | {"api_jwt_key_file": tmp_path / "key"})
        with running(Process(sys.executable, "-m", "ocpplog_query_api", env=env, log=tmp_path / "log")) as process:
            assert process.child.wait(30) == 1
    [line] = (tmp_path / "log").read_text().splitlines()
    assert line.startswith(f"ocpplog-query-api: port {number} of 127.0.0.1: ")
