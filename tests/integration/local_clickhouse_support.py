"""What the tests of the local ClickHouse need besides a client."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import httpx

from support.processes import LocalClickHouse

LOG_TABLE: Final = (
    """
    CREATE TABLE log (
        datetime DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
        site_id LowCardinality(String),
        action LowCardinality(String),
        request String CODEC(ZSTD(1)),
        search String ALIAS lower(concat(request, ' ', site_id, ' ', action)),
        INDEX ft search TYPE text(tokenizer = splitByNonAlpha)
    )
    ENGINE = MergeTree PARTITION BY toYYYYMM(datetime) ORDER BY (site_id, datetime)
    TTL toDateTime(datetime) + INTERVAL 400 DAY
    SETTINGS index_granularity = 2048, non_replicated_deduplication_window = 1000, fsync_after_insert = 1
    """,
    "CREATE TABLE log_hourly (hour DateTime('UTC'), n UInt64) ENGINE = SummingMergeTree ORDER BY hour",
    """
    CREATE MATERIALIZED VIEW log_to_hourly TO log_hourly
    AS SELECT toStartOfHour(datetime) AS hour, count() AS n FROM log GROUP BY hour
    """,
)
"""A log table with what the real one has: a text index over an alias, a time to live, a materialised view."""


def long_query() -> str:
    """One that lasts for minutes, and sends nothing until then."""
    return "SELECT sum(sipHash64(number)) FROM numbers(100000000000)"


def statements_running(url: str) -> int:
    """How many besides the one that asks."""
    return int(httpx.post(url, content="SELECT count() - 1 FROM system.processes").text)


def eventually(condition: Callable[[], bool], timeout_s: float = 10) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def while_running(url: str, sql: str, do: Callable[[], None], copies: int = 1, **parameters: str) -> httpx.Response:
    """Call `do` once the engine is at work on `sql`; returns the answer to it, to the first of `copies`."""
    with ThreadPoolExecutor(copies) as threads:
        answers = [threads.submit(httpx.post, url, params=parameters, content=sql, timeout=60) for _ in range(copies)]
        assert eventually(lambda: statements_running(url) >= min(copies, 10))
        do()
        return answers[0].result()


def exchange(port: int, *parts: bytes) -> tuple[bytes, bytes]:
    """Send the parts over a connection of its own, wait for something after each; returns the first answer and all others."""
    answers = [b""]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        try:
            for part in parts:
                connection.sendall(part)
                answers.append(connection.recv(65536))
            while more := connection.recv(65536):
                answers.append(more)
        except ConnectionError:
            pass
    return answers[1] if len(answers) > 1 else b"", b"".join(answers[2:])


def resident_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def compressed_files(server: LocalClickHouse) -> Iterator[bytes]:
    """The column files of the server's tables."""
    command = server.process.command
    data = Path(command[command.index("--data") + 1])
    return (path.read_bytes() for path in data.glob("engine/store/*/*/*/*.bin"))


def blocks_of(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Checksum and rest of each compressed block of a column file."""
    at = 0
    while at < len(content):
        (length,) = struct.unpack_from("<I", content, at + 17)
        yield content[at : at + 16], content[at + 16 : at + 16 + length]
        at += 16 + length
