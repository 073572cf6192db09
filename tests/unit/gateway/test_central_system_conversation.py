"""A charging session of a real OCPP client, the `ocpp` package's, with the built-in central system.

The package checks each request and each response against the schemas, and gives up on what does not fit.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call as call16
from ocpp.v21 import ChargePoint as ChargePoint21
from ocpp.v21 import call as call21
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call as call201

from support.central_system import INTERVAL_S, NOW, CountingIds, central_system

STAMP = "2026-11-24T02:03:31Z"


class Wire:
    """A WebSocket as the package uses one; at the other end sits the central system."""

    def __init__(self, subprotocol: str, ids: CountingIds) -> None:
        self._system = central_system(subprotocol, ids)
        self._answers: asyncio.Queue[str] = asyncio.Queue()

    async def recv(self) -> str:
        return await self._answers.get()

    async def send(self, message: str) -> None:
        answer = await self._system.answer(message.encode())
        if answer is not None:
            self._answers.put_nowait(answer.decode())


@asynccontextmanager
async def connected(kind: Any, subprotocol: str, ids: CountingIds | None = None) -> AsyncIterator[Any]:
    charge_point = kind("CP1", Wire(subprotocol, ids or CountingIds()))
    routing = asyncio.create_task(charge_point.start())
    try:
        yield charge_point
    finally:
        routing.cancel()


async def test_ocpp_16() -> None:
    async with connected(ChargePoint16, "ocpp1.6") as charge_point:

        async def ask(request: Any, **more: Any) -> Any:
            return await charge_point.call(request, suppress=False, **more)

        booted = await ask(call16.BootNotification("Wallbox", "Amperia"))
        assert (booted.status, booted.interval, booted.current_time) == ("Accepted", INTERVAL_S, NOW)
        await ask(call16.StatusNotification(connector_id=1, error_code="NoError", status="Preparing"))
        assert (await ask(call16.Authorize("43434"))).id_tag_info == {"status": "Accepted"}

        request = call16.StartTransaction(connector_id=1, id_tag="43434", meter_start=0, timestamp=STAMP)
        started = await ask(request, unique_id="1")
        assert started.id_tag_info == {"status": "Accepted"}
        assert (await ask(request, unique_id="1")).transaction_id == started.transaction_id

        sample = {"timestamp": STAMP, "sampled_value": [{"value": "10", "measurand": "Power.Active.Import"}]}
        await ask(call16.MeterValues(connector_id=1, transaction_id=started.transaction_id, meter_value=[sample]))
        stopped = await ask(
            call16.StopTransaction(meter_stop=10, timestamp=STAMP, transaction_id=started.transaction_id, id_tag="43434")
        )
        assert stopped.id_tag_info == {"status": "Accepted"}


async def test_ocpp_16_transactions_of_two_chargers() -> None:
    ids = CountingIds()
    request = call16.StartTransaction(connector_id=1, id_tag="43434", meter_start=0, timestamp=STAMP)
    async with connected(ChargePoint16, "ocpp1.6", ids) as one, connected(ChargePoint16, "ocpp1.6", ids) as other:
        assert (await one.call(request)).transaction_id != (await other.call(request)).transaction_id


@pytest.mark.parametrize(
    ("kind", "call", "subprotocol"), [(ChargePoint201, call201, "ocpp2.0.1"), (ChargePoint21, call21, "ocpp2.1")]
)
async def test_ocpp_2(kind: Any, call: Any, subprotocol: str) -> None:
    async with connected(kind, subprotocol) as charge_point:

        async def ask(request: Any) -> Any:
            return await charge_point.call(request, suppress=False)

        def event(name: str, sequence: int, **more: Any) -> Any:
            return call.TransactionEvent(
                event_type=name,
                timestamp=STAMP,
                trigger_reason="Authorized",
                seq_no=sequence,
                transaction_info={"transaction_id": "own-1"},
                **more,
            )

        booted = await ask(call.BootNotification({"model": "Wallbox", "vendor_name": "Amperia"}, "PowerUp"))
        assert (booted.status, booted.interval, booted.current_time) == ("Accepted", INTERVAL_S, NOW)
        await ask(call.StatusNotification(timestamp=STAMP, connector_status="Occupied", evse_id=1, connector_id=1))
        token = {"id_token": "43434", "type": "ISO14443"}
        assert (await ask(call.Authorize(token))).id_token_info == {"status": "Accepted"}

        assert (await ask(event("Started", 0, id_token=token))).id_token_info == {"status": "Accepted"}
        sample = {"timestamp": STAMP, "sampled_value": [{"value": 10.5}]}
        await ask(call.MeterValues(evse_id=1, meter_value=[sample]))
        assert (await ask(event("Updated", 1, meter_value=[sample]))).id_token_info is None
        assert (await ask(event("Ended", 2, id_token=token))).id_token_info == {"status": "Accepted"}
