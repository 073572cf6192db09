"""The gateway as a process, between real peers and the embedded broker: what is handed on is on Kafka, byte for byte."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from ocpp.v16 import call
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from integration.gateway_support import (
    CONNECT,
    DISCONNECT,
    HEARTBEAT,
    KEY,
    REFUSE,
    Bench,
    Gate,
    Traffic,
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
from ocpplog_common.envelope import Opcode, Source
from ocpplog_common.records import Charger, Site
from ocpplog_common.secrets import hash_password
from ocpplog_common.settings import KafkaSettings
from ocpplog_local.demo.central_system import central_system
from ocpplog_local.demo.scripted import ScriptedChargePoint
from support.broker import IDEMPOTENCE, REPLICATION, kafka
from support.processes import embedded_kafka, free_port, running, wait_for_http
from support.records import put_records

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    logs = tmp_path_factory.mktemp("gateway")
    with kafka() as bootstrap:
        upstream, real = free_port(), free_port()
        lax_settings = {"gateway_default_site": "yard", "gateway_missing_subprotocol": "ocpp1.6"}
        default = f"ws://127.0.0.1:{upstream}/csms/"
        strict = Gate(bootstrap, logs / "strict.log")
        lax = Gate(bootstrap, logs / "lax.log", gateway_upstream=default, **lax_settings)
        found = Bench(bootstrap, upstream, real, strict, lax)
        asyncio.run(_prepare(found))
        with strict, lax:
            strict.wait()
            lax.wait()
            yield found
        for gate in (strict, lax):
            text = gate.log.read_text()
            assert "Traceback" not in text and "never retrieved" not in text, text[-6000:]
            # The log level is debug: even so, nothing that a password could be taken from.
            assert "hmac-sha256" not in text and KEY not in text and base64.b64encode(f"SAFE:{KEY}".encode()).decode() not in text


async def _prepare(bench: Bench) -> None:
    settings = KafkaSettings(kafka_bootstrap=bench.bootstrap, kafka_idempotence=IDEMPOTENCE)
    await admin.create_topics(settings, 4, REPLICATION)
    hashed = hash_password(KEY.encode())
    chargers = [Charger(charger_id=f"CP-{number}", site_id="s1") for number in range(200)]
    chargers += [Charger(charger_id=name, site_id="s1") for name in ("REFUSE-401", "REFUSE-404", "REFUSE-500", "DE*HUB*E0042")]
    chargers += [Charger(charger_id=f"{name}-{number}", site_id="s1") for name in ("TERM", "KILL") for number in range(10)]
    chargers += [
        Charger(charger_id="SAFE", site_id="s1", password_hash=hashed),
        Charger(charger_id="REAL", site_id="s1", upstream=f"ws://127.0.0.1:{bench.real_port}/ocpp", password_hash=hashed),
        Charger(charger_id="DOWN", site_id="s1", upstream=f"ws://user:{KEY}@127.0.0.1:{free_port()}/x"),
        Charger(charger_id="ODD-URL", site_id="s1", upstream=f"http://user:{KEY}@127.0.0.1/x"),
        Charger(charger_id="OWN-KEY", site_id="s1", upstream=bench.upstream.replace("://", f"://gateway:{KEY}@")),
        Charger(charger_id="NOWHERE", site_id="no such site"),
    ]
    await put_records(settings, [Site(site_id="s1", upstream=bench.upstream), *chargers])


@pytest.fixture
async def upstream(bench: Bench) -> AsyncIterator[Upstream]:
    system = Upstream()
    async with listening(system, bench.upstream_port):
        yield system


class TestSession:
    async def test_real_peers(self, bench: Bench) -> None:
        before_us = time.time_ns() // 1000
        async with central_system(port=bench.real_port, record=True) as server:
            async with ScriptedChargePoint.connect(bench.strict.url, "REAL", password=KEY) as point:
                await point.boot()
                await point.status(1, "Available")
                transaction = await point.start(1, "43434", meter_start=0)
                await asyncio.gather(
                    server.send("REAL", call.GetConfiguration()), *(point.heartbeat() for _ in range(5)), point.authorize("1")
                )
                await server.send("REAL", call.Reset(type="Soft"))
                await point.stop(transaction, meter_stop=1200, reason="Local")
                await point.close(1000, "bye")
                sent, received = point.sent(), point.received()
            at_server = server.frames("REAL")
        envelopes = await bench.frames("REAL", len(sent) + len(received))
        by_source = {source: [e.frame for e in envelopes if e.source is source] for source in Source}
        assert by_source[Source.CHARGER] == sent == [f.data for f in at_server if f.direction == "received"]
        assert by_source[Source.CSMS] == received == [f.data for f in at_server if f.direction == "sent"]
        assert [e.sequence for e in envelopes] == list(range(1, len(envelopes) + 1))
        constant = {(e.charger_id, e.site_id, e.subprotocol, e.gateway_id, e.opcode, e.registered) for e in envelopes}
        assert constant == {("REAL", "s1", "ocpp1.6", "gw-1", Opcode.TEXT, True)}
        assert len({e.connection_id for e in envelopes}) == 1
        assert before_us <= envelopes[0].received_at_us <= envelopes[-1].received_at_us <= time.time_ns() // 1000

        [begun, ended] = await bench.events("REAL", CONNECT, DISCONNECT)
        assert begun.connection_id == ended.connection_id == envelopes[0].connection_id
        assert (begun.site_id, begun.subprotocol, begun.gateway_id) == ("s1", "ocpp1.6", "gw-1")
        assert begun.peer.startswith("127.0.0.1:")
        assert (ended.close_code, ended.closed_by, ended.reason) == (1000, "charger", "bye")
        assert (ended.frames_from_charger, ended.frames_from_csms) == (len(sent), len(received))
        assert 0 < (ended.duration_s or 0) < 10

    async def test_the_newer_connection_of_a_charger_wins(self, bench: Bench, upstream: Upstream) -> None:
        async with join(bench.strict, "/CP-1") as older:
            await older.send(HEARTBEAT.format("a"))
            assert await older.recv() == '[3,"a",{}]'
            # A probe with nothing in common must not take the place of a connection that works.
            async with join(bench.strict, "/CP-1", [Subprotocol("ocpp1.5")]) as probe:
                assert (await closed(probe))[0] == 1002
            await older.send(HEARTBEAT.format("b"))
            assert await older.recv() == '[3,"b",{}]'
            async with join(bench.strict, "/CP-1") as newer:
                assert await closed(older) == (1001, "replaced by a newer connection")
                await newer.send(HEARTBEAT.format("c"))
                assert await newer.recv() == '[3,"c",{}]'
                await until(lambda: upstream.opened == 1)
        replaced = await bench.events(
            "CP-1", DISCONNECT, where=lambda e: e.kind is DISCONNECT and e.reason == "replaced by a newer connection"
        )
        assert (replaced[0].closed_by, replaced[0].close_code) == ("gateway", 1001)
        assert (replaced[0].frames_from_charger, replaced[0].frames_from_csms) == (2, 2)
        await upstream.gone()
        frames = await bench.frames("CP-1", 6)
        assert len({e.connection_id for e in frames}) == 2
        assert [e.sequence for e in frames] == [1, 2, 3, 4, 1, 2]

    async def test_the_charger_is_told_how_its_central_system_closed(self, bench: Bench, upstream: Upstream) -> None:
        async with join(bench.strict, "/CP-2") as point:
            await until(lambda: bool(upstream.connections["CP-2"]))
            await upstream.connections["CP-2"][0].close(4001, "not today")
            assert await closed(point) == (4001, "not today")
        async with join(bench.strict, "/CP-2") as point:
            await until(lambda: len(upstream.connections["CP-2"]) == 2)
            upstream.connections["CP-2"][1].transport.abort()
            assert await closed(point) == (1012, "central system connection lost")
        [_, ended, _, lost] = await bench.events("CP-2", *[CONNECT, DISCONNECT] * 2)
        assert (ended.close_code, ended.closed_by, ended.reason) == (4001, "csms", "not today")
        assert (lost.close_code, lost.closed_by) == (1006, "csms")

    async def test_a_central_system_that_speaks_first(self, bench: Bench, upstream: Upstream) -> None:
        upstream.greeting = [f'[2,"{number}","TriggerMessage",{{}}]' for number in range(60)]
        async with join(bench.strict, "/CP-3") as point:
            assert [await point.recv() for _ in range(60)] == upstream.greeting
        await upstream.gone()


class TestHandshake:
    async def test_unknown_charger(self, bench: Bench, upstream: Upstream) -> None:
        assert (await refused(bench.strict, "/NOBODY")).status_code == 404
        [event] = await bench.events("NOBODY", REFUSE)
        assert (event.close_code, event.gateway_id) == (404, "gw-1")
        assert event.reason.startswith("unknown-charger")
        async with join(bench.lax, "/NOBODY") as point:
            await point.send(HEARTBEAT.format(1))
            await point.recv()
        assert {(e.site_id, e.registered) for e in await bench.frames("NOBODY", 2)} == {("yard", False)}
        events = await bench.events("NOBODY", REFUSE, CONNECT, DISCONNECT)
        assert [(e.site_id, e.registered) for e in events[1:]] == [("yard", False)] * 2

    async def test_passwords(self, bench: Bench, upstream: Upstream) -> None:
        for headers in (None, basic("SAFE", "wrong"), basic("CP-0", KEY), {"Authorization": "Bearer x"}):
            response = await refused(bench.strict, "/SAFE", additional_headers=headers)
            assert (response.status_code, response.headers["WWW-Authenticate"][:5]) == (401, "Basic")
        async with join(bench.strict, "/SAFE", additional_headers=basic("SAFE", KEY)):
            assert upstream.authorizations["SAFE"] == [basic("SAFE", KEY)["Authorization"]]
        events = await bench.events("SAFE", *[REFUSE] * 4, CONNECT, DISCONNECT)
        assert {event.site_id for event in events} == {"s1"}
        assert [event.reason.partition(":")[0] for event in events[:4]] == [
            *("no-credentials", "wrong-credentials", "wrong-credentials", "no-credentials")
        ]

    async def test_credentials_of_the_gateway_go_before_the_charger_s(self, bench: Bench, upstream: Upstream) -> None:
        async with join(bench.strict, "/OWN-KEY", additional_headers=basic("OWN-KEY", "x")):
            assert upstream.authorizations["OWN-KEY"] == [basic("gateway", KEY)["Authorization"]]

    async def test_credentials_that_are_not_ascii(self, bench: Bench, upstream: Upstream) -> None:
        for target in ("/SAFE", "/CP-4"):
            line = "Authorization: Basic \xe9\xff"
            answer = await raw(bench.strict, handshake(target, "Sec-WebSocket-Protocol: ocpp1.6", line))
            assert re.match(rb"HTTP/1.1 40[01] ", answer), answer

    @pytest.mark.parametrize(
        ("charger_id", "status", "header"),
        [
            ("DOWN", 503, "Retry-After"),
            ("ODD-URL", 503, "Retry-After"),
            ("REFUSE-401", 401, "WWW-Authenticate"),
            ("REFUSE-404", 404, ""),
            ("REFUSE-500", 503, "Retry-After"),
        ],
    )
    async def test_no_central_system(self, bench: Bench, upstream: Upstream, charger_id: str, status: int, header: str) -> None:
        response = await refused(bench.strict, f"/{charger_id}")
        assert response.status_code == status
        assert not header or header in response.headers
        assert (await bench.events(charger_id, REFUSE))[0].close_code == status

    async def test_the_central_system_chooses_the_subprotocol(self, bench: Bench, upstream: Upstream) -> None:
        offer = [Subprotocol(name) for name in ("ocpp2.0.1", "ocpp1.6")]
        async with join(bench.strict, "/CP-5", offer) as point:
            assert point.subprotocol == "ocpp1.6"
            await point.send(HEARTBEAT.format(1))
            await point.recv()
        assert (await bench.frames("CP-5", 2))[0].subprotocol == "ocpp1.6"

    async def test_nothing_in_common(self, bench: Bench, upstream: Upstream) -> None:
        for offer in ("ocpp1.5", "ocpp2.0.1"):
            async with join(bench.strict, "/CP-6", [Subprotocol(offer)]) as point:
                assert point.subprotocol is None
                assert (await closed(point))[0] == 1002
        await upstream.gone()
        for event in await bench.events("CP-6", REFUSE, REFUSE):
            assert (event.close_code, event.reason) == (1002, "no subprotocol in common")

    async def test_none_offered(self, bench: Bench, upstream: Upstream) -> None:
        assert (await refused(bench.strict, "/CP-7", None)).status_code == 400
        await bench.events("CP-7", REFUSE)
        async with join(bench.lax, "/CP-7", None) as point:
            assert point.subprotocol is None
            await point.send(HEARTBEAT.format(1))
            assert await point.recv() == '[3,"1",{}]'
        assert {e.subprotocol for e in await bench.frames("CP-7", 2)} == {"ocpp1.6"}

    @pytest.mark.parametrize("target", ["/DE%2AHUB%2AE0042", "//DE*HUB*E0042", "/DE*HUB*E0042/", "/DE*HUB*E0042?token=x"])
    async def test_spellings_of_an_id(self, bench: Bench, upstream: Upstream, target: str) -> None:
        async with join(bench.strict, target):
            await until(lambda: len(upstream.connections["DE*HUB*E0042"]) == 1)

    async def test_ids_that_are_none(self, bench: Bench) -> None:
        for target in ("/" + "x" * 300 + "?token=secret", "/%FF", "/a/b"):
            assert (await refused(bench.lax, target)).status_code == 404
        events = await bench.events("", REFUSE, REFUSE, REFUSE)
        assert all(event.close_code == 404 for event in events)
        assert {"/%FF" in e.reason for e in events} == {True, False}
        assert not any("secret" in e.reason or len(e.reason) > 300 for e in events)

    async def test_what_is_no_websocket(self, bench: Bench, upstream: Upstream) -> None:
        assert (await raw(bench.strict, b"GET /ocpp/CP-8 HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 426 ")
        await bench.events("CP-8", REFUSE)
        for garbage in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n", b"HELO\r\n\r\n", b"\x00" * 70000):
            with contextlib.suppress(ConnectionError):
                await raw(bench.strict, garbage)
        async with join(bench.strict, "/CP-8") as point:
            await point.ping()

    async def test_without_connection_upgrade(self, bench: Bench, upstream: Upstream) -> None:
        for number, line in enumerate(("", "Connection: keep-alive")):
            answer = await raw(bench.strict, handshake("/CP-9", "Sec-WebSocket-Protocol: ocpp1.6", connection=line))
            assert answer.startswith(b"HTTP/1.1 101 "), answer
            await until(lambda number=number: len(upstream.connections["CP-9"]) == number + 1)  # type: ignore[misc]
        await upstream.gone()

    async def test_handshakes_that_break_after_the_central_system_accepted(self, bench: Bench, upstream: Upstream) -> None:
        data = handshake("/CP-10", "Sec-WebSocket-Protocol: ocpp1.6", version=12)
        assert (await raw(bench.strict, data)).startswith(b"HTTP/1.1 400 ")
        [event] = await bench.events("CP-10", REFUSE)
        assert (event.close_code, event.reason.partition(":")[0]) == (400, "handshake")
        upstream.delay_s = 0.2
        _, writer = await asyncio.open_connection("127.0.0.1", bench.strict.port)
        writer.write(handshake("/CP-10", "Sec-WebSocket-Protocol: ocpp1.6"))
        await asyncio.sleep(0.1)
        writer.close()
        await asyncio.sleep(0.2)
        await upstream.gone()


class TestFrames:
    @pytest.mark.parametrize(("charger_id", "compression"), [("CP-11", "deflate"), ("CP-12", None)])
    async def test_any_text_passes_byte_for_byte(
        self, bench: Bench, upstream: Upstream, charger_id: str, compression: str | None
    ) -> None:
        large = '[2,"1","DataTransfer",{"data":"' + "0123456789äöü€\U0001f50c" * 40000 + '"}]'
        assert 900_000 < len(large.encode()) < 1024 * 1024
        texts = ['[2,"1","Status', "", "\x00", ' [ 2 ,"x" , "Heartbeat", { } ] \n', large, "\\\\\\", "\ufeffnull", "\ufffe\ud7ff"]
        async with join(bench.strict, f"/{charger_id}", compression=compression) as point:
            assert bool(point.protocol.extensions) == bool(upstream.extensions[charger_id]) == bool(compression)
            for text in texts:
                await point.send(text)
            await point.send(["[2,", '"ä', "1", '"]'])
            expected = [text.encode() for text in [*texts, '[2,"ä1"]']]
            await until(lambda: len(upstream.received[charger_id]) == len(expected))
            for text in texts:
                await upstream.connections[charger_id][0].send(text)
            received: list[str | bytes] = []
            while not received or received[-1] != texts[-1]:
                received.append(await asyncio.wait_for(point.recv(), 5))
        assert upstream.received[charger_id] == expected
        assert [text for text in received if not str(text).startswith("[3,")] == texts
        found = await bench.frames(charger_id, len(expected) + len(received))
        assert [e.frame for e in found if e.source is Source.CHARGER] == expected
        assert [e.frame.decode() for e in found if e.source is Source.CSMS] == received

    async def test_binary(self, bench: Bench, upstream: Upstream) -> None:
        async with join(bench.strict, "/CP-13") as point:
            await point.send("first")
            await point.send(b"\x00\xff")
            assert (await closed(point))[0] == 1003
        found = await bench.frames("CP-13", 2)
        assert [(e.frame, e.opcode) for e in found] == [(b"first", Opcode.TEXT), (b"\x00\xff", Opcode.BINARY)]
        await upstream.gone()
        assert upstream.received["CP-13"] == [b"first"]
        [_, ended] = await bench.events("CP-13", CONNECT, DISCONNECT)
        assert (ended.close_code, ended.closed_by, ended.frames_from_charger) == (1003, "gateway", 2)

    @pytest.mark.parametrize(("charger_id", "fragments"), [("CP-14", 1), ("CP-15", 3)])
    async def test_not_utf8(self, bench: Bench, upstream: Upstream, charger_id: str, fragments: int) -> None:
        data = b'[2,"1","DataTransfer",{"data":"\xe9t\xe9"}]'
        async with join(bench.strict, f"/{charger_id}") as point:
            size = -(-len(data) // fragments)
            await point.send([data[n : n + size] for n in range(0, len(data), size)], text=True)
            assert (await closed(point))[0] == 1007
        assert [(e.frame, e.opcode) for e in await bench.frames(charger_id, 1)] == [(data, Opcode.TEXT)]
        [_, ended] = await bench.events(charger_id, CONNECT, DISCONNECT)
        assert (ended.close_code, ended.closed_by, ended.frames_from_charger) == (1007, "gateway", 1)
        await upstream.gone()
        assert not upstream.received[charger_id]

    async def test_too_long(self, bench: Bench, upstream: Upstream) -> None:
        async with join(bench.strict, "/CP-16", compression=None) as point:
            await point.send("before")
            with contextlib.suppress(ConnectionClosed):
                await point.send("x" * (1024 * 1024 + 1))
            assert (await closed(point))[0] == 1009
        await upstream.gone()
        assert upstream.received["CP-16"] == [b"before"]
        [_, ended] = await bench.events("CP-16", CONNECT, DISCONNECT)
        assert (ended.close_code, ended.closed_by, ended.frames_from_charger) == (1009, "gateway", 1)
        async with join(bench.strict, "/CP-17", compression=None) as point:
            await point.send("x" * 1024 * 1024)
            assert len((await bench.frames("CP-17", 1))[0].frame) == 1024 * 1024


async def nothing_unrecorded(bench: Bench, traffic: Traffic, upstream: Upstream) -> None:
    """What a side got is, in this order, the beginning of what is on Kafka of the other."""
    on_kafka = await bench.everything()
    for charger_id, received in traffic.received.items():
        at_upstream = upstream.received[charger_id]
        assert received and at_upstream
        assert on_kafka[charger_id, Source.CSMS][: len(received)] == received
        assert on_kafka[charger_id, Source.CHARGER][: len(at_upstream)] == at_upstream


class TestEnds:
    async def test_sigterm_under_traffic(self, bench: Bench, upstream: Upstream, tmp_path: Path) -> None:
        with Gate(bench.bootstrap, tmp_path / "log") as gate:
            await asyncio.to_thread(gate.wait)
            # Whoever opened a TCP connection and says nothing must not hold up the end.
            _, silent = await asyncio.open_connection("127.0.0.1", gate.port)
            traffic = Traffic(gate, [f"TERM-{number}" for number in range(10)])
            await traffic.flowing()
            began = time.monotonic()
            stopping = asyncio.create_task(asyncio.to_thread(gate.process.stop))
            await traffic.ended()
            assert await stopping == 0
            assert time.monotonic() - began < 5
            silent.close()
        assert traffic.codes == [1001] * 10
        assert "Traceback" not in gate.log.read_text()
        await upstream.gone()
        await nothing_unrecorded(bench, traffic, upstream)
        ended = await bench.events("TERM-0", CONNECT, DISCONNECT)
        assert (ended[1].closed_by, ended[1].reason, ended[1].close_code) == ("gateway", "the gateway is stopping", 1001)

    async def test_sigkill_under_traffic(self, bench: Bench, upstream: Upstream, tmp_path: Path) -> None:
        with Gate(bench.bootstrap, tmp_path / "log") as gate:
            await asyncio.to_thread(gate.wait)
            traffic = Traffic(gate, [f"KILL-{number}" for number in range(10)])
            await traffic.flowing()
            gate.process.kill()
            await traffic.ended()
        await upstream.gone()
        await nothing_unrecorded(bench, traffic, upstream)

    async def test_strict_passes_nothing_on_while_kafka_is_gone(
        self, upstream: Upstream, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        node = contextlib.ExitStack()
        with node, contextlib.ExitStack() as gates:
            bootstrap = node.enter_context(embedded_kafka())
            await admin.create_topics(KafkaSettings(kafka_bootstrap=bootstrap, kafka_idempotence=False), 2, 1)
            settings = {
                "gateway_mode": "strict",
                "kafka_idempotence": "false",
                "gateway_default_site": "s",
                "gateway_upstream": bench.upstream,
                "gateway_delivery_timeout_s": 1,
            }
            gate = gates.enter_context(Gate(bootstrap, tmp_path / "log", **settings))
            await asyncio.to_thread(gate.wait)
            traffic = Traffic(gate, [f"LOST-{number}" for number in range(10)])
            await traffic.flowing()
            await asyncio.to_thread(node.close)
            killed = {charger_id: len(found) for charger_id, found in upstream.received.items()}
            await traffic.ended()
            assert traffic.codes == [1013] * 10
            await upstream.gone()
            # The broker took nothing any more: at most what it had acknowledged before can still be handed on.
            assert all(len(upstream.received[charger_id]) <= count + 2 for charger_id, count in killed.items())
            assert (await gate.get("/livez"))[0] == 200
            status, text = await gate.get("/readyz")
            assert status == 503 and "Kafka" in text
            response = await refused(gate, "/LOST-0")
            assert response.status_code == 503 and "Retry-After" in response.headers

            monkeypatch.setattr("support.processes.free_port", lambda: int(bootstrap.rpartition(":")[2]))
            with embedded_kafka():
                # Its topics were in memory.
                await admin.create_topics(KafkaSettings(kafka_bootstrap=bootstrap, kafka_idempotence=False), 2, 1)
                await asyncio.to_thread(gate.wait)
                async with join(gate, "/LOST-0") as point:
                    await point.send(HEARTBEAT.format("back"))
                    assert await point.recv() == '[3,"back",{}]'
                assert await asyncio.to_thread(gate.process.stop) == 0
            text = gate.log.read_text()
            assert "Traceback" not in text and "never retrieved" not in text
            assert text.count("not recorded") >= 10
            # Besides what each connection has to tell, an outage is not worth many lines.
            assert len([line for line in text.splitlines() if '"charger"' not in line]) < 60


class TestStart:
    async def test_before_kafka(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        late = free_port()
        with Gate(f"127.0.0.1:{late}", tmp_path / "log", gateway_default_site="s", kafka_idempotence="false") as gate:
            wait_for_http(f"http://127.0.0.1:{gate.health}/livez", gate.process)
            status, text = await gate.get("/readyz")
            assert status == 503 and "Kafka" in text
            with pytest.raises(OSError):
                await raw(gate, b"GET / HTTP/1.1\r\n\r\n")
            monkeypatch.setattr("support.processes.free_port", lambda: late)
            with embedded_kafka() as bootstrap:
                assert bootstrap.endswith(f":{late}")
                await admin.create_topics(KafkaSettings(kafka_bootstrap=bootstrap, kafka_idempotence=False), 1, 1)
                await asyncio.to_thread(gate.wait)
                async with join(gate, "/CP-0") as point:
                    await point.send(HEARTBEAT.format("1"))
                    assert "currentTime" in str(await point.recv())
                assert await asyncio.to_thread(gate.process.stop) == 0

    async def test_ends_while_it_waits(self, tmp_path: Path) -> None:
        """For a broker that takes connections and never answers."""
        with (
            socket.create_server(("127.0.0.1", 0)) as mute,
            Gate(f"127.0.0.1:{mute.getsockname()[1]}", tmp_path / "log") as gate,
        ):
            await asyncio.to_thread(wait_for_http, f"http://127.0.0.1:{gate.health}/livez", gate.process)
            began = time.monotonic()
            assert await asyncio.to_thread(gate.process.stop) == 0
            assert time.monotonic() - began < 5
        assert "Traceback" not in gate.log.read_text()

    @pytest.mark.parametrize("setting", ["gateway_port", "gateway_health_port"])
    async def test_port_taken(self, bench: Bench, tmp_path: Path, setting: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            gate = Gate(bench.bootstrap, tmp_path / "log", log_level="warning", **{setting: taken.getsockname()[1]})
            with gate:
                assert await asyncio.to_thread(gate.process.child.wait, 15) == 1
        text = gate.log.read_text()
        assert len(text.splitlines()) == 1
        assert "ocpplog-gateway:" in text and "address already in use" in text

    def test_settings_that_mean_nothing(self, tmp_path: Path) -> None:
        gate = Gate("127.0.0.1:1", tmp_path / "log", gateway_max_in_flight="many", gateway_path="ocpp")
        with running(gate.process):
            assert gate.process.child.wait(15) == 1
        text = gate.log.read_text()
        assert len(text.splitlines()) == 1
        assert "OCPPLOG_GATEWAY_MAX_IN_FLIGHT" in text and "OCPPLOG_GATEWAY_PATH" in text


async def test_two_hundred_chargers_at_once(bench: Bench, upstream: Upstream) -> None:
    """All come in, all are answered, all is recorded; and nothing is left of them afterwards."""
    async with join(bench.lax, "/warm-up"):
        pass
    await upstream.gone()
    descriptors = await bench.lax.metric("process_open_fds")
    ready = asyncio.Barrier(201)

    async def one(number: int) -> int:
        async with join(bench.lax, f"/LOAD-{number}", open_timeout=20) as point:
            await ready.wait()
            answered = 0
            for n in range(21):
                await point.send(HEARTBEAT.format(n) if n else '[2,"0","BootNotification",{"chargePointVendor":"V"}]')
                answered += json.loads(await point.recv()) == [3, str(n), {}]
            return answered

    began = time.perf_counter()
    tasks = [asyncio.create_task(one(number)) for number in range(200)]
    await asyncio.wait_for(ready.wait(), 20)
    joined = time.perf_counter()
    assert await asyncio.gather(*tasks) == [21] * 200
    frames = 200 * 21 * 2
    print(f"200 chargers in {joined - began:.2f} s, then {frames / (time.perf_counter() - joined):.0f} frames/s")
    await upstream.gone()

    on_kafka = {key: found for key, found in (await bench.everything()).items() if key[0].startswith("LOAD-")}
    assert len(on_kafka) == 400
    assert {len(found) for found in on_kafka.values()} == {21}

    assert await bench.lax.metric("ocpplog_gateway_connections") == 0
    for _ in range(50):
        if (left := await bench.lax.metric("process_open_fds")) <= descriptors + 2:
            break
        await asyncio.sleep(0.1)
    assert left <= descriptors + 2
