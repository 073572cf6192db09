"""When garbage is collected."""

from __future__ import annotations

import asyncio
import contextlib
import gc

import pytest

from ocpplog_gateway.garbage import Collector


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    found: list[int] = []
    monkeypatch.setattr("ocpplog_gateway.garbage.gc.collect", lambda generation=2: found.append(generation))
    return found


def test_everything_once_as_many_are_gone_as_are_left(collected: list[int]) -> None:
    collector = Collector(lambda: 500)
    collector.look()
    for _ in range(1499):
        collector.gone()
    collector.look()
    assert collected == [0, 0]
    collector.gone()
    collector.look()
    collector.look()
    assert collected == [0, 0, 2, 0]


def test_everything_now_and_then_whoever_is_gone(collected: list[int]) -> None:
    collector = Collector(lambda: 500)
    for _ in range(1200):
        collector.look()
    assert collected.count(2) == 2


async def test_only_then_and_as_before_afterwards() -> None:
    task = asyncio.create_task(Collector(lambda: 0).run())
    await asyncio.sleep(0)
    assert not gc.isenabled()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert gc.isenabled()
    gc.unfreeze()
