"""What is promised, how it is checked, and what the last run of each check found.

`python -m support.proof` in tests/ writes the table of docs/proof/README.md from the reports beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
PROOF: Final = ROOT / "docs/proof"
PAGE: Final = PROOF / "README.md"
BEGIN, END = "<!-- promises: begin -->\n", "<!-- promises: end -->\n"


@dataclass(frozen=True, slots=True)
class Promise:
    """`checks`: files of tests, from tests/ on. `command`: what runs them, of the Makefile. `reports`: what such a run leaves in
    docs/proof; without one, the check runs with every `make test`."""

    text: str
    checks: Sequence[str]
    command: str = "make test"
    reports: Sequence[str] = ()


PROMISES: Final = (
    Promise(
        "Every frame is on Kafka before it is passed on, byte for byte",
        ("unit/gateway/test_relay.py", "unit/gateway/test_buffer.py", "integration/test_gateway.py"),
    ),
    Promise(
        "... whatever it contains",
        ("integration/test_gateway_fuzz.py", "integration/test_gateway_quirks_frames.py", "unit/enricher/test_quirks_frames.py"),
    ),
    Promise(
        "Parsers, meter values, redaction, search, tokens, cursors and exports hold for whatever is sent",
        ("fuzz/__main__.py", "fuzz/test_inputs.py"),
        "make fuzz",
        ("fuzz",),
    ),
    Promise(
        "Who attacks takes nothing from others: handshakes, slow and giant frames, compression bombs, floods",
        ("integration/test_gateway_hostile.py", "integration/test_gateway_floods.py"),
        "make hostile",
        ("hostile",),
    ),
    Promise(
        "... nor who asks the API for too much, for nonsense, or reads slowly or not at all",
        ("hostile/api.py", "integration/test_api_hostile.py", "integration/test_api_connections.py"),
        "make hostile",
        ("hostile-api",),
    ),
    Promise(
        "Whatever stands in messages is text on every page of the dashboard, and in a spreadsheet no formula",
        ("browser/test_hostile_text.py", "browser/test_entry.py", "integration/test_exports.py"),
        "make test-dashboard",
    ),
    Promise(
        "Charging goes on while Kafka is silent; what does not fit into memory is declared as a gap, to the frame",
        ("integration/test_gateway_outages.py", "unit/gateway/test_buffer.py"),
    ),
    Promise(
        "Each exchange that its site's level admits is one row: none lost, none twice, whatever is killed, frozen or cut off",
        (
            *("faults/test_rounds.py", "faults/test_pipeline_rounds.py", "faults/test_enricher_faults.py"),
            *("faults/test_enricher_refusals.py", "unit/enricher/test_continuity.py", "faults/test_oracle.py"),
        ),
        "make faults",
        ("faults",),
    ),
    Promise(
        "A malformed frame stops nothing, and is found as a violation",
        (
            *("unit/enricher/test_violations.py", "unit/enricher/test_conformity.py", "unit/gateway/test_garbage.py"),
            "faults/test_enricher_poison.py",
        ),
    ),
    Promise(
        "No state of the gateway outlives a connection: any replica serves any charger",
        ("integration/test_gateway_replicas.py",),
    ),
    Promise(
        "Nobody reads another site's log, on any path",
        ("integration/test_api_auth.py", "unit/query_api/test_query.py", "unit/query_api/test_fleet.py"),
    ),
    Promise(
        "Who is not known does not enter: security profiles 0 to 3, limits for strangers",
        ("integration/test_gateway_security.py", "integration/test_gateway_floods.py", "unit/gateway/test_auth.py"),
    ),
    Promise(
        "Keys and passwords never reach a row; RFID tags as the site wants them",
        ("unit/enricher/test_redaction.py", "unit/enricher/test_id_tags.py"),
    ),
    Promise(
        "The level that decides is the one in force when the request came, also when frames are read again",
        ("unit/common/test_level_changes.py", "integration/test_levels.py", "integration/test_replay.py"),
    ),
    Promise(
        "Pages stay stable while rows arrive; a tail that comes back misses nothing",
        ("integration/test_query_api_pages.py", "integration/test_tail.py"),
    ),
    Promise(
        "What an older release stored and sent is read by the newest",
        ("integration/test_upgrade.py",),
    ),
    Promise(
        "Nothing grows under a constant load, and nothing is lost: memory, descriptors, threads, tasks, parts, latency",
        ("benchmarks/soak/__main__.py", "unit/benchmarks/test_soak.py"),
        "make soak",
        ("soak",),
    ),
    Promise(
        "Found within 1.5 s (99 of 100) at 1,000 frames/s; each part within its bounds of a named reference",
        ("benchmarks/targets.py", "benchmarks/enricher.py", "benchmarks/store.py", "benchmarks/api.py"),
        "make bench",
        ("bench",),
    ),
    Promise(
        "Manifests, settings, metrics and alerts meet",
        ("deploy/test_kubernetes.py", "deploy/test_monitoring.py", "deploy/test_settings.py"),
        "make test-deploy",
    ),
)


def table(directory: Path = PROOF) -> str:
    """One row a promise. Raises ValueError for a report that does not say what a report says."""
    lines = ["| promised | checked by | command | last result |", "|---|---|---|---|"]
    for promise in PROMISES:
        files = ", ".join(f"[{Path(name).name}](../../tests/{name})" for name in promise.checks)
        lines.append(f"| {promise.text} | {files} | `{promise.command}` | {_last(promise, directory)} |")
    return "\n".join(lines) + "\n"


def _last(promise: Promise, directory: Path) -> str:
    if not promise.reports:
        return "with every run"
    return "; ".join(_said(directory, name) for name in promise.reports)


def _said(directory: Path, name: str) -> str:
    file = directory / f"{name}.json"
    if not file.exists():
        return "no report yet"
    found = json.loads(file.read_text())
    try:
        return _sentence(found, name if (directory / f"{name}.md").exists() else "")
    except KeyError as missing:
        raise ValueError(f"{file.name} lacks {missing}") from None


def _sentence(found: Mapping[str, Any], page: str) -> str:
    """`met`, `summary`, `date` and `commit` are what each report has; `quick` where a run was one."""
    verdict = "met" if found["met"] else "**missed**"
    when = f"{found['date'][:10]}, {found['commit']}" + (", quick" if found.get("quick") else "")
    summary = f"[{found['summary']}]({page}.md)" if page else found["summary"]
    return f"{verdict}: {summary} ({when})"


def in_page() -> str:
    text = PAGE.read_text()
    return text[text.index(BEGIN) + len(BEGIN) : text.index(END)]


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text().replace(BEGIN + in_page() + END, BEGIN + table() + END))
