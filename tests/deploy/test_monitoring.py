"""Rules, dashboards and autoscalers ask for metrics that exist, and every alert says what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import REGISTRY

import ocpplog_enricher.metrics
import ocpplog_gateway.metrics
import ocpplog_query_api.metrics
from support.manifests import K8S

MONITORING = K8S / "components/monitoring"
ROOT = K8S.parents[1]
METRICS = (ocpplog_enricher.metrics, ocpplog_gateway.metrics, ocpplog_query_api.metrics)
_NAME = re.compile(r"\bocpplog_[a-z0-9_]+")


def existing() -> set[str]:
    """Every series that the services can show, with the endings of counters and histograms."""
    assert METRICS
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
    return {
        family.name + ending
        for family in REGISTRY.collect()
        if family.name.startswith("ocpplog_")
        for ending in endings[family.type]
    }


def rules() -> list[dict[str, Any]]:
    manifest = yaml.safe_load((MONITORING / "rules.yaml").read_text())
    return [rule for group in manifest["spec"]["groups"] for rule in group["rules"]]


def test_rules_ask_for_what_exists() -> None:
    for rule in rules():
        assert set(_NAME.findall(rule["expr"])) <= existing(), rule["alert"]


def test_dashboards_ask_for_what_exists() -> None:
    for path in sorted((MONITORING / "dashboards").iterdir()):
        board = json.loads(path.read_text())
        places = [panel["id"] for panel in board["panels"]]
        assert len(places) == len(set(places))
        asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
        assert asked
        for expression in asked:
            assert set(_NAME.findall(expression)) <= existing(), expression


def test_autoscalers_ask_for_what_exists_and_the_adapter_gives() -> None:
    adapter = yaml.safe_load((MONITORING / "adapter-values.yaml").read_text())
    given = {match for rule in adapter["rules"]["custom"] for match in _NAME.findall(rule["seriesQuery"])}
    asked = set()
    for path in (K8S / "base").glob("*.yaml"):
        for manifest in yaml.safe_load_all(path.read_text()):
            if manifest["kind"] == "HorizontalPodAutoscaler":
                asked |= {metric["pods"]["metric"]["name"] for metric in manifest["spec"]["metrics"] if metric["type"] == "Pods"}
    assert asked == given
    assert asked <= existing()


def test_every_alert_has_its_entry_in_the_runbook() -> None:
    runbook = (ROOT / "docs/runbook.md").read_text()
    for rule in rules():
        name = rule["alert"]
        assert f"\n### {name}\n" in runbook, name
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
    entries = re.findall(r"^### (Ocpplog\w+)$", runbook, re.MULTILINE)
    assert entries == [rule["alert"] for rule in rules()]


def test_compose_has_the_same_rules() -> None:
    manifest = yaml.safe_load((MONITORING / "rules.yaml").read_text())
    assert yaml.safe_load((ROOT / "deploy/compose/rules.yaml").read_text()) == manifest["spec"]


def test_compose_mounts_what_is_there() -> None:
    directory = ROOT / "deploy/compose"
    compose = yaml.safe_load((directory / "compose.yaml").read_text())
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (directory / source).exists() if source.startswith(".") else source in compose["volumes"]
        if "build" in service:
            assert (directory / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_scraping_goes_where_metrics_are() -> None:
    config = yaml.safe_load((ROOT / "deploy/compose/prometheus.yaml").read_text())
    compose = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text())
    for scrape in config["scrape_configs"]:
        for target in scrape["static_configs"]:
            assert target["targets"][0].split(":")[0] in compose["services"]
    assert Path(config["rule_files"][0]).name == "rules.yaml"
