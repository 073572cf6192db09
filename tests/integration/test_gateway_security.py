"""The gateway's door as a process: security profiles, TLS, proxies, limits, and credentials for central systems."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from integration.gateway_support import (
    CONNECT,
    DISCONNECT,
    HEARTBEAT,
    KEY,
    OCPP16,
    REFUSE,
    Bench,
    Gate,
    Upstream,
    basic,
    closed,
    handshake,
    join,
    listening,
    raw,
    refused,
    until,
)
from ocpplog_common.admin import kafka as admin
from ocpplog_common.records import Charger, ConnectionEvent, MissingSubprotocol, Site
from ocpplog_common.secrets import hash_password
from ocpplog_common.settings import KafkaSettings
from support.broker import IDEMPOTENCE, REPLICATION, kafka
from support.certificates import Made, root
from support.processes import free_port
from support.records import put_records

pytestmark = pytest.mark.integration

PROXY = ("127.0.0.2", 0)
"""A trusted proxy of the gateway. 127.0.0.1 is none."""
RAW_KEY = bytes.fromhex("ff00fe3a" * 4)
HASHED = hash_password(KEY.encode())


class Pki:
    """Authorities of servers and of chargers, and the files that the gateway is given."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.servers = root("servers")
        self.chargers = root("chargers")
        self.clients, _ = self.chargers.write(directory, "clients")
        self.authority, _ = self.servers.write(directory, "servers")
        self.renew()

    def renew(self, days: int = 10) -> Made:
        made = self.servers.make("gateway", host="localhost", days=(-1, days))
        self.cert, self.key = made.write(self.directory, "listener")
        return made

    def client(self, made: Made | None = None) -> ssl.SSLContext:
        """What a charger uses: it checks the server, and shows `made`."""
        context = ssl.create_default_context(cadata=self.servers.pem.decode())
        if made:
            context.load_cert_chain(*made.write(self.directory, "charger"))
        return context


class SecureGate(Gate):
    """A gateway with a TLS listener and a trusted proxy, that asks for a password, as it does where nothing is set."""

    def __init__(self, bootstrap: str, log: Path, pki: Pki, **settings: object) -> None:
        self.tls_port = free_port()
        known: dict[str, object] = {
            "gateway_min_profile": 1,
            "gateway_tls_port": self.tls_port,
            "gateway_tls_cert_file": pki.cert,
            "gateway_tls_key_file": pki.key,
            "gateway_client_ca_file": pki.clients,
            "gateway_client_cert_header": "Client-Cert",
            "gateway_trusted_proxies": "127.0.0.2/32",
            "gateway_peer_failures": 0,
            "gateway_charger_failures": 0,
        }
        super().__init__(bootstrap, log, **{**known, **settings})

    def tls(self, charger_id: str, context: ssl.SSLContext, **more: Any) -> connect:
        url = f"wss://localhost:{self.tls_port}/ocpp/{charger_id}"
        return connect(url, subprotocols=OCPP16, ssl=context, host="127.0.0.1", port=self.tls_port, proxy=None, **more)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("credentials")
    (directory / "csms").write_text(f"gateway:{KEY}\n")
    return directory


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, pki: Pki, secrets: Path) -> Iterator[Bench]:
    log = tmp_path_factory.mktemp("gateway") / "log"
    with kafka() as bootstrap:
        gate = SecureGate(
            *(bootstrap, log, pki),
            gateway_path="/ocpp,/ocpp/1.6,/sites/{site}",
            gateway_credentials_dir=secrets,
            gateway_upstream_ca_file=pki.authority,
            gateway_upstream_cert_file=pki.cert,
            gateway_upstream_key_file=pki.key,
            gateway_open_timeout_s=3,
        )
        found = Bench(bootstrap, free_port(), free_port(), gate, gate)
        asyncio.run(_prepare(found))
        with gate:
            gate.wait()
            yield found
        text = log.read_text()
        assert "Traceback" not in text and "never retrieved" not in text, text[-6000:]
        assert "hmac-sha256" not in text and KEY not in text and RAW_KEY.hex() not in text
        assert not re.search(r"Basic [A-Za-z0-9+/=]{8}", text)


