"""Traces of the three services, as processes, at a collector that keeps them; one that is away changes nothing for them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from integration import query_api_support, test_enricher
from integration.gateway_support import HEARTBEAT, Bench, Gate, Upstream, join, listening, raw, refused
from integration.test_enricher import Charger as Sender
from integration.traces_support import Recorded, lines
from ocpplog_common import topics
from ocpplog_common.admin import kafka as admin
from ocpplog_common.records import Charger, Site
from ocpplog_common.settings import KafkaSettings
from support.broker import IDEMPOTENCE, kafka
from support.collector import Collector, Span
from support.faulty_proxy import FaultyProxy
from support.processes import Process, environment, free_port, wait_for_http
from support.records import put_records

pytestmark = pytest.mark.integration
bench, producer = test_enricher.bench, test_enricher.producer
_SERVER, _CLIENT = 2, 3
_STOPS_WITHIN_S = 15
"""Half of what the SDK itself would wait for a collector that is silent."""
_CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector().running() as found:
        yield found


def _one(collector: Collector, name: str) -> Span:
    collector.until(lambda: bool(collector.named(name)))
    [found] = collector.named(name)
    return found


class TestGateway:
    @pytest.fixture
    async def upstream_port(self) -> AsyncIterator[int]:
        port = free_port()
        async with listening(Upstream(), port):
            yield port

    @pytest.fixture
    async def rig(self, collector: Collector, upstream_port: int, tmp_path: Path) -> AsyncIterator[Bench]:
        with kafka() as bootstrap:
            settings = KafkaSettings(kafka_bootstrap=bootstrap, kafka_idempotence=IDEMPOTENCE)
            await admin.create_topics(settings, 1, 1)
            await put_records(settings, [Site(site_id="depot", upstream=f"ws://127.0.0.1:{upstream_port}/csms")])
            known = [Charger(name, "depot") for name in ("CP1", "REFUSE-403")]
            await put_records(settings, known)
            with Gate(bootstrap, tmp_path / "log", otlp_endpoint=collector.url, trace_share=1) as gate:
                gate.wait()
                yield Bench(bootstrap, upstream_port, upstream_port, gate, gate)

    async def test_a_handshake_is_a_span_and_its_connection_is_named_alike_everywhere(
        self, rig: Bench, collector: Collector
    ) -> None:
        gate = rig.strict
        async with join(gate, "/CP1") as point:
            for number in range(20):
                await point.send(HEARTBEAT.format(number))
                await point.recv()
        [frame, *_] = await rig.frames("CP1", 40)
        await asyncio.to_thread(collector.until, lambda: len(collector.spans) >= 2)
        inner, outer = collector.named("handshake upstream")[0], collector.named("handshake")[0]
        assert (outer.service, outer.kind, outer.parent_id, outer.failed) == ("ocpplog-gateway", _SERVER, "", False)
        assert outer.attributes == {
            "http.request.method": "GET",
            "network.protocol.name": "websocket",
            "http.response.status_code": 101,
            "ocpplog.charger.id": "CP1",
            "ocpplog.site.id": "depot",
            "ocpplog.connection.id": frame.connection_id,
        }
        assert (inner.kind, inner.trace_id, inner.parent_id) == (_CLIENT, outer.trace_id, outer.span_id)
        assert inner.attributes == {"server.address": "127.0.0.1", "server.port": rig.upstream_port}
        assert {line["connection"] for event in ("connected", "disconnected") for line in lines(gate.log, event)} == {
            frame.connection_id
        }
        assert gate.process.stop() == 0
        assert len(collector.spans) == 2, "no span for a frame"

    async def test_refusals_say_why_and_so_does_the_log_under_the_same_trace(self, rig: Bench, collector: Collector) -> None:
        gate = rig.strict
        await refused(gate, "/UNKNOWN")
        await refused(gate, "/REFUSE-403")
        await raw(gate, b"nonsense\r\n\r\n")
        await asyncio.to_thread(collector.until, lambda: len(collector.named("handshake")) >= 3)
        spans = {span.attributes["ocpplog.refusal"]: span for span in collector.named("handshake")}
        assert {reason: span.attributes["http.response.status_code"] for reason, span in spans.items()} == {
            "unknown-charger": 404,
            "refused-upstream": 403,
            "no-http": 400,
        }
        assert spans["refused-upstream"].attributes["ocpplog.site.id"] == "depot"
        [inner] = collector.named("handshake upstream")
        assert (inner.parent_id, inner.failed) == (spans["refused-upstream"].span_id, True)
        logged = {line["reason"].partition(":")[0]: line for line in lines(gate.log, "refused")}
        for reason in ("unknown-charger", "refused-upstream"):
            assert (logged[reason]["trace_id"], logged[reason]["span_id"]) == (spans[reason].trace_id, spans[reason].span_id)

    async def test_a_silent_collector_holds_up_neither_chargers_nor_the_end(self, rig: Bench, collector: Collector) -> None:
        gate = rig.strict
        collector.freeze()
        await refused(gate, "/UNKNOWN")
        await asyncio.to_thread(collector.until, lambda: collector.requests > 0)
        async with join(gate, "/CP1") as point:
            await point.send(HEARTBEAT.format(1))
            assert await point.recv() == '[3,"1",{}]'
        assert gate.process.stop(timeout=_STOPS_WITHIN_S) == 0


class TestEnricher:
    @pytest.fixture
    def recorded(self, bench: test_enricher.Bench) -> Iterator[Recorded]:
        with FaultyProxy(bench.store.port).running() as proxy:
            yield Recorded(proxy)

    def _start(self, bench: test_enricher.Bench, recorded: Recorded, collector: Collector) -> None:
        more = environment({"clickhouse_url": recorded.proxy.url, "otlp_endpoint": collector.url, "trace_share": 1})
        command = (sys.executable, "-m", "ocpplog_enricher")
        bench.enricher = Process(*command, env=bench.environment(bench.health) | more, log=bench.log)
        bench.start()

    async def test_a_write_is_a_span_with_its_place_on_kafka_and_its_retries(
        self, bench: test_enricher.Bench, producer: AIOKafkaProducer, recorded: Recorded, collector: Collector
    ) -> None:
        self._start(bench, recorded, collector)
        recorded.fail_inserts = 1
        charger = Sender(producer, "CP1", "loud")
        for number in range(3):
            await charger.exchange(number, "Heartbeat")
        await bench.until(lambda: len(bench.rows("1")) == 3)
        await asyncio.to_thread(collector.until, lambda: _rows(collector) == 3)
        span = collector.named("INSERT ocpp_log")[0]
        [(partition, first, _), *_] = bench.rows("kafka_partition, kafka_offset, closed_offset")
        assert (span.service, span.kind, span.parent_id, span.failed) == ("ocpplog-enricher", _CLIENT, "", False)
        assert span.attributes.pop("ocpplog.bytes") > 0
        rows = span.attributes.pop("db.operation.batch.size")
        assert span.attributes == {
            "db.system.name": "clickhouse",
            "db.operation.name": "INSERT",
            "db.collection.name": "ocpp_log",
            "messaging.system": "kafka",
            "messaging.destination.name": "ocpp.frames",
            "messaging.destination.partition.id": str(partition),
            "ocpplog.offset.first": first,
            "ocpplog.offset.last": first + 2 * rows - 1,
        }
        assert span.events == [("retry", {"error.type": "241", "ocpplog.pause_s": 0.2})]
        attempts = recorded.within("ocpp_log")
        assert attempts.count((span.trace_id, span.span_id)) == 2, "the same trace at each attempt"
        [line, *_] = lines(bench.log, "failed, trying again")
        assert (line["trace_id"], line["span_id"]) == (span.trace_id, span.span_id)

    async def test_a_silent_collector_holds_up_neither_rows_nor_the_end(
        self, bench: test_enricher.Bench, producer: AIOKafkaProducer, recorded: Recorded, collector: Collector
    ) -> None:
        collector.freeze()
        self._start(bench, recorded, collector)
        charger = Sender(producer, "CP1", "loud")
        await charger.exchange(1, "Heartbeat")
        await asyncio.to_thread(collector.until, lambda: collector.requests > 0)
        await charger.exchange(2, "Heartbeat")
        await bench.until(lambda: len(bench.rows("1")) == 2)
        assert bench.enricher.stop(timeout=_STOPS_WITHIN_S) == 0

    async def test_a_dead_letter_names_its_frame_in_the_log(self, bench: test_enricher.Bench, producer: AIOKafkaProducer) -> None:
        bench.start()
        headers = [("connection-id", b"ab" * 16), ("sequence", b"7")]
        await producer.send_and_wait(topics.FRAMES, b"[]", key=b"CP1", headers=headers)
        await bench.until(lambda: bool(lines(bench.log, "put on the dead letters")))
        [line] = lines(bench.log, "put on the dead letters")
        assert (line["connection"], line["sequence"]) == ("ab" * 16, "7")
        assert "trace_id" not in line


def _rows(collector: Collector) -> int:
    return sum(span.attributes["db.operation.batch.size"] for span in collector.named("INSERT ocpp_log"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[query_api_support.Bench, Path]]:
    directory = tmp_path_factory.mktemp("api")
    with query_api_support.query_api(directory) as found:
        yield found, directory


class TestApi:
    @contextmanager
    def _api(
        self, store: tuple[query_api_support.Bench, Path], log: Path, variables: dict[str, str] | None = None, **settings: object
    ) -> Iterator[tuple[httpx.Client, Recorded, Process]]:
        bench, directory = store
        port = free_port()
        with FaultyProxy(bench.store.port).running() as proxy:
            known = {"api_port": port, "api_jwt_key_file": directory / "key", "clickhouse_url": proxy.url, "trace_share": 1}
            env = environment(known | settings) | (variables or {})
            process = Process(sys.executable, "-m", "ocpplog_query_api", env=env, log=log).start()
            try:
                wait_for_http(f"http://127.0.0.1:{port}/readyz", process)
                headers = {"Authorization": f"Bearer {bench.token()}"}
                recorded = Recorded(proxy)
                with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20) as client:
                    yield client, recorded, process
            finally:
                process.close()

    def test_a_request_goes_on_with_the_callers_trace_down_to_clickhouse(
        self, store: tuple[query_api_support.Bench, Path], collector: Collector, tmp_path: Path
    ) -> None:
        with self._api(store, tmp_path / "log", otlp_endpoint=collector.url) as (client, recorded, _):
            caller = {"traceparent": f"00-{_CALLER[0]}-{_CALLER[1]}-01", "X-Request-ID": "support-4711"}
            answer = client.get("/v1/logs", params={"q": "id_tag:43434"}, headers=caller)
            assert len(answer.json()["items"]) == 1
            request = _one(collector, "GET /v1/logs")
        assert (request.service, request.kind, request.failed) == ("ocpplog-query-api", _SERVER, False)
        assert (request.trace_id, request.parent_id) == _CALLER
        assert request.attributes.pop("http.request.header.x-request-id") != []
        assert request.attributes == {
            "http.request.method": "GET",
            "url.scheme": "http",
            "http.route": "/v1/logs",
            "http.response.status_code": 200,
        }
        queries = [span for span in collector.spans if span.parent_id == request.span_id]
        assert queries
        assert {(span.kind, span.trace_id, span.attributes["db.system.name"]) for span in queries} == {
            (_CLIENT, _CALLER[0], "clickhouse")
        }
        assert all(span.attributes["db.query.summary"] == span.name for span in queries)
        assert {(span.trace_id, span.span_id) for span in queries} == recorded.traces()
        [line] = [line for line in lines(tmp_path / "log", "answered") if line["path"] == "/v1/logs"]
        assert (line["trace_id"], line["span_id"]) == (request.trace_id, request.span_id)
        assert "43434" not in repr(collector.spans)

    def test_downloads_failures_and_probes(
        self, store: tuple[query_api_support.Bench, Path], collector: Collector, tmp_path: Path
    ) -> None:
        with self._api(store, tmp_path / "log", otlp_endpoint=collector.url) as (client, recorded, process):
            assert client.get("/v1/logs/export", params={"action": "Heartbeat"}).status_code == 200
            assert client.get("/livez").status_code == client.get("/readyz").status_code == 200
            recorded.proxy.down()
            assert client.get("/v1/logs", params={"q": "GroundFailure"}).status_code >= 500
            assert client.get("/v1/nowhere").status_code == 404
            assert process.stop() == 0
        export, broken = _one(collector, "GET /v1/logs/export"), _one(collector, "GET /v1/logs")
        inner = [span for span in collector.spans if span.parent_id == export.span_id]
        assert inner
        assert {(span.trace_id, span.span_id) for span in inner} == recorded.traces()
        assert broken.failed
        assert [span.failed for span in collector.spans if span.parent_id == broken.span_id] == [True]
        assert {span.name for span in collector.spans if span.kind == _SERVER} == {export.name, broken.name, "GET"}
        assert "GroundFailure" not in repr(collector.spans)

    def test_a_caller_that_does_not_record_is_not_recorded(
        self, store: tuple[query_api_support.Bench, Path], collector: Collector, tmp_path: Path
    ) -> None:
        with self._api(store, tmp_path / "log", otlp_endpoint=collector.url) as (client, _, process):
            client.get("/v1/logs", headers={"traceparent": f"00-{_CALLER[0]}-{_CALLER[1]}-00"})
            client.get("/v1/sites")
            assert process.stop() == 0
        assert {span.attributes["http.route"] for span in collector.spans if span.kind == _SERVER} == {"/v1/sites"}

    def test_nothing_is_sent_without_the_setting(
        self, store: tuple[query_api_support.Bench, Path], collector: Collector, tmp_path: Path
    ) -> None:
        """The variable is the SDK's own: it alone switches nothing on."""
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        with self._api(store, tmp_path / "log", variables) as (client, recorded, process):
            caller = {"traceparent": f"00-{_CALLER[0]}-{_CALLER[1]}-01"}
            assert client.get("/v1/logs", headers=caller).status_code == 200
            assert process.stop() == 0
        assert collector.requests == 0
        assert recorded.asked
        assert recorded.traces() == set()
        assert "trace_id" not in (tmp_path / "log").read_text()

    def test_a_silent_collector_holds_up_neither_answers_nor_the_end(
        self, store: tuple[query_api_support.Bench, Path], collector: Collector, tmp_path: Path
    ) -> None:
        collector.freeze()
        with self._api(store, tmp_path / "log", otlp_endpoint=collector.url) as (client, _, process):
            client.get("/v1/logs")
            collector.until(lambda: collector.requests > 0)
            for _ in range(20):
                assert client.get("/v1/logs").status_code == 200
            assert process.stop(timeout=_STOPS_WITHIN_S) == 0

    def test_a_collector_that_is_not_there_is_said_once(
        self, store: tuple[query_api_support.Bench, Path], tmp_path: Path
    ) -> None:
        log = tmp_path / "log"
        with self._api(store, log, otlp_endpoint=f"http://127.0.0.1:{free_port()}") as (client, _, process):
            client.get("/v1/logs")
            Collector().until(lambda: bool(lines(log, "traces")))
            client.get("/v1/logs")
            assert process.stop(timeout=_STOPS_WITHIN_S) == 0
        [line] = lines(log, "traces")
        assert (line["service"], line["state"]) == ("query-api", "the collector does not take them")


@pytest.mark.parametrize("service", ["gateway", "enricher", "query_api"])
def test_without_the_sdk_a_service_says_what_to_install(service: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0" * 64)
    main = f"from ocpplog_{service}.__main__ import main; sys.exit(main())"
    code = f"import sys; sys.modules['opentelemetry.sdk.trace'] = None; {main}"
    env = environment({"otlp_endpoint": "http://127.0.0.1:1", "api_jwt_key_file": tmp_path / "key"})
    process = Process(sys.executable, "-c", code, env=env, log=tmp_path / "log").start()
    assert process.child.wait(30) == 1
    [line] = (tmp_path / "log").read_text().splitlines()
    assert "OCPPLOG_OTLP_ENDPOINT is set" in line
    assert "ocpplog-common[traces]" in line
