"""What has to hold of every manifest: valid, restricted, bounded, probed, and each name met by what it names."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from ocpplog_common.topics import topic_specs
from support.manifests import K8S, Manifest, containers, matches, name, of_kind, pods, rendered

KUBERNETES = "1.34"
ACCOUNTS, ANALYSTS = (K8S.parent / "clickhouse" / name for name in ("accounts.sql", "analysts.sql"))
_API_BEFORE = {"app.kubernetes.io/name": "query-api"}
"""Labels of a pod of the release before: its health and metrics are on the API's own port."""
_MONITORING = {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}
_OPERATORS = ("kafka.strimzi.io", "clickhouse.altinity.com", "clickhouse-keeper.altinity.com", "monitoring.coreos.com")


def test_they_are_what_kubernetes_takes(manifests: list[Manifest]) -> None:
    for found in manifests:
        if not found["apiVersion"].startswith(_OPERATORS):
            kubernetes_validate.validate(found, KUBERNETES, strict=True)


def test_every_container_is_restricted_and_bounded(manifests: list[Manifest]) -> None:
    for _, pod in pods(manifests):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(pod):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            for kind in ("requests", "limits"):
                assert {"cpu", "memory"} <= container["resources"][kind].keys()


def test_every_service_is_probed_at_ports_that_it_has(manifests: list[Manifest]) -> None:
    for found in of_kind(manifests, "Deployment"):
        for container in found["spec"]["template"]["spec"]["containers"]:
            ports = {port["name"] for port in container["ports"]}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert container[probe]["httpGet"]["port"] in ports
            assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
            assert container["livenessProbe"]["httpGet"]["path"] == "/livez"


def test_service_accounts_have_no_token(manifests: list[Manifest]) -> None:
    accounts = {name(found): found for found in of_kind(manifests, "ServiceAccount")}
    assert all(found["automountServiceAccountToken"] is False for found in accounts.values())
    assert {pod["spec"]["serviceAccountName"] for _, pod in pods(manifests)} <= accounts.keys()