async def _prepare(bench: Bench) -> None:
    settings = KafkaSettings(kafka_bootstrap=bench.bootstrap, kafka_idempotence=IDEMPOTENCE)
    await admin.create_topics(settings, 4, REPLICATION)

    def charger(charger_id: str, **more: Any) -> Charger:
        return Charger(**{"charger_id": charger_id, "site_id": "s1", "password_hash": HASHED, **more})

    secure = f"wss://localhost:{bench.real_port}/csms"
    chargers = [
        *(charger(f"P-{number}") for number in range(20)),
        *(charger(f"TLS-{number}") for number in range(10)),
        *(charger(f"STORM-{number}", min_profile=0, password_hash="") for number in range(20)),
        charger("FAULTY"),
        charger("OPEN", password_hash=""),
        charger("OPEN-0", password_hash="", min_profile=0),
        charger("LEAST-2", min_profile=2),
        charger("LEAST-3", min_profile=3),
        charger("CERT", password_hash=""),
        charger("SERIAL", password_hash="", certificate_name="SN-7", certificate_organisation="Operator"),
        charger("EMPTY", password_hash=hash_password(b""), min_profile=0),
        charger("WALLBOX", user_name="wallbox"),
        charger("RAW", password_hash=hash_password(RAW_KEY.hex().encode())),
        charger("SILENT", missing_subprotocol=MissingSubprotocol.OCPP16),
        charger("NAMED", upstream=bench.upstream, upstream_credentials="csms"),
        charger("LOST-NAME", upstream=bench.upstream, upstream_credentials="lost"),
        charger("WSS", upstream=secure, upstream_credentials="csms"),
    ]
    await put_records(settings, [Site(site_id="s1", upstream=bench.upstream), *chargers])


@pytest.fixture
async def upstream(bench: Bench) -> AsyncIterator[Upstream]:
    system = Upstream(["ocpp1.6", "ocpp2.0.1"])
    async with listening(system, bench.upstream_port):
        yield system


@pytest.fixture
def gate(bench: Bench) -> SecureGate:
    assert isinstance(bench.strict, SecureGate)
    return bench.strict


@contextlib.asynccontextmanager
async def another(bench: Bench, pki: Pki, log: Path, **settings: object) -> AsyncIterator[SecureGate]:
    gate = SecureGate(bench.bootstrap, log, pki, **settings)
    with gate:
        await asyncio.to_thread(gate.wait)
        yield gate
        assert "Traceback" not in gate.log.read_text()


async def answers(point: ClientConnection) -> bool:
    await point.send(HEARTBEAT.format(1))
    return await asyncio.wait_for(point.recv(), 5) == '[3,"1",{}]'


async def refused_by_tls(gate: SecureGate, charger_id: str, context: ssl.SSLContext, **more: Any) -> int:
    with pytest.raises(InvalidStatus) as status:
        await gate.tls(charger_id, context, **more)
    return status.value.response.status_code


async def reason(bench: Bench, charger_id: str, status: int) -> str:
    """Why a charger was refused, once, by the log."""
    [event] = await bench.events(charger_id, REFUSE, where=lambda e: e.kind is REFUSE)
    assert event.close_code == status and event.peer.startswith("127.0.0.")
    return event.reason.partition(":")[0]


