"""The connections of a replica: one a charger, and none left when it stops."""

from __future__ import annotations

import asyncio

from ocpplog_gateway.relay import Limits
from ocpplog_gateway.session import Session
from ocpplog_gateway.sessions import REPLACED, STOPPING, Sessions


class FakeSession(Session):
    """Runs until it is closed."""

    relays = True

    def __init__(self, charger_id: str = "CP1") -> None:
        self.charger_id = charger_id
        self.reasons: list[str] = []
        self._closed = asyncio.Event()

    async def run(self, limits: Limits) -> None:
        await self._closed.wait()

    async def close(self, code: int, reason: str) -> None:
        self.reasons.append(reason)
        self._closed.set()


async def _keep(sessions: Sessions, session: Session) -> asyncio.Task[None]:
    task = asyncio.create_task(sessions.keep(session))
    await asyncio.sleep(0)
    return task


async def test_an_older_connection_gives_way() -> None:
    sessions, older, newer = Sessions(Limits(8)), FakeSession(), FakeSession()
    first, second = await _keep(sessions, older), await _keep(sessions, newer)
    await first
    assert older.reasons == [REPLACED] and newer.reasons == []
    await sessions.drain(0)
    await second
    assert newer.reasons == [STOPPING]


async def test_a_connection_that_completes_while_all_are_closed_is_closed_too() -> None:
    sessions, early, late = Sessions(Limits(8)), FakeSession("CP1"), FakeSession("CP2")
    first = await _keep(sessions, early)
    draining = asyncio.create_task(sessions.drain(0.01))
    await asyncio.sleep(0)
    second = await _keep(sessions, late)
    async with asyncio.timeout(5):
        await asyncio.gather(first, second, draining)
    assert early.reasons == late.reasons == [STOPPING]