def test_services_find_pods_and_ports(manifests: list[Manifest]) -> None:
    services = {name(found): found for found in of_kind(manifests, "Service")}
    for service in services.values():
        behind = [pod for _, pod in pods(manifests) if matches({"matchLabels": service["spec"]["selector"]}, _labels(pod))]
        assert len(behind) == 1
        ports = {port["name"] for container in behind[0]["spec"]["containers"] for port in container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    for ingress in of_kind(manifests, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                assert backend["port"]["name"] in {port["name"] for port in services[backend["name"]]["spec"]["ports"]}


def test_nobody_outside_reaches_health_and_metrics(manifests: list[Manifest]) -> None:
    for deployment in of_kind(manifests, "Deployment"):
        pod = deployment["spec"]["template"]
        [health] = [port["containerPort"] for port in _ports(pod) if port["name"] == "health"]
        for container in pod["spec"]["containers"]:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert container[probe]["httpGet"]["port"] == "health"
        for service in of_kind(manifests, "Service"):
            if matches({"matchLabels": service["spec"]["selector"]}, _labels(pod)):
                assert not {"health", health} & {port["targetPort"] for port in service["spec"]["ports"]}
        for policy in of_kind(manifests, "NetworkPolicy"):
            for rule in policy["spec"].get("ingress", []):
                if health in {port["port"] for port in rule["ports"]}:
                    assert name(policy) == "monitoring"
        assert _scraped(manifests, _labels(pod)) <= {"health"}


def test_the_api_of_the_release_before_is_scraped_until_it_is_rolled(manifests: list[Manifest]) -> None:
    """Monitors and policies are there before the services are rolled, and migrations may take their time between."""
    [pod] = [pod for owner, pod in pods(manifests) if owner == "query-api"]
    numbers = {port["name"]: port["containerPort"] for port in _ports(pod)}
    has_monitors = bool(of_kind(manifests, "PodMonitor"))
    assert _scraped(manifests, _API_BEFORE) == ({"health", "http"} if has_monitors else set())
    assert _scraped(manifests, _labels(pod)) == ({"health"} if has_monitors else set())
    assert numbers["http"] in _let_in_to_monitor(manifests, _API_BEFORE)
    let_in = _let_in_to_monitor(manifests, _labels(pod))
    assert numbers["health"] in let_in
    assert numbers["http"] not in let_in


def _scraped(manifests: list[Manifest], labels: dict[str, str]) -> set[str]:
    """Names of the ports at which pods with these labels are asked for their metrics."""
    return {
        endpoint["port"]
        for monitor in of_kind(manifests, "PodMonitor")
        if matches(monitor["spec"]["selector"], labels)
        for endpoint in monitor["spec"]["podMetricsEndpoints"]
    }


def _let_in_to_monitor(manifests: list[Manifest], labels: dict[str, str]) -> set[int]:
    return {
        port["port"]
        for policy in of_kind(manifests, "NetworkPolicy")
        if matches(policy["spec"]["podSelector"], labels)
        for rule in policy["spec"].get("ingress", [])
        if _MONITORING in [peer.get("namespaceSelector") for peer in rule["from"]]
        for port in rule["ports"]
    }


def test_budgets_scalers_and_policies_find_what_they_are_about(manifests: list[Manifest]) -> None:
    deployments = {name(found): found for found in of_kind(manifests, "Deployment")}
    labels = [_labels(pod) for _, pod in pods(manifests)]
    for budget in of_kind(manifests, "PodDisruptionBudget"):
        assert any(matches(budget["spec"]["selector"], found) for found in labels)
    scaled = {found["spec"]["scaleTargetRef"]["name"] for found in of_kind(manifests, "HorizontalPodAutoscaler")}
    assert scaled == deployments.keys() == {name(found) for found in of_kind(manifests, "PodDisruptionBudget")}
    operated = [{"app.kubernetes.io/name": "clickhouse"}, {"app.kubernetes.io/name": "clickhouse-keeper"}, _API_BEFORE]
    for policy in of_kind(manifests, "NetworkPolicy"):
        assert any(matches(policy["spec"]["podSelector"], found) for found in [*labels, *operated]), name(policy)
    for deployment in deployments.values():
        # An autoscaler and a manifest that both say how many would undo each other's work.
        assert "replicas" not in deployment["spec"]


def test_what_listens_is_let_in_and_nothing_else(manifests: list[Manifest]) -> None:
    for deployment in of_kind(manifests, "Deployment"):
        pod = deployment["spec"]["template"]
        listening = {port["containerPort"] for container in pod["spec"]["containers"] for port in container["ports"]}
        let_in = {
            port["port"]
            for policy in of_kind(manifests, "NetworkPolicy")
            if matches(policy["spec"]["podSelector"], _labels(pod))
            for rule in policy["spec"].get("ingress", [])
            for port in rule["ports"]
        }
        assert listening <= let_in
        denied = [found for found in of_kind(manifests, "NetworkPolicy") if name(found) == "default-deny"]
        assert matches(denied[0]["spec"]["podSelector"], _labels(pod))
        assert denied[0]["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_volumes_are_there_and_secrets_are_told_of(manifests: list[Manifest]) -> None:
    told = (K8S / "README.md").read_text()
    for _, pod in pods(manifests):
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
        for container in containers(pod):
            assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes.keys()
        secrets = {volume["secret"]["secretName"] for volume in volumes.values() if "secret" in volume}
        secrets |= {
            variable["valueFrom"]["secretKeyRef"]["name"]
            for container in containers(pod)
            for variable in container.get("env", [])
            if "secretKeyRef" in variable.get("valueFrom", {})
        }
        assert all(f"`{secret}`" in told for secret in secrets), secrets
    assert not of_kind(manifests, "Secret")


def test_a_pod_that_goes_has_time_to_go(manifests: list[Manifest]) -> None:
    [gateway] = [found for found in of_kind(manifests, "Deployment") if name(found) == "gateway"]
    [settings] = [found["data"] for found in of_kind(manifests, "ConfigMap") if name(found).startswith("ocpplog-gateway-")]
    spec = gateway["spec"]["template"]["spec"]
    needed = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed += float(settings["OCPPLOG_GATEWAY_DRAIN_S"]) + float(settings["OCPPLOG_GATEWAY_FLUSH_S"])
    assert needed + 10 <= spec["terminationGracePeriodSeconds"]
    assert gateway["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_topics_are_those_of_the_code(manifests: list[Manifest]) -> None:
    found = {
        name(topic): (topic["spec"]["partitions"], {key: str(value) for key, value in topic["spec"]["config"].items()})
        for topic in of_kind(manifests, "KafkaTopic")
    }
    assert found == {spec.name: (spec.partitions, spec.config) for spec in topic_specs()}


def test_enrichers_are_no_more_than_partitions(manifests: list[Manifest]) -> None:
    [frames] = [found for found in of_kind(manifests, "KafkaTopic") if name(found) == "ocpp.frames"]
    [scaler] = [found for found in of_kind(manifests, "HorizontalPodAutoscaler") if name(found) == "enricher"]
    assert scaler["spec"]["maxReplicas"] <= frames["spec"]["partitions"]


def test_images_of_a_release_are_named(manifests: list[Manifest]) -> None:
    for _, pod in pods(manifests):
        for container in containers(pod):
            assert re.fullmatch(r"\S+/ocpplog/\S+:\d+\.\d+\.\d+|ocpplog/\S+:dev", container["image"]), container["image"]


@pytest.mark.parametrize("component", [found.name for found in sorted((K8S / "components").iterdir())])
def test_every_component_is_used_or_told_of(component: str) -> None:
    used = "".join((K8S / "overlays" / overlay / "kustomization.yaml").read_text() for overlay in ("dev", "production"))
    assert f"components/{component}" in used + (K8S / "README.md").read_text()


def _labels(pod: Manifest) -> dict[str, str]:
    return dict(pod["metadata"]["labels"])


def test_a_roll_out_waits_for_the_jobs_and_rolls_one_service_after_the_other(tmp_path: Path) -> None:
    real = os.environ.get("OCPPLOG_TEST_KUBECTL") or pytest.skip("`make test-deploy` renders the manifests")
    fake = tmp_path / "kubectl"
    fake.write_text(
        f'#!/bin/sh\nset -e\ncase " $* " in *" kustomize "*) exec {real} "$@";; esac\nn=$(ls {tmp_path} | wc -l)\n'
        f'echo "$*" >{tmp_path}/$n.said\ncase " $* " in *" apply "*) cat >{tmp_path}/$n.yaml;; esac\n'
    )
    fake.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run([K8S / "roll-out", "production", "--context=here"], env=environment, check=True)
    steps: list[str | list[str]] = []
    applied: list[Manifest] = []
    for said in sorted(tmp_path.glob("*.said"), key=lambda file: int(file.stem)):
        assert said.read_text().startswith("--context=here ")
        given = said.with_suffix(".yaml")
        found = [one for one in yaml.safe_load_all(given.read_text()) if one] if given.exists() else []
        applied += found
        steps.append([name(one) for one in of_kind(found, "Deployment")] if found else said.read_text().split()[1])
    assert steps == ["delete", [], "wait", ["enricher"], "rollout", ["gateway"], "rollout", ["query-api"], "rollout"]
    assert sorted(map(str, applied)) == sorted(map(str, rendered("overlays/production")))


def test_accounts_that_are_made_in_sql_can_be_made_there(manifests: list[Manifest]) -> None:
    """What users.xml names, SQL cannot; and the image's own local directory would come before Keeper."""
    made = set(
        re.findall(r"^CREATE (?:USER|ROLE|QUOTA|SETTINGS PROFILE) IF NOT EXISTS (\w+)", ANALYSTS.read_text(), re.MULTILINE)
    )
    assert "analyst" in made
    for installation in of_kind(manifests, "ClickHouseInstallation"):
        found = installation["spec"]["configuration"]
        named = {key.split("/")[0] for kind in ("users", "profiles", "quotas") for key in found.get(kind, {})}
        assert not named & made
        assert not [key for key in found["settings"] if key.startswith("user_directories")]
        assert '<user_directories replace="replace">' in found["files"]["config.d/user_directories.xml"]
        deletes = next(line for line in ACCOUNTS.read_text().splitlines() if line.endswith("TO enricher;"))
        assert "ALTER DELETE" in deletes
        assert any("ALTER DELETE" in grant for grant in found["users"]["enricher/grants/query"])


def test_monitors_find_ports_that_are_declared(manifests: list[Manifest]) -> None:
    declared = {(_labels(pod)["app.kubernetes.io/name"], port["name"]) for _, pod in pods(manifests) for port in _ports(pod)}
    for installation in of_kind(manifests, "ClickHouseInstallation"):
        for template in installation["spec"]["templates"]["podTemplates"]:
            label = template["metadata"]["labels"]["app.kubernetes.io/name"]
            declared |= {(label, port["name"]) for port in _ports(template)}
    for monitor in of_kind(manifests, "PodMonitor"):
        selector = monitor["spec"]["selector"]
        wanted = selector.get("matchLabels", {}).get("app.kubernetes.io/name")
        names = [wanted] if wanted else selector["matchExpressions"][0]["values"]
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            assert {(one, endpoint["port"]) for one in names} <= declared


def _ports(pod: Manifest) -> list[Manifest]:
    return [port for container in pod["spec"]["containers"] for port in container.get("ports", [])]