class TestProfiles:
    async def test_1_a_password(self, bench: Bench, gate: SecureGate, upstream: Upstream) -> None:
        async with join(gate, "/P-1", additional_headers=basic("P-1", KEY)) as point:
            assert await answers(point)

    async def test_2_over_tls(self, bench: Bench, gate: SecureGate, upstream: Upstream, pki: Pki) -> None:
        async with gate.tls("LEAST-2", pki.client(), additional_headers=basic("LEAST-2", KEY)) as point:
            assert await answers(point)
        assert (await refused(gate, "/LEAST-2", additional_headers=basic("LEAST-2", KEY))).status_code == 403
        assert await reason(bench, "LEAST-2", 403) == "profile"

    async def test_2_with_what_old_chargers_know(self, gate: SecureGate, upstream: Upstream, pki: Pki) -> None:
        context = pki.client()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AES128-GCM-SHA256")
        async with gate.tls("P-2", context, additional_headers=basic("P-2", KEY)) as point:
            assert await answers(point)

    async def test_2_many_at_once(self, gate: SecureGate, upstream: Upstream, pki: Pki) -> None:
        """However the first bytes of TLS arrive."""
        context = pki.client()

        async def one(charger_id: str) -> bool:
            async with gate.tls(charger_id, context, additional_headers=basic(charger_id, KEY)) as point:
                return await answers(point)

        for _ in range(5):
            assert all(await asyncio.gather(*(one(f"TLS-{number}") for number in range(10))))

    async def test_3_a_certificate(self, bench: Bench, gate: SecureGate, upstream: Upstream, pki: Pki) -> None:
        own = pki.client(pki.chargers.make("LEAST-3"))
        async with gate.tls("LEAST-3", own) as point:
            assert await answers(point)
        assert await refused_by_tls(gate, "LEAST-3", pki.client(), additional_headers=basic("LEAST-3", KEY)) == 403
        assert await reason(bench, "LEAST-3", 403) == "profile"
        assert await refused_by_tls(gate, "P-3", own, additional_headers=basic("P-3", KEY)) == 403
        assert await reason(bench, "P-3", 403) == "certificate"

    async def test_3_a_serial_number_and_an_organisation(
        self, bench: Bench, gate: SecureGate, upstream: Upstream, pki: Pki
    ) -> None:
        async with gate.tls("SERIAL", pki.client(pki.chargers.make("SN-7", "Operator"))) as point:
            assert await answers(point)
        assert await refused_by_tls(gate, "SERIAL", pki.client(pki.chargers.make("SN-7", "Other"))) == 403
        assert await reason(bench, "SERIAL", 403) == "certificate"

    async def test_3_of_nobody_s_authority(self, bench: Bench, gate: SecureGate, pki: Pki) -> None:
        made = root().make("CERT")
        with pytest.raises((OSError, EOFError, Exception)):
            await gate.tls("CERT", pki.client(made))
        events = await bench.events("", REFUSE, where=lambda e: "CERTIFICATE_VERIFY_FAILED" in e.reason)
        assert events[0].reason.startswith("tls: ") and events[0].peer.startswith("127.0.0.1:")

    async def test_0_only_where_allowed(self, bench: Bench, gate: SecureGate, upstream: Upstream, pki: Pki) -> None:
        assert (await refused(gate, "/OPEN")).status_code == 403
        assert await reason(bench, "OPEN", 403) == "profile"
        assert await refused_by_tls(gate, "OPEN", pki.client()) == 403
        async with join(gate, "/OPEN-0") as point:
            assert await answers(point)
        async with join(gate, "/EMPTY", additional_headers=basic("EMPTY", "")) as point:
            assert await answers(point)

    async def test_unknown_and_wrong(self, bench: Bench, gate: SecureGate, pki: Pki) -> None:
        assert await refused_by_tls(gate, "NOBODY", pki.client()) == 404
        assert await reason(bench, "NOBODY", 404) == "unknown-charger"
        assert await refused_by_tls(gate, "P-4", pki.client(), additional_headers=basic("P-4", "wrong")) == 401
        assert await reason(bench, "P-4", 401) == "wrong-credentials"


