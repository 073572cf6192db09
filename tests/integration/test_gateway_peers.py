"""The gateway between peers that others wrote: `ocpp-rpc` (npm; charger and central system), `ocpp` and `test-ocpp` (PyPI).

Skipped where they are not installed; `make test-peers` installs them, and fails where one is missing.
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ocpp.v16 import call

from integration.gateway_support import CONNECT, DISCONNECT, KEY, REFUSE, Bench, Gate
from integration.peers_support import Failure, Peer, require, require_npm
from integration.quirks_support import CORPUS, no_faults
from ocpplog_common.admin import kafka as admin
from ocpplog_common.envelope import Source
from ocpplog_common.records import Charger, Site
from ocpplog_common.secrets import hash_password
from ocpplog_common.settings import KafkaSettings
from ocpplog_local.demo.central_system import central_system
from ocpplog_local.demo.scripted import ScriptedChargePoint
from support.broker import IDEMPOTENCE, REPLICATION, broker
from support.certificates import root
from support.processes import free_port
from support.records import put_records

pytestmark = pytest.mark.integration
KNOWN = ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"]
STRICT = ["ocpp1.6", "ocpp2.0.1"]
"""What `ocpp-rpc` can check: its schemas of 2.1 lack the names that it looks for."""
RAW_KEY = bytes(range(0xE0, 0xF4))
"""20 bytes that are no UTF-8."""
BOOT: dict[str, dict[str, Any]] = {
    "ocpp1.6": {"chargePointVendor": "V", "chargePointModel": "M"},
    **{known: {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}} for known in ("ocpp2.0.1", "ocpp2.1")},
}
RESET = {"ocpp1.6": {"type": "Soft"}, "ocpp2.0.1": {"type": "OnIdle"}, "ocpp2.1": {"type": "OnIdle"}}


@dataclass(frozen=True)
class Street:
    """A gateway that asks for passwords, over TLS too; central systems at `port` and `python_port`."""

    bench: Bench
    gate: Gate
    port: int
    python_port: int
    tls_url: str
    authority: Path

    def charger(self, charger_id: str, **options: Any) -> Peer:
        return Peer("charger.js", endpoint=self.gate.url, identity=charger_id, **{"protocols": ["ocpp1.6"], **options})


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    directory = tmp_path_factory.mktemp("peers")
    servers, tls_port = root("servers"), free_port()
    authority, _ = servers.write(directory, "servers")
    cert, key = servers.make("gateway", host="localhost").write(directory, "gateway")
    with broker() as kafka:
        gate = Gate(
            kafka.bootstrap,
            directory / "log",
            kafka_idempotence=str(IDEMPOTENCE).lower(),
            gateway_min_profile=1,
            gateway_tls_port=tls_port,
            gateway_tls_cert_file=cert,
            gateway_tls_key_file=key,
            gateway_spread_s=0,
        )
        bench = Bench(kafka.bootstrap, 0, 0, gate, gate)
        found = Street(bench, gate, free_port(), free_port(), f"wss://localhost:{tls_port}/ocpp", Path(authority))
        asyncio.run(_prepare(found))
        with gate:
            gate.wait()
            yield found
        no_faults(gate)


async def _prepare(street: Street) -> None:
    kafka = KafkaSettings(kafka_bootstrap=street.bench.bootstrap, kafka_idempotence=IDEMPOTENCE)
    await admin.create_topics(kafka, 3, REPLICATION)
    rpc, python = f"ws://127.0.0.1:{street.port}/ocpp", f"ws://127.0.0.1:{street.python_port}/ocpp"
    raw_key, text_key = hash_password(RAW_KEY), hash_password(KEY.encode())
    sites = [Site(site_id="rpc", upstream=rpc), Site(site_id="python", upstream=python), Site(site_id="none")]
    names = [f"{known}-{strict}" for known in KNOWN for strict in ("strict", "lax")]
    chargers = [Charger(charger_id=name, site_id="rpc", password_hash=raw_key) for name in (*names, "RAW")]
    chargers += [Charger(charger_id=f"TO-PYTHON-{known}", site_id="python", password_hash=raw_key) for known in KNOWN]
    chargers += [Charger(charger_id=f"BUILT-IN-{known}", site_id="none", password_hash=raw_key) for known in KNOWN]
    chargers += [Charger(charger_id="FROM-PYTHON", site_id="rpc", password_hash=text_key)]
    chargers += [Charger(charger_id="TESTED", site_id="none", password_hash=text_key)]
    await put_records(kafka, [*sites, *chargers])


class TestOcppRpc:
    """`ocpp-rpc`, with a key that is raw bytes. In strict mode it checks every payload of either side against the schemas."""

    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        require_npm()

    @pytest.fixture
    async def csms(self, street: Street, request: pytest.FixtureRequest) -> AsyncIterator[Peer]:
        keys = [RAW_KEY.hex(), KEY.encode().hex()]
        options = {"protocols": KNOWN, "strictMode": getattr(request, "param", []), "passwordsHex": keys}
        async with Peer("central_system.js", port=street.port, **options) as found:
            assert await found.answer() == "listening"
            yield found

    @pytest.mark.parametrize("known", KNOWN)
    @pytest.mark.parametrize("csms", [STRICT, []], indirect=True, ids=["strict", "lax"])
    async def test_both_sides(self, street: Street, csms: Peer, known: str, request: pytest.FixtureRequest) -> None:
        strict = known in STRICT and "strict" in request.node.callspec.id
        name = f"{known}-{request.node.callspec.id.partition('-')[0]}"
        async with street.charger(name, protocols=[known], strictMode=strict, passwordHex=RAW_KEY.hex()) as charger:
            assert await charger.do("connect") == {"protocol": known} and await csms.do("protocol", name) == known
            assert (await charger.do("call", "BootNotification", BOOT[known]))["status"] == "Accepted"
            assert "currentTime" in await charger.do("call", "Heartbeat", {})
            assert await csms.do("call", name, "Reset", RESET[known]) == {"status": "Accepted"}
            # Long enough to be compressed, where that was agreed.
            data = {"vendorId": "V", "data": "0123456789ü" * 3000}
            assert await csms.do("call", name, "DataTransfer", data) == {"status": "Accepted", "data": data["data"]}
            with pytest.raises(Failure) as failure:
                await charger.do("call", "DataTransfer", {"vendorId": "V"})
            assert failure.value.code == "NotImplemented"
            assert await charger.do("close", 1000, "bye") == {"code": 1000, "reason": "bye"}
            sent, received = await charger.wire("sent"), await charger.wire("received")
        assert await csms.wire("received") == sent and await csms.wire("sent") == received
        await _recorded(street, name, sent, received)
        [_, ended] = await street.bench.events(name, CONNECT, DISCONNECT)
        assert (ended.close_code, ended.closed_by, ended.reason) == (1000, "charger", "bye")

    async def test_raw_frames(self, street: Street, csms: Peer) -> None:
        """The oddities of tests/corpus, from both sides. What `ocpp-rpc` says to them passes too."""
        texts = [path.read_bytes().decode() for path in sorted((CORPUS / "frames").glob("ocpp*"))]
        async with street.charger("RAW", protocols=["ocpp1.6"], passwordHex=RAW_KEY.hex()) as charger:
            await charger.do("connect")
            for text in filter(None, texts):
                await charger.do("raw", text)
                await csms.do("raw", "RAW", text)
            await charger.do("call", "Heartbeat", {})
            await csms.do("call", "RAW", "Reset", {"type": "Soft"})
            await charger.do("close", 1000, "")
            sent, received = await charger.wire("sent"), await charger.wire("received")
        assert {text.encode() for text in filter(None, texts)} <= set(sent) & set(received)
        assert await csms.wire("received") == sent and await csms.wire("sent") == received
        await _recorded(street, "RAW", sent, received)

    @pytest.mark.parametrize(
        ("charger_id", "options", "code"),
        [
            ("RAW", {"password": "wrong"}, 401),
            ("RAW", {}, 401),
            ("NOBODY", {"passwordHex": RAW_KEY.hex()}, 404),
        ],
        ids=["wrong", "none", "unknown"],
    )
    async def test_refused(self, street: Street, charger_id: str, options: dict[str, Any], code: int) -> None:
        async with street.charger(charger_id, **options) as charger:
            with pytest.raises(Failure) as failure:
                await charger.do("connect")
        assert failure.value.code == code
        found = await street.bench.events(charger_id, REFUSE, where=lambda event: event.kind is REFUSE) if code == 404 else []
        assert all(event.close_code == code for event in found)

    @pytest.mark.parametrize("known", KNOWN)
    async def test_charger_of_the_built_in_central_system(self, street: Street, known: str) -> None:
        """Strict: its answers have to follow the schemas."""
        name = f"BUILT-IN-{known}"
        options = {"protocols": [known], "strictMode": known in STRICT, "passwordHex": RAW_KEY.hex()}
        async with street.charger(name, **options) as charger:
            await charger.do("connect")
            assert (await charger.do("call", "BootNotification", BOOT[known]))["status"] == "Accepted"
            assert "currentTime" in await charger.do("call", "Heartbeat", {})
            assert "status" in await charger.do("call", "DataTransfer", {"vendorId": "V"})

    @pytest.mark.parametrize("known", KNOWN)
    async def test_charger_of_the_ocpp_package(self, street: Street, known: str) -> None:
        """`ocpp-rpc` as the charger, the Python package `ocpp` as its central system."""
        name = f"TO-PYTHON-{known}"
        async with (
            central_system(port=street.python_port, record=True) as server,
            street.charger(name, protocols=[known], strictMode=known in STRICT, passwordHex=RAW_KEY.hex()) as charger,
        ):
            assert await charger.do("connect") == {"protocol": known}
            assert (await charger.do("call", "BootNotification", BOOT[known]))["status"] == "Accepted"
            assert "currentTime" in await charger.do("call", "Heartbeat", {})
            if known == "ocpp1.6":
                await server.send(name, call.Reset(type="Soft"))
            sent, received = await charger.wire("sent"), await charger.wire("received")
            assert [f.data for f in server.frames(name) if f.direction == "received"] == sent
        await _recorded(street, name, sent, received)

    async def test_central_system_of_the_ocpp_package_s_charger(self, street: Street, csms: Peer) -> None:
        """The Python package `ocpp` as the charger."""
        async with ScriptedChargePoint.connect(street.gate.url, "FROM-PYTHON", password=KEY) as point:
            await point.boot()
            await point.heartbeat()
            await csms.do("call", "FROM-PYTHON", "Reset", {"type": "Soft"})
            sent, received = point.sent(), point.received()
        await _recorded(street, "FROM-PYTHON", sent, received)


async def _recorded(street: Street, charger_id: str, sent: list[bytes], received: list[bytes]) -> None:
    """What the charger sent and received is on Kafka: byte for byte, in order, and nothing else."""
    found = await street.bench.frames(charger_id, len(sent) + len(received))
    assert [e.frame for e in found if e.source is Source.CHARGER] == sent
    assert [e.frame for e in found if e.source is Source.CSMS] == received


class TestTestOcpp:
    """`test-ocpp`, which installers run against a central system: here as they do, from the command line."""

    async def _run(self, street: Street, *arguments: str) -> tuple[int, str]:
        require(importlib.util.find_spec("test_ocpp") is not None, "test-ocpp")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "test_ocpp", *arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode is not None
        return process.returncode, output.decode()

    @pytest.mark.parametrize("version", ["1.6", "2.0.1"])
    @pytest.mark.parametrize("more", [[], ["--trailing-slash"]], ids=["", "slash"])
    async def test_plain(self, street: Street, version: str, more: list[str]) -> None:
        code, output = await self._run(street, street.gate.url, "TESTED", "--ocpp", version, "--password", KEY, *more)
        assert code == 0 and f"Negotiated subprotocol: ocpp{version}" in output, output
        assert "BootNotification status: Accepted" in output and re.search(r"Heartbeat server time: 20\d\d-", output)
        assert "WARNING" not in output

    async def test_over_tls(self, street: Street) -> None:
        code, output = await self._run(street, street.tls_url, "TESTED", "--password", KEY, "--ca", str(street.authority))
        assert code == 0 and "TLS: TLSv1." in output, output

    @pytest.mark.parametrize(
        ("charger_id", "arguments", "status"),
        [("TESTED", ["--password", "wrong"], 401), ("TESTED", ["--username", "TESTED"], 401), ("NONE", ["--password", KEY], 404)],
        ids=["wrong", "empty", "unknown"],
    )
    async def test_refused(self, street: Street, charger_id: str, arguments: list[str], status: int) -> None:
        code, output = await self._run(street, street.gate.url, charger_id, *arguments)
        assert code == 1 and f"server rejected handshake with HTTP {status}" in output, output
