"""A compacted topic that cannot be read."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from ocpplog_common.compacted import CompactedTable
from support.processes import free_port


async def test_a_start_that_fails_leaves_nothing_open() -> None:
    """It is tried again every two seconds for as long as Kafka is away."""
    left: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: left.append(context["message"]))
    client = {"bootstrap_servers": f"127.0.0.1:{free_port()}", "request_timeout_ms": 1000}
    table: CompactedTable[bytes] = CompactedTable("sites", bytes, client)
    for _ in range(2):
        with pytest.raises(KafkaError):
            await table.start()
        with pytest.raises(KafkaError):
            await table.catch_up()
    gc.collect()
    assert left == []
    await table.stop()
