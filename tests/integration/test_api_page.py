"""docs/api.md: its commands give its results, and its tables are complete."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from integration.query_api_support import insert
from integration.writes_support import Writes, writes
from ocpplog_query_api import errors
from ocpplog_query_api.errors import ApiError
from ocpplog_query_api.logs.search import COLUMN_OF
from ocpplog_query_api.settings import ApiSettings

PAGE = (Path(__file__).parents[2] / "docs/api.md").read_text()
STEPS = re.findall(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", PAGE, re.MULTILINE | re.DOTALL)[1:]
"""Commands and, where the page shows it, what they print. The first ones say where the API is."""
CURL = """curl() {
  case "$*" in
    "-sN "*) command curl --max-time 5 "$@" || test $? = 28 ;;
    *) command curl "$@" ;;
  esac
}
set -o pipefail
"""
"""A stream does not end by itself."""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Writes]:
    with writes(tmp_path_factory.mktemp("page")) as found:
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        fault = {
            "action": "StatusNotification",
            "status": "Faulted",
            "request": '{"status":"Faulted","errorCode":"GroundFailure"}',
        }
        for _ in range(2):
            insert(found.bench.client, {"site_id": "test-lab", "charger_id": "LAB-03", "datetime": now, **fault})
        yield found


@pytest.mark.integration
@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="needs curl and bash")
def test_the_commands_give_the_results(api: Writes) -> None:
    assert len(STEPS) >= 12
    environment = {**os.environ, "API": api.bench.url, "TOKEN": api.bench.token()}
    for commands, result in STEPS:
        ran = subprocess.run(
            ["bash", "-ec", CURL + commands], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert ran.returncode == 0, (commands, ran.stderr)
        assert "urn:ocpplog:problem" not in ran.stdout or "urn:ocpplog:problem" in result, (commands, ran.stdout)
        assert re.search(pattern(result), ran.stdout.replace("\r\n", "\n"), re.DOTALL), (commands, ran.stdout)


def pattern(result: str) -> str:
    """An ellipsis stands for anything; what is shown is the beginning."""
    return "^" + ".*?".join(re.escape(part) for part in result.rstrip("\n").split("…"))


def test_all_errors_are_there() -> None:
    told = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \| .+ \|$", PAGE, re.MULTILINE)
    found: list[Any] = list(vars(errors).values())
    kinds = [kind for kind in found if isinstance(kind, type) and issubclass(kind, ApiError)]
    assert sorted(told) == sorted({(kind.kind, str(kind.status)) for kind in kinds})


def test_all_settings_and_fields_are_such() -> None:
    for name in re.findall(r"`OCPPLOG_(API_[A-Z_]+)`", PAGE):
        assert name.lower() in ApiSettings.model_fields, name
    [fields] = re.findall(r"Fields are those of the filters: `([a-z_ ]+)`", PAGE)
    assert sorted(fields.split()) == sorted(COLUMN_OF)
