"""Kubernetes manifests as `kubectl kustomize` renders them, and what of them tests look at."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

K8S = Path(__file__).parents[2] / "deploy/k8s"
OVERLAYS = ("dev", "production")
Manifest = dict[str, Any]


@cache
def rendered(directory: str) -> list[Manifest]:
    """What `deploy/k8s/<directory>` makes. OCPPLOG_TEST_KUBECTL is the kubectl to use."""
    command = [os.environ["OCPPLOG_TEST_KUBECTL"], "kustomize", str(K8S / directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [found for found in manifests if found["kind"] in kinds]


def name(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Name and pod template of each Deployment and Job."""
    for found in of_kind(manifests, "Deployment", "Job"):
        yield name(found), found["spec"]["template"]


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def environment(manifests: list[Manifest], container: Manifest) -> dict[str, str]:
    """The variables that a container gets; `secret` where the value is not in the manifests."""
    maps = {name(found): found["data"] for found in of_kind(manifests, "ConfigMap")}
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= maps[source["configMapRef"]["name"]]
    for variable in container.get("env", []):
        found[variable["name"]] = variable.get("value", "secret")
    return found


def matches(selector: Manifest, labels: dict[str, str]) -> bool:
    """Whether a label selector (matchLabels, matchExpressions with In and DoesNotExist) fits."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    return all(_fits(part, labels) for part in selector.get("matchExpressions", []))


def _fits(part: Manifest, labels: dict[str, str]) -> bool:
    if part["operator"] == "DoesNotExist":
        return part["key"] not in labels
    assert part["operator"] == "In"
    return labels.get(part["key"]) in part["values"]
