"""The API as a process, on the local ClickHouse with a fleet's traffic."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import clickhouse_connect
from clickhouse_connect.driver import Client

from benchmarks.api_calls import Call, Caller
from benchmarks.api_recorder import Recorder, recorder
from benchmarks.report import say
from benchmarks.store_rows import SPAN_MS, START, log_rows
from ocpplog_common import tokens
from ocpplog_common.clickhouse.migrate import migrate
from ocpplog_common.tokens import Role
from support.processes import LocalClickHouse, Process, environment, free_port, running, wait_for_http

Parameters = Mapping[str, str | Sequence[str]]
_CHUNKS: Final = 14
_SHIFTED: Final = ("datetime", "request_timestamp", "stored_at")


@dataclass(frozen=True, slots=True)
class Api:
    """`direct`: answers from the store itself, to each caller anew; `recorded`: a second process, by way of the recorder;
    `shared`: a third one, as people run it."""

    store: LocalClickHouse
    database: str
    direct_port: int
    recorded_port: int
    shared_port: int
    recorder: Recorder
    token: str

    def call(self, path: str, parameters: Parameters) -> Call:
        return self._call(self.direct_port, path, parameters)

    def shared_call(self, path: str, parameters: Parameters) -> Call:
        return self._call(self.shared_port, path, parameters)

    def statements(self, path: str, parameters: Parameters) -> list[Call]:
        """What the API asks ClickHouse for that, as it sends it."""
        caller = Caller()
        self.recorder.calls.clear()
        caller.answer(self._call(self.recorded_port, path, parameters))
        caller.close()
        return list(self.recorder.calls)

    def answer(self, path: str, parameters: Parameters) -> Any:
        return json.loads(self.content(path, parameters))

    def content(self, path: str, parameters: Parameters) -> bytes:
        caller = Caller()
        _, found, _ = caller.answer(self.call(path, parameters))
        caller.close()
        return found

    def client(self, **options: Any) -> Client:
        return client(self.store, **options)

    def forgetting(self) -> Call:
        """Makes ClickHouse forget which rows earlier queries found: people ask different things."""
        return Call(self.store.port, "POST", "/", b"SYSTEM DROP QUERY CONDITION CACHE")

    def _call(self, port: int, path: str, parameters: Parameters) -> Call:
        query = f"?{urlencode(parameters, doseq=True)}" if parameters else ""
        return Call(port, "GET", path + query, headers={"Authorization": f"Bearer {self.token}"})


@contextlib.contextmanager
def store(directory: Path) -> Iterator[LocalClickHouse]:
    server = LocalClickHouse(directory / "clickhouse", directory / "clickhouse.log")
    try:
        server.start()
        yield server
    finally:
        server.process.stop(timeout=60)


def client(server: LocalClickHouse, **options: Any) -> Client:
    return clickhouse_connect.get_client(host="127.0.0.1", port=server.port, send_receive_timeout=3600, **options)


def fill(asked: Client, database: str, rows: int) -> None:
    """`rows` exchanges of the 14 days before now, merged to one part; those that are there already are kept."""
    migrate(asked, database)
    table = f"{database}.ocpp_log"
    if asked.command(f"SELECT count() FROM {table}") == rows:
        return
    asked.command(f"TRUNCATE TABLE {table}")
    columns = [row[0] for row in asked.query(_COLUMNS_OF, {"database": database}).result_rows]
    shift_s = int(datetime.now(UTC).timestamp()) - START - SPAN_MS // 1000
    values = ", ".join(f"{name} + toIntervalSecond({shift_s}) AS {name}" for name in _SHIFTED)
    for number in range(_CHUNKS):
        first, end = rows * number // _CHUNKS, rows * (number + 1) // _CHUNKS
        source = f"SELECT * REPLACE ({values}) FROM ({log_rows(first, end, rows)})"
        asked.command(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns)} FROM ({source})")
    asked.command(f"OPTIMIZE TABLE {table} FINAL")
    say(f"{database}: {rows:,} rows")


_COLUMNS_OF: Final = (
    "SELECT name FROM system.columns WHERE database = {database:String} AND table = 'ocpp_log' AND default_kind != 'ALIAS'"
    " ORDER BY position"
)


@contextlib.contextmanager
def api(server: LocalClickHouse, database: str, directory: Path) -> Iterator[Api]:
    key_file = directory / "key"
    key = key_file.read_text().strip() if key_file.exists() else tokens.create_key(key_file)
    with contextlib.ExitStack() as stack:
        notes = stack.enter_context(recorder(server.port))
        ports = [free_port(), free_port(), free_port()]
        settings = {"api_jwt_key_file": key_file, "clickhouse_database": database, "api_max_seconds": 600}
        settings |= {"api_rate_per_s": 0, "api_max_requests_per_caller": 0}
        recorded = f"http://127.0.0.1:{notes.port}/"
        own = [
            {"api_port": port, "clickhouse_url": url, "api_shared_seconds": shared_s}
            for port, url, shared_s in zip(ports, (server.url, recorded, server.url), (0, 0, 1), strict=True)
        ]
        started = [(one, stack.enter_context(_process(directory, {**settings, **one}))) for one in own]
        for one, process in started:
            wait_for_http(f"http://127.0.0.1:{one['api_port']}/readyz", process, 60)
        token = tokens.mint(key, "bench", Role.SUPPORT, ("*",), 86_400)
        yield Api(server, database, ports[0], ports[1], ports[2], notes, token)


def _process(directory: Path, settings: dict[str, Any]) -> contextlib.AbstractContextManager[Process]:
    log = directory / f"api-{settings['api_port']}.log"
    return running(Process(sys.executable, "-m", "ocpplog_query_api", env=environment(settings), log=log))