class TestQuirks:
    async def test_a_key_as_raw_bytes(self, gate: SecureGate, upstream: Upstream) -> None:
        header = {"Authorization": "Basic " + base64.b64encode(b"RAW:" + RAW_KEY).decode()}
        async with join(gate, "/RAW", additional_headers=header) as point:
            assert await answers(point)
        assert upstream.authorizations["RAW"] == [header["Authorization"]]
        async with join(gate, "/RAW", additional_headers=basic("RAW", RAW_KEY.hex())) as point:
            assert await answers(point)

    async def test_a_user_name_that_is_not_the_charger_id(self, bench: Bench, gate: SecureGate, upstream: Upstream) -> None:
        async with join(gate, "/WALLBOX", additional_headers=basic("wallbox", KEY)) as point:
            assert await answers(point)
        assert (await refused(gate, "/WALLBOX", additional_headers=basic("WALLBOX", KEY))).status_code == 401

    async def test_no_subprotocol_where_the_charger_may(self, gate: SecureGate, upstream: Upstream) -> None:
        async with join(gate, "/SILENT", None, additional_headers=basic("SILENT", KEY)) as point:
            assert point.subprotocol is None
            assert await answers(point)
        assert (await refused(gate, "/P-5", None, additional_headers=basic("P-5", KEY))).status_code == 400

    async def test_a_handshake_that_breaks_off_is_an_event(self, bench: Bench, gate: SecureGate, upstream: Upstream) -> None:
        """Refused by the WebSocket library, or a frame that comes with it is none: one event each, and no traceback."""
        lines = ("Sec-WebSocket-Protocol: ocpp1.6", "Authorization: " + basic("P-11", KEY)["Authorization"])
        assert (await raw(gate, handshake("/P-11", *lines, version=12))).startswith(b"HTTP/1.1 400 ")
        assert await raw(gate, handshake("/P-11", *lines) + b"\x82\x01x") == b""
        events = await bench.events("P-11", REFUSE, REFUSE)
        assert [event.reason.partition(":")[0] for event in events] == ["handshake", "gave-up"]
        assert "Traceback" not in gate.log.read_text()

    async def test_an_empty_offer_is_none(self, bench: Bench, gate: SecureGate) -> None:
        for offered in ("", " ", ","):
            lines = (f"Sec-WebSocket-Protocol: {offered}", "Authorization: " + basic("P-12", KEY)["Authorization"])
            assert (await raw(gate, handshake("/P-12", *lines))).startswith(b"HTTP/1.1 400 ")
        events = await bench.events("P-12", REFUSE, REFUSE, REFUSE)
        assert {event.reason.partition(":")[0] for event in events} == {"no-subprotocol"}

    async def test_another_protocol_each_time(self, bench: Bench, gate: SecureGate, upstream: Upstream) -> None:
        for name in ("ocpp1.6", "ocpp2.0.1", "ocpp1.6"):
            async with join(gate, "/P-6", [Subprotocol(name)], additional_headers=basic("P-6", KEY)) as point:
                assert point.subprotocol == name
                assert await answers(point)
        assert [e.subprotocol for e in await bench.frames("P-6", 6)][::2] == ["ocpp1.6", "ocpp2.0.1", "ocpp1.6"]

    async def test_rsv1_without_negotiation(self, bench: Bench, gate: SecureGate, upstream: Upstream) -> None:
        async with join(gate, "/P-7", compression=None, additional_headers=basic("P-7", KEY)) as point:
            # A text frame with RSV1 set, masked with zeros.
            point.transport.write(b"\xc1\x85\0\0\0\0" + b"12345")
            assert (await closed(point))[0] == 1002
        [_, ended] = await bench.events("P-7", CONNECT, DISCONNECT)
        assert (ended.close_code, ended.closed_by) == (1002, "gateway")

    @pytest.mark.parametrize(
        ("target", "status"),
        [
            ("/ocpp/1.6/P-8", 101),
            ("/ocpp//1.6//P-8//", 101),
            ("//ocpp/P-8", 101),
            ("/ocpp/%50%2D8", 101),
            ("/sites/s1/P-8", 101),
            ("/sites/s2/P-8", 404),
            ("/ocpp/2.0.1/P-8", 404),
        ],
    )
    async def test_paths(self, gate: SecureGate, upstream: Upstream, target: str, status: int) -> None:
        lines = ("Sec-WebSocket-Protocol: ocpp1.6", "Authorization: " + basic("P-8", KEY)["Authorization"])
        data = handshake("", *lines).replace(b"GET /ocpp ", f"GET {target} ".encode())
        assert (await raw(gate, data)).startswith(f"HTTP/1.1 {status} ".encode())
        await upstream.gone()


def of_proxy(made: Made | None = None, form: str = "rfc9440") -> dict[str, str]:
    """What a proxy adds."""
    headers = {"X-Forwarded-For": "198.51.100.9, 203.0.113.7", "X-Forwarded-Proto": "https"}
    if made:
        encoded = base64.b64encode(made.der).decode()
        headers["Client-Cert"] = f":{encoded}:" if form == "rfc9440" else quote(made.pem, safe="")
    return headers


class TestProxy:
    async def test_tls_and_peer(self, bench: Bench, gate: SecureGate, upstream: Upstream) -> None:
        headers = {**basic("LEAST-2", KEY), **of_proxy()}
        async with join(gate, "/LEAST-2", additional_headers=headers, local_addr=PROXY) as point:
            assert await answers(point)
        found = await bench.events("LEAST-2", CONNECT, where=lambda e: e.kind is CONNECT and e.peer == "203.0.113.7")
        assert found[0].site_id == "s1"

    async def test_not_over_tls(self, gate: SecureGate, upstream: Upstream) -> None:
        for proto in ("http", "https, http", ""):
            headers = {**basic("LEAST-2", KEY), **of_proxy(), "X-Forwarded-Proto": proto}
            response = await refused(gate, "/LEAST-2", additional_headers=headers, local_addr=PROXY)
            assert response.status_code == 403

    @pytest.mark.parametrize("form", ["rfc9440", "nginx"])
    async def test_certificate(self, gate: SecureGate, upstream: Upstream, pki: Pki, form: str) -> None:
        headers = of_proxy(pki.chargers.make("CERT"), form)
        async with join(gate, "/CERT", additional_headers=headers, local_addr=PROXY) as point:
            assert await answers(point)
        # From anybody else, all of it is ignored.
        assert (await refused(gate, "/CERT", additional_headers=headers)).status_code == 403

    async def test_a_certificate_in_a_header_that_nobody_named(
        self, bench: Bench, pki: Pki, upstream: Upstream, tmp_path: Path
    ) -> None:
        """As a proxy passes it on that knows nothing of it."""
        headers = of_proxy(pki.chargers.make("CERT"))
        async with another(bench, pki, tmp_path / "log", gateway_client_cert_header="") as gate:
            assert (await refused(gate, "/CERT", additional_headers=headers, local_addr=PROXY)).status_code == 403

    async def test_certificates_that_prove_nothing(self, bench: Bench, gate: SecureGate, pki: Pki) -> None:
        wrong: dict[str, Mapping[str, str]] = {
            "another authority's": of_proxy(root().make("P-9")),
            "another charger's": of_proxy(pki.chargers.make("P-10")),
            "expired": of_proxy(pki.chargers.make("P-9", days=(-9, -1))),
            "unreadable": {**of_proxy(), "Client-Cert": ":x:"},
        }
        for name, headers in wrong.items():
            shown = {**basic("P-9", KEY), **headers}
            response = await refused(gate, "/P-9", additional_headers=shown, local_addr=PROXY)
            assert response.status_code == 403, name
        events = await bench.events("P-9", *[REFUSE] * 4)
        assert {(e.reason.partition(":")[0], e.peer) for e in events} == {("certificate", "203.0.113.7")}

    async def test_forged_peer(self, bench: Bench, gate: SecureGate) -> None:
        assert (await refused(gate, "/FORGED", additional_headers=of_proxy())).status_code == 404
        [event] = await bench.events("FORGED", REFUSE)
        assert event.peer.startswith("127.0.0.1:")


