"""The connections of a replica: one a charger, and none left when it stops."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ocpplog_common.clock import SystemClock
from ocpplog_common.envelope import Source
from ocpplog_common.records import Charger, ConnectionEvent
from ocpplog_gateway import session as session_module
from ocpplog_gateway.gatekeeper import Admission
from ocpplog_gateway.relay import Closing, Limits
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


async def test_who_ended_a_connection_first_is_who_ended_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the rest takes: a charger that comes back meanwhile does not make it the gateway's doing."""
    announced: list[ConnectionEvent] = []
    winding_up, ended = asyncio.Event(), asyncio.Event()

    class FakeRelay:
        frames = dict.fromkeys(Source, 0)
        closing: Closing | None = None

        def __init__(self, *_: Any) -> None: ...

        async def run(self) -> Closing:
            self.closing = Closing(Source.CHARGER, 1000, "reboot", ours=False)
            winding_up.set()
            await ended.wait()
            return self.closing

    class FakeConnection:
        async def end(self, code: int, reason: str) -> None:
            ended.set()

    monkeypatch.setattr(session_module, "Relay", FakeRelay)
    admission = Admission(Charger("CP1", site_id="s"), cast(Any, object()), "ocpp1.6", 1, True, "a" * 32)
    recorder: Any = SimpleNamespace(announce=announced.append)
    session = Session(cast(Any, FakeConnection()), admission, recorder, SystemClock(), "gw")
    running = asyncio.create_task(session.run(Limits(8)))
    await winding_up.wait()
    await session.close(1001, REPLACED)
    await running
    assert (announced[-1].close_code, announced[-1].closed_by, announced[-1].reason) == (1000, "charger", "reboot")
