"""The variables that manifests and compose set are the services' own, and these start with them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ocpplog_common.settings import ClickHouseSettings, CommonSettings, KafkaSettings
from ocpplog_enricher.settings import EnricherSettings
from ocpplog_gateway.settings import GatewaySettings
from ocpplog_query_api.exports import xlsx
from ocpplog_query_api.settings import ApiSettings
from support.manifests import Manifest, containers, environment, pods

ROOT = Path(__file__).parents[2]
ADMIN: type[CommonSettings] = type("AdminSettings", (KafkaSettings, ClickHouseSettings), {})
SERVICES: dict[str, type[CommonSettings]] = {
    "gateway": GatewaySettings,
    "enricher": EnricherSettings,
    "query-api": ApiSettings,
}


def settings_with(service: str, variables: dict[str, str], files: Path, monkeypatch: pytest.MonkeyPatch) -> CommonSettings:
    """The service's settings under `variables`. What they name under /etc/ocpplog or /keys is made in `files`."""
    for variable, value in variables.items():
        if value.startswith(("/etc/ocpplog/", "/keys/")):
            value = str(files / value.replace("/", "_"))
            Path(value).write_text("0" * 64)
        monkeypatch.setenv(variable, value)
    return SERVICES[service]()


def known(settings: type[CommonSettings]) -> set[str]:
    return {f"OCPPLOG_{field}".upper() for field in settings.model_fields}


def test_kubernetes_sets_what_exists(manifests: list[Manifest]) -> None:
    for owner, pod in pods(manifests):
        for container in containers(pod):
            variables = environment(manifests, container).keys()
            # Commands take the settings of the service whose image they come in, too.
            wanted = known(SERVICES.get(owner, EnricherSettings))
            if container["name"] not in SERVICES:
                wanted |= known(ADMIN)
            assert variables <= wanted, variables - wanted


def test_kubernetes_sets_what_is_required(manifests: list[Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, pod in pods(manifests):
        for container in pod["spec"]["containers"]:
            if owner in SERVICES:
                with monkeypatch.context() as patch:
                    found = settings_with(owner, environment(manifests, container), tmp_path, patch)
                _listens(found, container)


def test_spreadsheets_fit_their_volume(manifests: list[Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [pod] = [pod for owner, pod in pods(manifests) if owner == "query-api"]
    [container] = pod["spec"]["containers"]
    settings = settings_with("query-api", environment(manifests, container), tmp_path, monkeypatch)
    assert isinstance(settings, ApiSettings)
    [volume] = [found for found in pod["spec"]["volumes"] if found["name"] == "tmp"]
    assert "medium" not in volume["emptyDir"]
    size = int(volume["emptyDir"]["sizeLimit"].removesuffix("Gi")) * 1024**3
    # The rest is for what a piece of a result may be over it, and for blocks.
    needed = xlsx.disk_bytes(settings.api_max_spreadsheets, settings.api_max_spreadsheet_bytes)
    assert size >= needed * 1.05


def _listens(settings: CommonSettings, container: Manifest) -> None:
    ports = {port["containerPort"] for port in container["ports"]}
    values = settings.model_dump()
    names = ("gateway_port", "gateway_tls_port", "gateway_health_port", "enricher_health_port", "api_port", "api_health_port")
    assert ports == {value for field, value in values.items() if field in names and value}
    [health] = [value for field, value in values.items() if field.endswith("_health_port")]
    assert health in {port["containerPort"] for port in container["ports"] if port["name"] == "health"}


def test_compose_sets_what_exists_and_is_required(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compose = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text())
    scraped = (ROOT / "deploy/compose/prometheus.yaml").read_text()
    for service in SERVICES:
        variables = {key: str(value) for key, value in compose["services"][service]["environment"].items()}
        assert variables.keys() <= known(SERVICES[service])
        with monkeypatch.context() as patch:
            found = settings_with(service, variables, tmp_path, patch)
        [health] = [value for field, value in found.model_dump().items() if field.endswith("_health_port")]
        assert f'"{service}:{health}"' in scraped
        published = {int(port.rpartition(":")[2]) for port in compose["services"][service].get("ports", [])}
        assert health not in published
    assert compose["services"]["prepare"]["environment"].keys() <= known(ADMIN)