async def silent(port: int, address: str = "127.0.0.1") -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    return writer


def from_address(address: str) -> Any:
    return lambda event: event.peer.startswith(address)


class TestLimits:
    async def test_failed_handshakes(self, bench: Bench, pki: Pki, upstream: Upstream, tmp_path: Path) -> None:
        limits = {"gateway_peer_failures": 3, "gateway_peer_failures_per_minute": 1}
        async with another(bench, pki, tmp_path / "log", **limits) as gate:
            here: dict[str, Any] = {"local_addr": ("127.0.0.9", 0)}
            for _ in range(3):
                assert (await refused(gate, "/P-11", additional_headers=basic("P-11", "x"), **here)).status_code == 401
            for _ in range(20):
                # Not even with the right password: who guesses does not learn it.
                response = await refused(gate, "/P-11", additional_headers=basic("P-11", KEY), **here)
                assert response.status_code == 429 and int(response.headers["Retry-After"]) >= 50
            assert (await raw(gate, b"GET / HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 404")
            async with join(gate, "/P-11", additional_headers=basic("P-11", KEY)) as point:
                assert await answers(point)
            # Those behind a proxy are told apart.
            for last, status in ((1, 401), (1, 401), (1, 401), (1, 429), (2, 401)):
                headers = {**basic("P-12", "x"), "X-Forwarded-For": f"203.0.113.{last}"}
                response = await refused(gate, "/P-12", additional_headers=headers, local_addr=PROXY)
                assert response.status_code == status
            assert await asyncio.to_thread(gate.process.stop) == 0
            text = gate.log.read_text()
        summed = await bench.events("", REFUSE, where=lambda e: e.peer == "127.0.0.9")
        assert summed[0].close_code == 429 and "20 handshakes" in summed[0].reason
        await bench.events("P-11", *[REFUSE] * 3, where=from_address("127.0.0.9:"))
        assert len(re.findall(r"127\.0\.0\.9\b", text)) <= 5

    async def test_one_charger_does_not_lock_out_the_others(
        self, bench: Bench, pki: Pki, upstream: Upstream, tmp_path: Path
    ) -> None:
        limits = {"gateway_charger_failures": 2, "gateway_charger_failures_per_minute": 1}
        async with another(bench, pki, tmp_path / "log", **limits) as gate:
            for status in (401, 401, *[429] * 5):
                assert (await refused(gate, "/FAULTY", additional_headers=basic("FAULTY", "x"))).status_code == status
            async with join(gate, "/P-0", additional_headers=basic("P-0", KEY)) as point:
                assert await answers(point)
            # Nor can somebody elsewhere lock out a charger.
            elsewhere = await refused(gate, "/FAULTY", additional_headers=basic("FAULTY", "x"), local_addr=("127.0.0.3", 0))
            assert elsewhere.status_code == 401
            assert await asyncio.to_thread(gate.process.stop) == 0
        events = await bench.events("FAULTY", *[REFUSE] * 4)
        assert [(e.close_code, e.site_id) for e in events] == [(401, "s1")] * 3 + [(429, "s1")]
        assert "5 handshakes" in events[-1].reason and events[-1].peer == "127.0.0.1"

    async def test_connections_of_a_peer(self, bench: Bench, pki: Pki, upstream: Upstream, tmp_path: Path) -> None:
        async with another(bench, pki, tmp_path / "log", gateway_max_connections_per_peer=2) as gate:
            # Whoever says nothing counts too, on either port.
            mute = [await silent(gate.port), await silent(gate.tls_port)]
            await asyncio.sleep(0.1)
            response = await refused(gate, "/P-13", additional_headers=basic("P-13", KEY))
            assert response.status_code == 429 and "Retry-After" in response.headers
            assert await reason(bench, "P-13", 429) == "peer-connections"
            async with join(gate, "/P-13", additional_headers=basic("P-13", KEY), local_addr=("127.0.0.3", 0)) as point:
                assert await answers(point)
            for writer in mute:
                writer.close()
            await asyncio.sleep(0.1)
            async with join(gate, "/P-13", additional_headers=basic("P-13", KEY)) as point:
                assert await answers(point)
            # A proxy has no limit of its own; who stands behind it has.
            headers = {**basic("P-13", KEY), "X-Forwarded-For": "203.0.113.5"}
            async with contextlib.AsyncExitStack() as stack:
                for charger_id in ("P-13", "P-14"):
                    shown = {**basic(charger_id, KEY), "X-Forwarded-For": "203.0.113.5"}
                    await stack.enter_async_context(join(gate, f"/{charger_id}", additional_headers=shown, local_addr=PROXY))
                assert (await refused(gate, "/P-13", additional_headers=headers, local_addr=PROXY)).status_code == 429
                other = {**basic("P-15", KEY), "X-Forwarded-For": "203.0.113.6"}
                async with join(gate, "/P-15", additional_headers=other, local_addr=PROXY) as point:
                    assert await answers(point)

    async def test_connections_of_the_gateway(self, bench: Bench, pki: Pki, upstream: Upstream, tmp_path: Path) -> None:
        async with another(bench, pki, tmp_path / "log", gateway_max_connections=3) as gate:
            mute = [await silent(gate.port, f"127.0.0.{number}") for number in (3, 4, 5)]
            await asyncio.sleep(0.1)
            response = await refused(gate, "/P-16", additional_headers=basic("P-16", KEY))
            assert response.status_code == 503 and "Retry-After" in response.headers
            assert await reason(bench, "P-16", 503) == "connections"
            assert await gate.metric("ocpplog_gateway_sockets") == 3
            # Who is refused holds no place for good: a flood of silent ones is cut at once.
            flood = [await silent(gate.port) for _ in range(300)]
            await asyncio.sleep(0.2)
            assert await gate.metric("ocpplog_gateway_cut_connections_total") == 300 - 256
            for writer in [*mute, *flood]:
                writer.transport.abort()
            await asyncio.sleep(0.2)
            assert await gate.metric("ocpplog_gateway_sockets") == 0
            async with join(gate, "/P-16", additional_headers=basic("P-16", KEY)) as point:
                assert await answers(point)

    @pytest.mark.parametrize(
        ("address", "secured", "said"),
        [
            ("127.0.0.11", False, b""),
            ("127.0.0.12", False, b"GET /ocpp/P-1 HTTP/1.1\r\nHost: x\r\n"),
            ("127.0.0.13", True, b""),
            ("127.0.0.14", True, b"\x16\x03\x01\x02\x00\x01"),
        ],
    )
    async def test_slow_handshakes(self, bench: Bench, gate: SecureGate, address: str, secured: bool, said: bytes) -> None:
        port = gate.tls_port if secured else gate.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        writer.write(said)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 8) == b""
        writer.close()
        [event] = await bench.events("", REFUSE, where=from_address(address))
        assert (event.close_code, event.reason) == (408, "timeout: no handshake within 3 s")

    async def test_those_who_vanish(self, bench: Bench, pki: Pki, tmp_path: Path) -> None:
        """At any step of TLS, however abruptly: nothing is left of them."""
        hello = bytes.fromhex("160301")
        async with another(bench, pki, tmp_path / "log") as other:
            for number in range(200):
                with socket.create_connection(("127.0.0.1", other.tls_port if number % 4 else other.port)) as tcp:
                    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", number % 2, 0))
                    if number % 3:
                        tcp.send(hello[: number % 5])
                if number % 7 == 0:
                    await asyncio.sleep(0.01)
            for _ in range(50):
                if (left := await other.metric("ocpplog_gateway_sockets")) == 0:
                    break
                await asyncio.sleep(0.1)
            assert left == 0

    async def test_what_is_neither(self, bench: Bench, gate: SecureGate) -> None:
        for address, port, data, word in (
            ("127.0.0.15", gate.tls_port, b"GET /ocpp/P-1 HTTP/1.1\r\n\r\n", "tls"),
            ("127.0.0.16", gate.port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", "no-http"),
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
            writer.write(data)
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 8)
            writer.close()
            [event] = await bench.events("", REFUSE, where=from_address(address))
            assert (event.close_code, event.reason.partition(":")[0]) == (400, word)
        # Health checks, which only connect, are nothing to speak of.
        for port in (gate.port, gate.tls_port):
            (await silent(port, "127.0.0.17")).close()
        await asyncio.sleep(0.2)
        assert await bench.events("", where=from_address("127.0.0.17")) == []


class Crowd(Upstream):
    """Counts the handshakes that are under way at once."""

    now = most = 0

    async def process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return await super().process_request(connection, request)
        finally:
            self.now -= 1


class TestCentralSystems:
    async def test_credentials_by_name(self, bench: Bench, gate: SecureGate, upstream: Upstream, secrets: Path) -> None:
        headers = basic("NAMED", KEY)
        async with join(gate, "/NAMED", additional_headers=headers):
            assert upstream.authorizations["NAMED"] == [basic("gateway", KEY)["Authorization"]]
        (secrets / "csms").write_text("gateway:renewed")
        async with join(gate, "/NAMED", additional_headers=headers):
            assert upstream.authorizations["NAMED"] == [basic("gateway", "renewed")["Authorization"]]
        response = await refused(gate, "/LOST-NAME", additional_headers=basic("LOST-NAME", KEY))
        assert response.status_code == 503 and "Retry-After" in response.headers
        assert await reason(bench, "LOST-NAME", 503) == "upstream-credentials"

    async def test_wss_with_certificates_of_both(self, bench: Bench, gate: SecureGate, pki: Pki) -> None:
        headers = basic("WSS", KEY)
        system = Upstream()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pki.servers.make("csms", host="localhost").write(pki.directory, "csms"))
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(pki.authority)
        async with listening(system, bench.real_port, ssl=context), join(gate, "/WSS", additional_headers=headers) as point:
            assert await answers(point)
            shown = system.connections["WSS"][0].transport.get_extra_info("ssl_object").getpeercert()
            assert shown["subject"] == ((("commonName", "gateway"),),)
        await system.gone()
        stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        stranger.load_cert_chain(*root().make("csms", host="localhost").write(pki.directory, "stranger"))
        async with listening(system, bench.real_port, ssl=stranger):
            assert (await refused(gate, "/WSS", additional_headers=headers)).status_code == 503

    async def test_a_storm_is_spread(self, bench: Bench, pki: Pki, tmp_path: Path) -> None:
        system = Crowd()
        system.delay_s = 0.05
        async with (
            another(bench, pki, tmp_path / "log", gateway_max_upstream_handshakes=3) as gate,
            listening(system, bench.upstream_port),
            contextlib.AsyncExitStack() as stack,
        ):
            points = await asyncio.gather(*(stack.enter_async_context(join(gate, f"/STORM-{number}")) for number in range(20)))
            assert all([await answers(point) for point in points])
            assert system.most == 3

    async def test_those_who_gave_up_hold_no_turn(self, bench: Bench, pki: Pki, tmp_path: Path) -> None:
        system = Crowd()
        system.delay_s = 4
        limits = {"gateway_max_upstream_handshakes": 1, "gateway_open_timeout_s": 10}
        async with (
            another(bench, pki, tmp_path / "log", **limits) as gate,
            listening(system, bench.upstream_port),
        ):
            writers = []
            for number in range(3):
                writer = await silent(gate.port)
                writer.write(handshake(f"/STORM-{number}", "Sec-WebSocket-Protocol: ocpp1.6"))
                writers.append(writer)
            await until(lambda: system.now == 1)
            for writer in writers:
                writer.close()
            for number in range(3):
                [event] = await bench.events(f"STORM-{number}", REFUSE, where=lambda e: e.reason.startswith("gave-up"))
                assert event.close_code == 503
            system.delay_s = 0
            async with join(gate, "/STORM-4") as point:
                assert await answers(point)

    async def test_when_the_turn_never_comes(self, bench: Bench, gate: SecureGate, pki: Pki, tmp_path: Path) -> None:
        slow, quick = Crowd(), Upstream()
        slow.delay_s = 4
        limits = {"gateway_max_upstream_handshakes": 1, "gateway_open_timeout_s": 1.5, "gateway_upstream_ca_file": pki.authority}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pki.servers.make("csms", host="localhost").write(pki.directory, "quick"))
        (tmp_path / "csms").write_text("a:b")
        async with (
            another(bench, pki, tmp_path / "log", gateway_credentials_dir=tmp_path, **limits) as other,
            listening(slow, bench.upstream_port),
            listening(quick, bench.real_port, ssl=context),
        ):
            refusing = asyncio.gather(*(refused(other, f"/STORM-{number}") for number in (5, 6)))
            await until(lambda: slow.now == 1)
            # A central system that does not answer holds up nobody else's chargers.
            async with join(other, "/WSS", additional_headers=basic("WSS", KEY)) as point:
                assert await answers(point)
            found = await refusing
            assert [(response.status_code, "Retry-After" in response.headers) for response in found] == [(503, True)] * 2
        # Which of the two it was is a matter of milliseconds for the second one.
        assert {await reason(bench, f"STORM-{number}", 503) for number in (5, 6)} <= {"upstream", "upstream-busy"}


