"""The demo's two sides against each other, over a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from ocpp.v16 import call
from websockets.asyncio.client import connect

from ocpplog_common import ocppj
from ocpplog_common.envelope import Envelope, Source, new_connection_id
from ocpplog_enricher.domain.fields import enrich
from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.pairing import Exchange, Pairing
from ocpplog_local.demo.central_system import CentralSystem, Command, Step, central_system
from ocpplog_local.demo.data import DemoCharger
from ocpplog_local.demo.errors import NotConnectedError, RefusedError
from ocpplog_local.demo.fleet import DEMO_TEMPO, FleetCharger
from ocpplog_local.demo.meter import MeterStyle
from ocpplog_local.demo.profiles import AMPERIA, HELIX, NORDKRAFT, VOLTARA, Profile
from ocpplog_local.demo.scripted import ScriptedChargePoint
from ocpplog_local.demo.wire import Direction, WireFrame

pytestmark = pytest.mark.integration

TEMPO = replace(DEMO_TEMPO.faster(50), fault_while_charging=0, fault_while_idle=0, refused_tag=0, firmware_fails=0)


@pytest.fixture
async def server() -> AsyncIterator[CentralSystem]:
    async with central_system(record=True) as system:
        yield system


def calls(frames: list[WireFrame]) -> list[tuple[Direction, str, dict[str, Any]]]:
    """Direction, action and payload of each CALL that is one."""
    decoded = [(frame.direction, json.loads(frame.data)) for frame in frames if frame.data.startswith(b"[2,")]
    return [(direction, message[2], message[3]) for direction, message in decoded]


async def until(condition: Callable[[], bool], timeout: float = 15) -> None:
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


class TestScriptedChargePoint:
    async def test_a_whole_session(self, server: CentralSystem) -> None:
        async with ScriptedChargePoint.connect(server.url, "LAB-01", password="any") as point:
            assert (await point.boot()).status == "Accepted"
            assert await point.authorize("43434") == "Accepted"
            transaction_id = await point.start(1, "43434", meter_start=100)
            await point.meter_values(MeterStyle.NO_PHASE, transaction_id=transaction_id)
            await point.fault(1)
            await point.stop(transaction_id, 200, reason="Local", tag="43434")
            await point.heartbeat()
            assert [action for _, action, _ in calls(point.frames)] == [
                "BootNotification",
                "Authorize",
                "StartTransaction",
                "MeterValues",
                "StatusNotification",
                "StopTransaction",
                "Heartbeat",
            ]

    async def test_both_ends_keep_the_same_bytes(self, server: CentralSystem) -> None:
        async with ScriptedChargePoint.connect(server.url, "DE*HUB*E0042") as point:
            await point.boot()
            await server.send("DE*HUB*E0042", call.Reset("Soft"))
            await point.heartbeat()
            ours = point.frames
        seen = server.frames("DE*HUB*E0042")
        assert [frame.data for frame in seen if frame.direction is Direction.RECEIVED] == point.sent()
        assert [frame.data for frame in seen if frame.direction is Direction.SENT] == point.received()
        assert len(ours) == 6

    async def test_refused_tags(self, server: CentralSystem) -> None:
        async with ScriptedChargePoint.connect(server.url, "LAB-01") as point:
            assert await point.authorize("04BADBADBAD001") == "Blocked"
            assert await point.authorize("04BADBADBAD002") == "Expired"
            assert await point.authorize("04BADBADBAD003") == "Invalid"

    async def test_it_answers_commands(self, server: CentralSystem) -> None:
        async with ScriptedChargePoint.connect(server.url, "LAB-01"):
            await server.wait_for("LAB-01")
            for request in (
                call.RemoteStartTransaction(id_tag="43434", connector_id=1),
                call.ChangeAvailability(connector_id=1, type="Inoperative"),
                call.Reset(type="Soft"),
            ):
                assert (await server.send("LAB-01", request)).status == "Accepted"
            await server.send("LAB-01", call.UpdateFirmware("https://firmware.example/x.bin", "2026-01-01T00:00:00Z"))
            with pytest.raises(RefusedError, match="NotImplemented"):
                await server.send("LAB-01", call.GetLocalListVersion())


class TestCentralSystem:
    async def test_odd_frames_do_not_end_the_connection(self, server: CentralSystem) -> None:
        async with ScriptedChargePoint.connect(server.url, "odd") as point:
            for frame in ('[2,"1","Heartb', "{}", "[]", "[2]", '[2,["a"],{"b":1},{}]', "[" * 50_000, '[3,"x",null]', ""):
                await point.send_raw(frame)
            await point.send_raw(b"\xff\xfe\x00", text=True)
            await point.send_raw(b"\xff\xfe\x00", text=False)
            assert await point.heartbeat()

    @pytest.mark.parametrize(
        ("frame", "code"),
        [
            ('[2,"7","NoSuchThing",{}]', "NotSupported"),
            ('[2,"7","ReserveNow",{}]', "NotImplemented"),
            ('[2,"7","BootNotification",{}]', "ProtocolError"),
        ],
    )
    async def test_what_it_cannot_answer_gets_a_callerror(self, server: CentralSystem, frame: str, code: str) -> None:
        async with ScriptedChargePoint.connect(server.url, "odd") as point:
            await point.send_raw(frame)
            await until(lambda: bool(point.received()))
            assert json.loads(point.received()[0])[:3] == [4, "7", code]

    @pytest.mark.parametrize("subprotocols", [None, ["ocpp2.0.1"], ["ocpp2.1"], ["mqtt"]])
    async def test_it_accepts_any_subprotocol_or_none(self, server: CentralSystem, subprotocols: Any) -> None:
        async with connect(f"{server.url}/stranger", subprotocols=subprotocols, proxy=None) as websocket:
            await websocket.send('[2,"1","Heartbeat",{}]')
            assert json.loads(await websocket.recv())[:2] == [3, "1"]

    async def test_the_newer_connection_of_a_charger_counts(self, server: CentralSystem) -> None:
        async with ScriptedChargePoint.connect(server.url, "twice") as old:
            await old.heartbeat()
            async with ScriptedChargePoint.connect(server.url, "twice") as new:
                await new.heartbeat()
                await old.close()
                assert (await server.send("twice", call.ClearCache())).status == "Accepted"

    async def test_a_charger_that_leaves_during_a_command(self, server: CentralSystem) -> None:
        async with connect(f"{server.url}/mute", proxy=None) as websocket:
            await server.wait_for("mute")
            command = asyncio.create_task(server.send("mute", call.ClearCache()))
            await websocket.recv()
        with pytest.raises(NotConnectedError):
            await command

    async def test_commands_wait_for_the_boot_notification(self) -> None:
        def plans(charger_id: str) -> Any:
            return iter([Step(0.05, Command.GET_CONFIGURATION)])

        async with central_system(commands=plans) as server, ScriptedChargePoint.connect(server.url, "LAB-01") as point:
            await asyncio.sleep(0.2)
            assert not calls(point.frames)
            await point.boot()
            await until(lambda: (Direction.RECEIVED, "GetConfiguration", {}) in calls(point.frames))

    async def test_it_closes_with_going_away(self) -> None:
        async with central_system() as server:
            websocket = await connect(f"{server.url}/LAB-01", proxy=None)
            await server.wait_for("LAB-01")
        await websocket.wait_closed()
        assert websocket.close_code == 1001


class TestFleetCharger:
    @pytest.fixture
    async def charger(self, server: CentralSystem) -> AsyncIterator[str]:
        demo = DemoCharger("LAB-09", "test-lab", replace(HELIX, sends_transaction_data=True), connectors=2)
        async with running(demo, server):
            yield demo.charger_id

    async def test_it_boots_charges_and_stops(self, server: CentralSystem, charger: str) -> None:
        await until(lambda: "StopTransaction" in actions(server, charger))
        seen = actions(server, charger)
        assert seen[0] == "BootNotification"
        assert {"Authorize", "StartTransaction", "MeterValues", "StatusNotification"} <= set(seen)

    async def test_it_starts_when_told_to(self, server: CentralSystem) -> None:
        idle = replace(TEMPO, idle=(60.0, 60.0))
        async with running(DemoCharger("LAB-09", "test-lab", AMPERIA), server, idle):
            await until(lambda: "StatusNotification" in actions(server, "LAB-09"))
            request = call.RemoteStartTransaction(id_tag="APP-1", connector_id=1)
            await until_accepted(server, request)
            await until(lambda: "StartTransaction" in actions(server, "LAB-09"))
            assert "Authorize" not in actions(server, "LAB-09")

    async def test_it_boots_again_after_a_reset(self, server: CentralSystem, charger: str) -> None:
        await until(lambda: "StatusNotification" in actions(server, charger))
        assert (await server.send(charger, call.Reset(type="Soft"))).status == "Accepted"
        await until(lambda: actions(server, charger).count("BootNotification") == 2)

    async def test_it_runs_the_new_firmware_after_an_update(self, server: CentralSystem, charger: str) -> None:
        await until(lambda: "StatusNotification" in actions(server, charger))
        await server.send(charger, call.UpdateFirmware("https://firmware.example/HX-22_9.1.2.bin", "2026-01-01T00:00:00Z"))
        await until(lambda: actions(server, charger).count("BootNotification") == 2)
        told = [payload for _, action, payload in calls(server.frames(charger)) if action == "FirmwareStatusNotification"]
        assert [payload["status"] for payload in told] == ["Downloading", "Downloaded", "Installing", "Installed"]
        boots = [payload for _, action, payload in calls(server.frames(charger)) if action == "BootNotification"]
        assert boots[-1]["firmwareVersion"] == "9.1.2"

    @pytest.mark.parametrize("profile", [AMPERIA, HELIX, NORDKRAFT, VOLTARA], ids=lambda profile: str(profile.vendor))
    async def test_its_messages_and_their_answers_are_as_the_schemas_want_them(
        self, server: CentralSystem, profile: Profile
    ) -> None:
        demo = DemoCharger("LAB-09", "test-lab", replace(profile, sends_transaction_data=True))
        async with running(demo, server, replace(TEMPO, fault_while_idle=0.1)):
            await until(lambda: "StopTransaction" in actions(server, "LAB-09"))
            for request in (call.GetConfiguration(), call.ChangeConfiguration("HeartbeatInterval", "30"), call.ClearCache()):
                await server.send("LAB-09", request)
        rows = [enrich(exchange, 0).log for exchange in exchanges(server.frames("LAB-09"))]
        assert {"MeterValues", "StopTransaction", "StatusNotification", "GetConfiguration"} <= {row.action for row in rows}
        assert {row.action: row.violations for row in rows if row.violations} == {}

    async def test_the_odd_one_sends_what_is_no_ocpp_and_stays(self, server: CentralSystem) -> None:
        async with running(DemoCharger("LAB-09", "test-lab", NORDKRAFT, odd=True), server):
            await until(lambda: "NKRSelfTest" in seen_text(server))
            await until(lambda: '"alive":true' in seen_text(server))
            assert actions(server, "LAB-09").count("BootNotification") == 1

    async def test_it_comes_back_when_the_central_system_does(self) -> None:
        async with central_system() as server:
            port = server.port
            charger = asyncio.create_task(FleetCharger(DemoCharger("LAB-09", "test-lab", HELIX), server.url, 1, TEMPO).run())
            await server.wait_for("LAB-09")
        async with central_system(port=port) as server:
            await server.wait_for("LAB-09")
            charger.cancel()
            await asyncio.wait({charger})


class running:
    """A charger of the fleet, for the length of a block."""

    def __init__(self, demo: DemoCharger, server: CentralSystem, tempo: Any = TEMPO) -> None:
        self._charger = FleetCharger(demo, server.url, seed=1, tempo=tempo)

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._charger.run())

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait({self._task}, timeout=5)
        assert self._task.cancelled()


def actions(server: CentralSystem, charger_id: str) -> list[str]:
    """The charger's requests so far."""
    frames = [frame for frame in server.frames(charger_id) if is_json(frame.data)]
    return [action for direction, action, _ in calls(frames) if direction is Direction.RECEIVED]


def exchanges(frames: list[WireFrame]) -> list[Exchange]:
    """Those that ended, as the enricher pairs them."""
    pairing = Pairing(lambda *_: True, 60_000_000)
    connection, found = new_connection_id(0), []
    for number, frame in enumerate(frames):
        source = Source.CHARGER if frame.direction is Direction.RECEIVED else Source.CSMS
        envelope = Envelope("LAB-09", "test-lab", source, "ocpp1.6", connection, number + 1, number, "gw", frame.data)
        found += pairing.observe(Observed(envelope, ocppj.parse(frame.data), number))
    return found


def seen_text(server: CentralSystem) -> str:
    return b"\n".join(frame.data for frame in server.frames("LAB-09")).decode()


def is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return False
    return True


async def until_accepted(server: CentralSystem, request: Any) -> None:
    for _ in range(100):
        if (await server.send("LAB-09", request)).status == "Accepted":
            return
        await asyncio.sleep(0.05)
    raise AssertionError("never accepted")
