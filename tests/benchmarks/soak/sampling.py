"""One look at every process, at what the services say of themselves, and at ClickHouse's parts."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from clickhouse_connect.driver import Client

from benchmarks import scraped
from benchmarks.pipeline import DATABASE, Pipeline, Service
from benchmarks.processes import cpu_seconds
from ocpplog_common.clickhouse import tables

_MIB: Final = 2**20
_PARTS: Final = (
    "SELECT table, count() FROM system.parts WHERE database = {database:String} AND active AND table IN {tables:Array(String)}"
    " GROUP BY table"
)
_TABLES: Final = {"parts of the log": tables.LOG, "parts of meter_sample": tables.METER_SAMPLE}


class Sampler:
    """Blocks for some ten milliseconds a look: to be called in a thread."""

    def __init__(self, pipeline: Pipeline, client: Client, data: Path) -> None:
        self._client, self._data = client, data
        self._before: dict[str, tuple[float, float]] = {}
        assert pipeline.api
        self._services: Mapping[str, tuple[Service, str]] = {
            "gateway": (Service(pipeline.gateway.pid, pipeline.gateway.health), "ocpplog_gateway_asyncio_tasks"),
            "enricher": (pipeline.enricher, "ocpplog_enricher_asyncio_tasks"),
            "API": (pipeline.api, "ocpplog_api_asyncio_tasks"),
            "ClickHouse": (Service(pipeline.store.process.child.pid, 0), ""),
            "broker": (Service(pipeline.rig.broker_pid, 0), ""),
        }

    def look(self) -> dict[str, float]:
        """By the names of the quantities. Raises KeyError where a service does not say what it should, OSError where it ended."""
        found: dict[str, float] = {}
        for name, (service, tasks) in self._services.items():
            found |= {f"{name} {what}": value for what, value in of_process(service.pid).items()}
            found |= self._cpu(name, service.pid)
            if service.port:
                said = scraped.text(service.port)
                found[f"{name} tasks"] = scraped.total(said, tasks)
                if name == "enricher":
                    found["lag"] = scraped.total(said, "ocpplog_enricher_lag_frames")
        return found | self._of_store()

    def _cpu(self, name: str, pid: int) -> dict[str, float]:
        """Cores in use since the last look; nothing at the first one."""
        now = (time.monotonic(), cpu_seconds(pid))
        before, self._before[name] = self._before.get(name), now
        return {f"{name} CPU": (now[1] - before[1]) / (now[0] - before[0])} if before else {}

    def _of_store(self) -> dict[str, float]:
        asked = {"database": DATABASE, "tables": list(_TABLES.values())}
        parts = {str(table): int(count) for table, count in self._client.query(_PARTS, asked).result_rows}
        rows = int(self._client.query(f"SELECT count() FROM {DATABASE}.{tables.LOG}").result_rows[0][0])
        size = _size(self._data)
        return {name: parts.get(table, 0) for name, table in _TABLES.items()} | {
            "rows": rows,
            "disk bytes": size,
            "disk a row": size / max(rows, 1),
        }


def of_process(pid: int) -> dict[str, float]:
    """RSS and PSS in MiB, descriptors, threads (Linux). Raises OSError where it is gone."""
    status = Path(f"/proc/{pid}/status").read_text()
    shares = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {
        "RSS": _field(status, "VmRSS") / 1024,
        "PSS": _field(shares, "Pss") / 1024,
        "descriptors": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "threads": _field(status, "Threads"),
    }


def _field(text: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)
    if found is None:
        raise KeyError(name)
    return int(found[1])


def _size(directory: Path) -> int:
    """Bytes that its files take on disk; those that go meanwhile count as nothing."""
    total = 0
    for place, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += Path(place, name).lstat().st_blocks * 512
    return total