async def test_certificates_are_renewed_while_chargers_are_connected(
    bench: Bench, pki: Pki, upstream: Upstream, tmp_path: Path
) -> None:
    own = Pki(tmp_path)
    async with another(bench, own, tmp_path / "log") as gate:

        async def serial(point: ClientConnection) -> int:
            return int(point.transport.get_extra_info("ssl_object").getpeercert()["serialNumber"], 16)

        name = "ocpplog_gateway_certificate_expiry_timestamp_seconds"
        expires = await gate.metric(name)
        assert expires == pytest.approx(time.time() + 10 * 86400, abs=600)
        async with gate.tls("P-17", own.client(), additional_headers=basic("P-17", KEY)) as older:
            made = own.renew(days=20)
            async with asyncio.timeout(20):
                while await gate.metric(name) == expires:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
            assert await gate.metric(name) == pytest.approx(time.time() + 20 * 86400, abs=600)
            async with gate.tls("P-18", own.client(), additional_headers=basic("P-18", KEY)) as newer:
                assert await serial(newer) == made.certificate.serial_number != await serial(older)
                assert await answers(newer) and await answers(older)


async def test_no_secret_is_on_kafka(bench: Bench, gate: SecureGate, upstream: Upstream) -> None:
    async with join(gate, "/P-19?password=" + KEY, additional_headers=basic("P-19", KEY)) as point:
        assert await answers(point)
    found: list[ConnectionEvent] = await bench.events("P-19", CONNECT, DISCONNECT)
    assert len(found) == 2
    for topic in ("ocpp.sites", "ocpp.chargers", "ocpp.connections", "ocpp.frames"):
        for record in await bench.read(topic, lambda found: bool(found)):
            assert KEY.encode() not in (record.value or b"") + b"".join(value for _, value in record.headers)


