"""Fixtures of the fault tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from faults import rig as rigs
from faults.rig import Rig


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rigs.rig(tmp_path) as found:
        yield found


@pytest.fixture
async def producer(rig: Rig) -> AsyncIterator[AIOKafkaProducer]:
    async with rig.producer() as found:
        yield found
