"""The gauge of tasks."""

from __future__ import annotations

import asyncio

from prometheus_client import generate_latest

import ocpplog_gateway.metrics
from ocpplog_common import tasks


async def test_counts_what_has_not_ended() -> None:
    assert ocpplog_gateway.metrics.TASKS
    before = tasks.running()
    sleepers = [asyncio.create_task(asyncio.sleep(60)) for _ in range(5)]
    assert tasks.running() == before + 5
    assert f"ocpplog_gateway_asyncio_tasks {before + 5}.0" in generate_latest().decode()
    for sleeper in sleepers:
        sleeper.cancel()
    await asyncio.gather(*sleepers, return_exceptions=True)
    assert tasks.running() == before


def test_there_are_none_without_a_loop() -> None:
    assert tasks.running() == 0
