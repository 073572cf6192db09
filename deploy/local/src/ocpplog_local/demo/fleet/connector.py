"""One plug of a charge point: idle, a driver comes, a session, perhaps a fault, idle again."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass

from ocpplog_local.demo.errors import RefusedError
from ocpplog_local.demo.fleet.session import Session, first_soc
from ocpplog_local.demo.fleet.tempo import Span, Tempo, draw
from ocpplog_local.demo.profiles import Profile
from ocpplog_local.demo.scripted import ScriptedChargePoint
from ocpplog_local.demo.tags import ACCEPTED_TAGS, REFUSED_TAGS

_NEVER_S = float("inf")
_STOPS_BY_DRIVER = ("Local", "EVDisconnected", "Local")


@dataclass(frozen=True)
class Driver:
    """Who wants to charge. `remote`: by a command, so that no RFID tag is read."""

    tag: str
    remote: bool = False


class Connector:
    """Its register and its open session outlive a connection; `run` lives as long as one.

    `ended` is set when the latest session has been stopped.
    """

    def __init__(self, number: int, profile: Profile, tempo: Tempo, rng: random.Random) -> None:
        self.number = number
        self.status = "Available"
        self.session: Session | None = None
        self.ended = asyncio.Event()
        self.meter_interval: Span = tempo.meter_interval
        self._profile = profile
        self._tempo = tempo
        self._rng = rng
        self._register_wh = float(rng.randint(10_000, 4_000_000))
        self._operative = asyncio.Event()
        self._operative.set()
        self._called: asyncio.Queue[Driver] = asyncio.Queue(maxsize=1)
        self._stop_reason: asyncio.Queue[str] = asyncio.Queue(maxsize=1)

    @property
    def free(self) -> bool:
        return self.status == "Available" and self._operative.is_set() and self._called.empty()

    def call(self, tag: str) -> None:
        """A driver whom the central system announces. Only while `free`."""
        self._called.put_nowait(Driver(tag, remote=True))

    def ask_to_stop(self, reason: str) -> bool:
        """End the session; false when there is none to end."""
        if self.session is None or self._stop_reason.full():
            return False
        self._stop_reason.put_nowait(reason)
        return True

    async def set_operative(self, operative: bool, point: ScriptedChargePoint) -> None:
        """In or out of service; a session under way is left to end first."""
        if operative:
            self._operative.set()
        else:
            self._operative.clear()
        if self.session is None and self.status in ("Available", "Unavailable"):
            await self.report_idle(point)

    async def report_idle(self, point: ScriptedChargePoint) -> None:
        await self._become("Available" if self._operative.is_set() else "Unavailable", point)

    async def report(self, point: ScriptedChargePoint) -> None:
        """Say the status again, as a TriggerMessage asks for."""
        await point.status(self.number, self.status)

    async def report_meter(self, point: ScriptedChargePoint) -> None:
        """Say the meter values out of turn."""
        if self.session is not None:
            await self._measure(self.session, 0.0, point)

    async def run(self, point: ScriptedChargePoint) -> None:
        """Live on this connection until cancelled."""
        await self._settle(point)
        await self.report_idle(point)
        while True:
            driver = await self._next_driver(point)
            await self._serve(driver, point)
            await self.report_idle(point)

    async def _settle(self, point: ScriptedChargePoint) -> None:
        # What was charging when the last connection ended is stopped now: OCPP 1.6 section 3.7.
        if self.session is not None:
            await self._finish(self.session, "PowerLoss", point)

    async def _next_driver(self, point: ScriptedChargePoint) -> Driver:
        while True:
            await self._operative.wait()
            try:
                async with asyncio.timeout(draw(self._rng, self._tempo.idle)):
                    return await self._called.get()
            except TimeoutError:
                if self._happens(self._tempo.fault_while_idle):
                    await self._break_down(point)
                    await self.report_idle(point)
                elif self._operative.is_set():
                    return self._passer_by()

    def _passer_by(self) -> Driver:
        tags = tuple(REFUSED_TAGS) if self._happens(self._tempo.refused_tag) else ACCEPTED_TAGS
        return Driver(self._rng.choice(tags))

    async def _serve(self, driver: Driver, point: ScriptedChargePoint) -> None:
        await self._become("Preparing", point)
        await self._pause(self._tempo.handling)
        if not driver.remote and await point.authorize(driver.tag) != "Accepted":
            return
        session = await self._begin(driver, point)
        reason = await self._charge(session, point)
        await self._finish(session, reason, point)
        if reason == "Other":
            await self._break_down(point)
            return
        await self._become("Finishing", point)
        await self._pause(self._tempo.handling)

    async def _begin(self, driver: Driver, point: ScriptedChargePoint) -> Session:
        transaction_id = await point.start(self.number, driver.tag, int(self._register_wh))
        self._drop_stale_stop()
        self.ended.clear()
        self.session = self._plan_session(transaction_id, driver.tag)
        await self._become("Charging", point)
        return self.session

    def _plan_session(self, transaction_id: int, tag: str) -> Session:
        length = draw(self._rng, self._tempo.session)
        return Session(
            transaction_id=transaction_id,
            tag=tag,
            power_w=self._profile.power_w * self._rng.uniform(0.45, 1.0),
            ends_after_s=length,
            suspends_after_s=length * 0.75 if self._happens(self._tempo.suspends) else _NEVER_S,
            meter_start_wh=self._register_wh,
            soc=first_soc(self._rng) if self._profile.direct_current else None,
        )

    async def _charge(self, session: Session, point: ScriptedChargePoint) -> str:
        """Charge until something ends it; returns the reason as OCPP 1.6 section 7.36 names it."""
        breaks_at = session.ends_after_s * 0.5 if self._happens(self._tempo.fault_while_charging) else _NEVER_S
        while not session.over:
            interval = draw(self._rng, self.meter_interval)
            try:
                async with asyncio.timeout(interval):
                    return await self._stop_reason.get()
            except TimeoutError:
                await self._measure(session, interval, point)
            if session.elapsed_s >= breaks_at:
                return "Other"
            if session.suspended and self.status == "Charging":
                await self._become("SuspendedEV", point)
        return self._rng.choice(_STOPS_BY_DRIVER)

    async def _measure(self, session: Session, seconds: float, point: ScriptedChargePoint) -> None:
        reading = session.advance(seconds, point.now(), self._rng)
        await point.meter_values(reading=reading, connector=self.number, transaction_id=session.transaction_id)

    async def _finish(self, session: Session, reason: str, point: ScriptedChargePoint) -> None:
        readings = session.readings[-2:] if self._profile.sends_transaction_data else []
        tag = session.tag if reason == "Local" else None
        self._register_wh = session.meter_wh
        # One that is refused is not sent again; one that finds no connection is, on the next.
        with contextlib.suppress(RefusedError):
            await point.stop(session.transaction_id, int(session.meter_wh), reason=reason, tag=tag, readings=readings)
        self.session = None
        self.ended.set()

    async def _break_down(self, point: ScriptedChargePoint) -> None:
        self.status = "Faulted"
        await point.fault(self.number, self._rng.choice(self._profile.faults))
        await self._pause(self._tempo.repair)

    async def _become(self, status: str, point: ScriptedChargePoint) -> None:
        self.status = status
        await point.status(self.number, status)

    def _drop_stale_stop(self) -> None:
        while not self._stop_reason.empty():
            self._stop_reason.get_nowait()

    async def _pause(self, span: Span) -> None:
        await asyncio.sleep(draw(self._rng, span))

    def _happens(self, chance: float) -> bool:
        return self._rng.random() < chance
