"""What the documents promise."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from prometheus_client import Counter, Gauge, Histogram

from ocpplog_enricher import metrics as enricher_metrics
from ocpplog_gateway import metrics as gateway_metrics
from ocpplog_query_api import metrics as api_metrics
from support import capacity
from support.configuration import in_readme, table

ROOT = Path(__file__).parents[2]
ARCHITECTURE = ROOT / "docs/architecture.md"


def test_the_table_of_settings_is_the_settings() -> None:
    assert in_readme() == table(), "cd tests && python -m support.configuration"


DOCUMENTS = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / document).read_text()):
        assert (ROOT / document).parent.joinpath(target).exists(), target


PROJECTS = ["libs/common", "services/gateway", "services/enricher", "services/query-api", "deploy/local", "tests"]


@pytest.mark.parametrize("project", PROJECTS)
def test_requirement_files_hold_what_the_projects_ask_for(project: str) -> None:
    """Pinned within the range, hashed, and without an address to download from."""
    text = (ROOT / project / "requirements.txt").read_text()
    assert "://" not in text
    pinned = dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE))
    assert len(re.findall(r"--hash=sha256:", text)) >= len(pinned)
    for line in tomllib.loads((ROOT / project / "pyproject.toml").read_text())["project"]["dependencies"]:
        wanted = Requirement(line)
        if not wanted.name.startswith("ocpplog-"):
            assert wanted.specifier.contains(pinned[wanted.name.lower()]), line


@pytest.mark.parametrize(
    ("service", "name", "metrics"),
    [("gateway", "gateway", gateway_metrics), ("enricher", "enricher", enricher_metrics), ("query API", "api", api_metrics)],
)
def test_the_architecture_page_lists_the_metrics(service: str, name: str, metrics: ModuleType) -> None:
    section = ARCHITECTURE.read_text().partition(f"What the {service} measures")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `([a-z_]+)(?:\{([a-z,]+)\})?` \| (.*) \|$", section, re.MULTILINE)
    assert sorted(listed) == sorted(_metrics(metrics, f"ocpplog_{name}_"))


def _metrics(module: ModuleType, prefix: str) -> list[tuple[str, str, str]]:
    found = []
    for metric in list(vars(module).values()):
        if isinstance(metric, Counter | Gauge | Histogram):
            [family] = metric.describe()
            name = family.name + ("_total" if family.type == "counter" else "")
            found.append((name.removeprefix(prefix), ",".join(metric._labelnames), family.documentation))
    return found


def test_the_sizes_are_what_the_arithmetic_gives() -> None:
    assert capacity.in_page() == capacity.tables(), "cd tests && python -m support.capacity"
