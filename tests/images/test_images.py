"""The services' images: small, without root, and at work with a read-only file system."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocpplog_common.clickhouse import client
from ocpplog_common.clickhouse.migrate import migrate
from ocpplog_common.settings import ClickHouseSettings
from ocpplog_common.tokens import create_key
from support.broker import kafka
from support.processes import free_port, local_clickhouse

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif("OCPPLOG_TEST_DOCKER" not in os.environ, reason="`make test-docker` builds the images"),
]
ROOT = Path(__file__).parents[2]
DOCKER = os.environ.get("OCPPLOG_TEST_DOCKER", "docker")
BASE = os.environ.get("BASE") or "ocpplog-test/base"
MOST_BYTES = 120_000_000
"""Of an image beyond its base."""


def docker(*arguments: str) -> str:
    done = subprocess.run([DOCKER, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


@pytest.fixture(scope="module", params=["gateway", "enricher", "query-api"])
def image(request: pytest.FixtureRequest) -> str:
    """Built anew."""
    service = request.param
    name = f"ocpplog-test/{service}"
    secret = os.environ.get("CA_FILE") or "/dev/null"
    arguments = ["--network", "host", "--build-arg", f"BASE={BASE}", "--secret", f"id=ca,src={secret}"]
    os.environ["DOCKER_BUILDKIT"] = "1"
    docker("build", "--quiet", *arguments, "--tag", name, "--file", f"services/{service}/Dockerfile", ".")
    return name


def test_it_is_small_and_has_nothing_to_install_with(image: str) -> None:
    size = int(docker("image", "inspect", "--format", "{{.Size}}", image))
    assert size - int(docker("image", "inspect", "--format", "{{.Size}}", BASE)) < MOST_BYTES
    found = docker("run", "--rm", image, "sh", "-c", "ls /app/bin; ls -d /app/lib/python3*/site-packages/pip* || true")
    assert "pip" not in found


def test_it_is_not_root_and_keeps_no_certificate_of_a_proxy(image: str) -> None:
    assert docker("image", "inspect", "--format", "{{.Config.User}}", image) == "10001"
    assert docker("run", "--rm", image, "sh", "-c", "id -u; test ! -e /run/ca.pem && echo none") == "10001\nnone"


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Kafka and ClickHouse beside the container."""
    scratch = tmp_path_factory.mktemp("images")
    keys = scratch / "keys"
    create_key(keys / "api.key")
    (keys / "api.key").chmod(0o644)
    keys.chmod(0o755)
    with kafka() as bootstrap, local_clickhouse(scratch / "clickhouse") as clickhouse:
        settings = ClickHouseSettings(clickhouse_url=clickhouse.url)
        with client.connect(settings, database="default") as connection:
            migrate(connection, settings.clickhouse_database)
        environment = os.environ | {"OCPPLOG_KAFKA_BOOTSTRAP": bootstrap}
        subprocess.run([sys.executable, "-m", "ocpplog_common.admin", "topics", "--partitions", "2"], env=environment, check=True)
        yield {
            "OCPPLOG_KAFKA_BOOTSTRAP": bootstrap,
            "OCPPLOG_KAFKA_IDEMPOTENCE": "false",
            "OCPPLOG_CLICKHOUSE_URL": clickhouse.url,
            "OCPPLOG_API_JWT_KEY_FILE": "/keys/api.key",
            "KEYS": str(keys),
        }


def test_it_becomes_ready_and_stops_in_order(image: str, surroundings: dict[str, str]) -> None:
    service = image.rpartition("/")[2]
    ports = {
        "gateway": ["OCPPLOG_GATEWAY_HEALTH_PORT", "OCPPLOG_GATEWAY_PORT"],
        "enricher": ["OCPPLOG_ENRICHER_HEALTH_PORT"],
        "query-api": ["OCPPLOG_API_PORT"],
    }[service]
    variables = surroundings | {name: str(free_port()) for name in ports}
    keys = variables.pop("KEYS")
    settings = [f"--env={name}={value}" for name, value in variables.items()]
    strict = ["--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=host"]
    container = docker("run", "--detach", *strict, *settings, f"--volume={keys}:/keys:ro", image)
    try:
        _until_ready(container, f"http://127.0.0.1:{variables[ports[0]]}/readyz")
        docker("stop", "--time=30", container)
        assert docker("inspect", "--format", "{{.State.ExitCode}}", container) == "0", docker("logs", container)
    finally:
        docker("rm", "--force", container)


def _until_ready(container: str, url: str) -> None:
    asking = f"import urllib.request; urllib.request.urlopen('{url}', timeout=2)"
    deadline = time.monotonic() + 90
    while subprocess.run([DOCKER, "exec", container, "python3", "-c", asking], capture_output=True, check=False).returncode:
        running = docker("inspect", "--format", "{{.State.Running}}", container)
        assert running == "true" and time.monotonic() < deadline, docker("logs", container)[-3000:]
        time.sleep(1)