class TestStart:
    def test_certificates_that_are_none(self, tmp_path: Path, pki: Pki) -> None:
        (tmp_path / "bad").write_text("not PEM")
        for name, said in (
            ("gateway_tls_key_file", "TLS listener"),
            ("gateway_upstream_ca_file", "TLS towards central systems"),
            ("gateway_client_ca_file", "TLS listener"),
        ):
            gate = SecureGate("127.0.0.1:1", tmp_path / f"{name}.log", pki, **{name: tmp_path / "bad"})
            with gate:
                assert gate.process.child.wait(15) == 1
            [line] = gate.log.read_text().splitlines()
            assert line.startswith(f"ocpplog-gateway: {said}: ")

    async def test_a_certificate_for_each_kind_of_charger(
        self, bench: Bench, pki: Pki, upstream: Upstream, tmp_path: Path
    ) -> None:
        other = pki.servers.make("gateway", host="localhost", elliptic=True).write(tmp_path, "elliptic")
        both = {"gateway_tls_cert_file": f"{pki.cert},{other[0]}", "gateway_tls_key_file": f"{pki.key},{other[1]}"}
        async with another(bench, pki, tmp_path / "log", **both) as gate:
            for suite in ("AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"):
                context = pki.client()
                context.maximum_version = ssl.TLSVersion.TLSv1_2
                context.set_ciphers(suite)
                async with gate.tls("P-0", context, additional_headers=basic("P-0", KEY)) as point:
                    assert point.transport.get_extra_info("cipher")[0] == suite

    async def test_only_tls(self, bench: Bench, pki: Pki, upstream: Upstream, tmp_path: Path) -> None:
        async with another(bench, pki, tmp_path / "log", gateway_plain="false") as gate:
            with pytest.raises(OSError):
                await silent(gate.port)
            async with gate.tls("P-0", pki.client(), additional_headers=basic("P-0", KEY)) as point:
                assert await answers(point)
