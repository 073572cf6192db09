"""The connections of this replica: one a charger, the newest of all replicas."""

from __future__ import annotations

import asyncio
import random
from typing import Final

import structlog

from ocpplog_common.records import ConnectionEvent
from ocpplog_gateway.relay import GOING_AWAY, Limits
from ocpplog_gateway.session import Session

_log = structlog.get_logger(__name__)
_END_WITHIN_S: Final = 10.0
REPLACED: Final = "replaced by a newer connection"
STOPPING: Final = "the gateway is stopping"


class Sessions:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sessions: dict[str, Session] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._draining = False

    def __len__(self) -> int:
        return len(self._sessions)

    async def keep(self, session: Session) -> None:
        """Run a session to its end; an older one of the same charger gives way to it."""
        if session.relays:
            if older := self._sessions.get(session.charger_id):
                self._close(older, REPLACED)
            self._sessions[session.charger_id] = session
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        if self._draining:
            # Its handshake was answered just before the listener was closed.
            self._close(session, STOPPING)
        try:
            await session.run(self._limits)
        finally:
            self._running.discard(task)
            # Tied to the session, not to the charger: a newer connection keeps its entry.
            if self._sessions.get(session.charger_id) is session:
                del self._sessions[session.charger_id]

    def connected_elsewhere(self, event: ConnectionEvent) -> None:
        """A charger connected, here or to another replica: its older connection gives way. Ids of connections rise with time."""
        session = self._sessions.get(event.charger_id)
        if session and session.connection_id < event.connection_id:
            self._close(session, f"{REPLACED} to {event.gateway_id}")

    async def drain(self, within_s: float) -> None:
        """Close all, spread over the time, so that chargers come back elsewhere without a storm."""
        self._draining = True
        sessions = list(self._sessions.values())
        random.shuffle(sessions)
        _log.info("draining", connections=len(sessions), seconds=within_s)
        for session in sessions:
            self._close(session, STOPPING)
            await asyncio.sleep(within_s / len(sessions))
        if running := [*self._closing, *self._running]:
            await asyncio.wait(running, timeout=_END_WITHIN_S)

    def _close(self, session: Session, reason: str) -> None:
        task = asyncio.create_task(session.close(GOING_AWAY, reason))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
