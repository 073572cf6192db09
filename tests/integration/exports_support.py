"""The query API on the local ClickHouse, with rows of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import msgspec
from clickhouse_connect.driver import Client

from integration.query_api_support import started
from ocpplog_common import tokens
from ocpplog_common.tokens import Role
from support.processes import LocalClickHouse, Process

_numbers = count(1)


@dataclass
class Api:
    store: LocalClickHouse
    client: Client
    key: str
    url: str
    process: Process
    log: Path

    def headers(self, sites: tuple[str, ...] = ("*",)) -> dict[str, str]:
        return {"Authorization": f"Bearer {tokens.mint(self.key, 'tester', Role.VIEWER, sites, 600)}"}

    def export(self, sites: tuple[str, ...] = ("*",), language: str = "", **parameters: Any) -> httpx.Response:
        headers = self.headers(sites) | {"Accept-Language": language}
        return httpx.get(f"{self.url}/v1/logs/export", params=parameters, headers=headers, timeout=30)

    def running(self) -> int:
        """Exports that ClickHouse works on."""
        sql = "SELECT count() FROM system.processes WHERE query LIKE '%export_total%' AND query NOT LIKE '%system.processes%'"
        return int(self.client.command(sql))  # type: ignore[arg-type]

    def connections(self) -> set[str]:
        """The API's to ClickHouse, by name (Linux)."""
        port = f":{self.store.port:04X}"
        table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        inodes = {f"socket:[{fields[9]}]" for fields in table if fields[2].endswith(port) and fields[3] == "01"}
        opened = Path(f"/proc/{self.process.child.pid}/fd").iterdir()
        return {str(name.readlink()) for name in opened if name.is_symlink()} & inodes

    def insert(self, *rows: dict[str, Any]) -> None:
        """Rows a millisecond apart, the first one newest."""
        lines = []
        for place, row in enumerate(rows):
            number = next(_numbers)
            common = {
                "datetime": f"2026-11-24 10:{59 - place // 60_000 % 60:02}:{59 - place // 1000 % 60:02}.{999 - place % 1000:03}",
                "site_id": "mine",
                "charger_id": "CP1",
                "source": "charger",
                "outcome": "result",
                "connection_id": "a1b2c3d4" * 4,
                "sequence": number,
                "kafka_offset": number,
                "retention_days": 20_000,
            }
            lines.append(msgspec.json.encode(common | row))
        self.client.raw_insert("ocpplog.ocpp_log", insert_block=b"\n".join(lines), fmt="JSONEachRow")


@contextmanager
def query_api(directory: Path, **settings: str) -> Iterator[Api]:
    """`settings`: by their names in the code."""
    with started(directory, settings) as parts:
        yield Api(*parts)
