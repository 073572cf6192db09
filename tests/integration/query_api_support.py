"""The query API on the local ClickHouse, with a few entries of two sites."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import msgspec
from clickhouse_connect.driver import Client

from ocpplog_common import tokens
from ocpplog_common.tokens import Role
from support.processes import LocalClickHouse, Process, environment, free_port, local_clickhouse, running, wait_for_http
from support.stores import copy_tables


@dataclass
class Bench:
    store: LocalClickHouse
    client: Client
    key: str
    url: str
    process: Process
    log: Path

    def token(self, role: Role = Role.SUPPORT, sites: tuple[str, ...] = ("*",), lifetime: int = 600) -> str:
        return tokens.mint(self.key, "tester", role, sites, lifetime)

    def api(self, token: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token or self.token()}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20)

    def get(self, path: str, token: str | None = None, **parameters: Any) -> httpx.Response:
        with self.api(token) as api:
            return api.get(path, params=parameters)

    def found(self, token: str | None = None, **parameters: Any) -> list[str]:
        """Message ids of what matches, newest first."""
        answer = self.get("/v1/logs", token, **parameters)
        assert answer.status_code == 200, answer.text
        return [item["message_id"] for item in answer.json()["items"]]


numbers = iter(range(1, 10**9))


def insert(client: Client, *rows: dict[str, Any]) -> None:
    lines = []
    for row in rows:
        number = next(numbers)
        common = {
            "datetime": "2026-11-24 10:00:00.000",
            "site_id": "mine",
            "charger_id": "CP1",
            "source": "charger",
            "subprotocol": "ocpp1.6",
            "outcome": "result",
            "message_id": f"m{number}",
            "connection_id": "a" * 32,
            "sequence": number,
            "kafka_partition": 0,
            "kafka_offset": number,
        }
        lines.append(msgspec.json.encode(common | row))
    client.raw_insert("ocpplog.ocpp_log", insert_block=b"\n".join(lines), fmt="JSONEachRow")


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"urn:ocpplog:problem:{kind}"
    return body


Started = tuple[LocalClickHouse, Client, str, str, Process, Path]
"""The log, a client of it, the key that signs tokens, the API's address, its process, its log."""


@contextlib.contextmanager
def started(directory: Path, settings: Mapping[str, object]) -> Iterator[Started]:
    """The API on an empty log, ready. `settings`: by their names in the code. Ended with SIGTERM."""
    port = free_port()
    copy_tables(directory / "clickhouse")
    with (
        local_clickhouse(directory / "clickhouse") as store,
        clickhouse_connect.get_client(host="127.0.0.1", port=store.port) as client,
    ):
        key_file = directory / "key"
        key = tokens.create_key(key_file)
        ours = {"api_port": port, "api_jwt_key_file": key_file, "clickhouse_url": store.url, "api_rate_per_s": 0}
        log = directory / "log"
        process = Process(sys.executable, "-m", "ocpplog_query_api", env=environment(ours | dict(settings)), log=log)
        url = f"http://127.0.0.1:{port}"
        with running(process):
            wait_for_http(f"http://127.0.0.1:{settings.get('api_health_port') or port}/readyz", process)
            yield store, client, key, url, process, log
            assert process.stop() == 0


@contextlib.contextmanager
def query_api(directory: Path, **settings: object) -> Iterator[Bench]:
    # Tests of the limits set them.
    with started(directory, {"api_max_export": 100, "api_max_requests_per_caller": 0} | settings) as parts:
        bench = Bench(*parts)
        seed(bench.client)
        yield bench


def seed(client: Client) -> None:
    fault = {"action": "StatusNotification", "status": "Faulted", "error_code": "GroundFailure", "vendor_error_code": "E7"}
    insert(
        client,
        {"message_id": "fault", "connector_id": 1, "request": '{"info":"Türe 50% auf_zu","x":"C:\\\\tmp"}', **fault},
        {"message_id": "start", "action": "StartTransaction", "connector_id": 0, "id_tag": "43434", "transaction_id": "4356987"},
        {"message_id": "quoted", "action": "DataTransfer", "request": '{"data":"two words, \\"quoted\\""}', "info": '=1+"a"\nb'},
        {
            "message_id": "escaped",
            "action": "DataTransfer",
            "request": '{"data":"\\u00c9t\\u00e9"}',
            "unescaped": '{"data":"Été"}',
        },
        {"message_id": "broken", "outcome": "violation", "request": '[2,"Boot', "violations": ["frame: not a JSON array"]},
        {"message_id": "5b1b3e8e-63c1-4a59-8b0c-1f1f8f2b9a10", "action": "Heartbeat", "source": "csms", "charger_id": "CP2"},
        {"message_id": "old", "datetime": "2026-11-20 10:00:00.000", "action": "Heartbeat"},
        {"message_id": "theirs", "site_id": "theirs", "charger_id": "CP9", "request": '{"secret":"GroundFailure"}', **fault},
    )
