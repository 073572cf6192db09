"""A charge point driven line by line, which keeps each frame as it went over the wire.

async with ScriptedChargePoint.connect("ws://127.0.0.1:9310/ocpp", "LAB-01") as point:
    await point.boot()
    transaction = await point.start(1, "43434", meter_start=0)
    await point.stop(transaction, meter_stop=1200, reason="Local")
    point.sent()  # [b'[2,"...","BootNotification",{...}]', ...]
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from ocpp.v16 import call
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from ocpplog_local.demo.library import WEBSOCKET_LOG
from ocpplog_local.demo.meter import MeterStyle, Reading, sampled_values
from ocpplog_local.demo.profiles import HELIX, Fault, Profile
from ocpplog_local.demo.stamps import Now, stamp, utc_now
from ocpplog_local.demo.station import Conduct, Station
from ocpplog_local.demo.wire import RecordedConnection, WireFrame

_OPEN_TIMEOUT_S = 10
_CLOSE_TIMEOUT_S = 2
_RESPONSE_TIMEOUT_S = 30.0


class ScriptedChargePoint:
    """Its methods send one request each and return what matters of the response.

    All of them raise `RefusedError`, `NoAnswerError` or `NotConnectedError`.
    """

    def __init__(
        self, websocket: ClientConnection, station: Station, wire: RecordedConnection, profile: Profile, now: Now
    ) -> None:
        self.charger_id: str = station.id
        self.profile = profile
        self._websocket = websocket
        self._station = station
        self._wire = wire
        self.now = now

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(
        cls,
        url: str,
        charger_id: str,
        *,
        password: str = "",
        profile: Profile = HELIX,
        conduct: Conduct | None = None,
        keep: int | None = None,
        now: Now = utc_now,
        response_timeout: float = _RESPONSE_TIMEOUT_S,
    ) -> AsyncIterator[ScriptedChargePoint]:
        """Connect to `url`/`charger_id`, with HTTP Basic when there is a password; keep the latest `keep` frames (None: all).

        Raises what `websockets.connect` raises. Commands are answered by `conduct`, from the first moment on.
        """
        async with _open(url, charger_id, password) as websocket:
            wire = RecordedConnection(websocket, keep)
            station = Station(charger_id, wire, conduct or Conduct(), response_timeout)
            receiving = asyncio.create_task(_receive(station))
            try:
                yield cls(websocket, station, wire, profile, now)
            finally:
                await station.stop()
                receiving.cancel()

    @property
    def frames(self) -> list[WireFrame]:
        return list(self._wire.frames)

    def sent(self) -> list[bytes]:
        return self._wire.sent()

    def received(self) -> list[bytes]:
        return self._wire.received()

    async def closed(self) -> int | None:
        """Wait for the end of the connection; the close code that came over it, or None."""
        await self._websocket.wait_closed()
        return self._websocket.close_code

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._websocket.close(code, reason)

    async def request(self, payload: Any) -> Any:
        """Send any request of `ocpp.v16.call` and return its response."""
        return await self._station.request(payload)

    async def send_raw(self, message: str | bytes, *, text: bool = True) -> None:
        """Send what need not be OCPP. Nothing is awaited."""
        await self._wire.send(message, text=text)

    async def boot(self, firmware: str = "") -> Any:
        """Returns the response, with `status` and `interval` (seconds between heartbeats)."""
        return await self.request(
            call.BootNotification(
                charge_point_model=self.profile.model,
                charge_point_vendor=self.profile.vendor,
                charge_point_serial_number=f"SN-{self.charger_id}"[:25],
                firmware_version=firmware or self.profile.firmware,
            )
        )

    async def heartbeat(self) -> str:
        """Returns the central system's time."""
        return str((await self.request(call.Heartbeat())).current_time)

    async def authorize(self, tag: str) -> str:
        """Returns the tag's status, such as Accepted or Blocked."""
        return str((await self.request(call.Authorize(id_tag=tag))).id_tag_info["status"])

    async def start(self, connector: int, tag: str, meter_start: int = 0) -> int:
        """Begin a transaction at `meter_start` Wh and return its id."""
        response = await self.request(
            call.StartTransaction(connector_id=connector, id_tag=tag, meter_start=meter_start, timestamp=self.stamp())
        )
        return int(response.transaction_id)

    async def stop(
        self,
        transaction_id: int,
        meter_stop: int,
        *,
        reason: str | None = None,
        tag: str | None = None,
        readings: Sequence[Reading] = (),
    ) -> None:
        """End a transaction at `meter_stop` Wh; `readings` go along as transactionData."""
        data = [self._meter_value(self.profile.meter_style, reading) for reading in readings]
        await self.request(
            call.StopTransaction(
                meter_stop=meter_stop,
                timestamp=self.stamp(),
                transaction_id=transaction_id,
                reason=reason,
                id_tag=tag,
                transaction_data=data or None,
            )
        )

    async def meter_values(
        self,
        style: MeterStyle | None = None,
        reading: Reading | None = None,
        *,
        connector: int = 1,
        transaction_id: int | None = None,
    ) -> None:
        """Send one reading in the shape of `style`, or of the profile."""
        entry = self._meter_value(style or self.profile.meter_style, reading or Reading(energy_wh=1000, power_w=11_000))
        await self.request(call.MeterValues(connector, [entry], transaction_id))

    async def status(self, connector: int, status: str, *, info: str | None = None) -> None:
        await self.request(call.StatusNotification(connector, "NoError", status, timestamp=self.stamp(), info=info))

    async def fault(self, connector: int, fault: Fault | None = None) -> None:
        """Report Faulted, by default with the first fault of the profile."""
        found = fault or self.profile.faults[0]
        await self.request(
            call.StatusNotification(
                connector,
                found.error_code,
                "Faulted",
                timestamp=self.stamp(),
                info=found.info or None,
                vendor_id=self.profile.vendor_id,
                vendor_error_code=found.vendor_error_code,
            )
        )

    async def firmware_status(self, status: str) -> None:
        await self.request(call.FirmwareStatusNotification(status))

    async def diagnostics_status(self, status: str) -> None:
        await self.request(call.DiagnosticsStatusNotification(status))

    async def data_transfer(self, message_id: str, data: str) -> str:
        """Returns the status."""
        return str((await self.request(call.DataTransfer(self.profile.vendor_id, message_id, data))).status)

    def stamp(self, moment: datetime | None = None) -> str:
        """A moment, by default now, as this maker writes it."""
        return stamp(moment or self.now(), self.profile.utc_offset_minutes, milliseconds=self.profile.milliseconds)

    def _meter_value(self, style: MeterStyle, reading: Reading) -> dict[str, Any]:
        return {"timestamp": self.stamp(reading.at), "sampled_value": sampled_values(style, reading)}


async def _receive(station: Station) -> None:
    with contextlib.suppress(ConnectionClosed):
        await station.start()


def _open(url: str, charger_id: str, password: str) -> connect:
    return connect(
        f"{url.rstrip('/')}/{quote(charger_id, safe='')}",
        subprotocols=[Subprotocol("ocpp1.6")],
        additional_headers=_basic(charger_id, password) if password else None,
        open_timeout=_OPEN_TIMEOUT_S,
        close_timeout=_CLOSE_TIMEOUT_S,
        proxy=None,
        logger=WEBSOCKET_LOG,
    )


def _basic(charger_id: str, password: str) -> dict[str, str]:
    token = base64.b64encode(f"{charger_id}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}
