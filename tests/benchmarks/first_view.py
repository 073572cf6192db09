"""When the dashboard's first view can be used, in Chromium, with millions of rows behind it.

`python -m benchmarks.first_view` in tests/, after `make .venv/.browser`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, sync_playwright

from benchmarks.api_rig import Api, api, client, fill, store
from benchmarks.figures import median
from benchmarks.report import context
from benchmarks.targets import Target

INTERACTIVE: Final = Target("first view interactive", "ms", 1000.0, False, "ms")
"""From following the link to rows that can be opened, without a task that holds the page."""
_WATCH: Final = """
new MutationObserver((_, observer) => {
  if (!document.querySelector('[role=row][data-id]')) return;
  observer.disconnect();
  // Rows are drawn, and whoever clicks is answered: the page has had time for something else.
  requestAnimationFrame(() => setTimeout(() => (document.documentElement.dataset.usable = performance.now())));
}).observe(document, { childList: true, subtree: true });
"""


@dataclass(frozen=True, slots=True)
class Opened:
    """Milliseconds; `asked`: paths of the API in their order."""

    usable_ms: float
    asked: tuple[str, ...]


def opened(browser: Browser, served: Api) -> Opened:
    """One opening with nothing in the cache, as somebody comes by a link."""
    page = browser.new_context(locale="en-GB").new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.add_init_script(_WATCH)
    page.goto(f"http://127.0.0.1:{served.shared_port}/#token={served.token}")
    page.wait_for_selector("html[data-usable]", timeout=60_000)
    usable = float(page.locator("html").get_attribute("data-usable") or "inf")
    page.wait_for_load_state("networkidle")
    page.context.close()
    return Opened(usable, tuple(path for path in asked if path.startswith("/v1/")))


def _measured(directory: Path, rows: int, repetitions: int) -> list[Opened]:
    database = f"bench_{rows}"
    with store(directory) as server:
        with client(server) as asked:
            fill(asked, database, rows)
        with api(server, database, directory) as served, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            # The first one warms what every later one finds warm, too.
            found = [opened(browser, served) for _ in range(repetitions + 1)][1:]
            browser.close()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.first_view", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000, help="how many exchanges, of 14 days")
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--directory", type=Path, help="where the table is made, some 100 bytes a row; kept for another run")
    parser.add_argument("--json", type=Path, help="write everything that was found to this file")
    parser.add_argument("--check", action="store_true", help="exit with 1 where the bound is missed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ocpplog-bench-") as scratch:
        directory = arguments.directory or Path(scratch)
        found = _measured(directory, arguments.rows, arguments.repetitions)
    times = [one.usable_ms for one in found]
    met = INTERACTIVE.met(median(times))
    said: dict[str, Any] = {
        "rows": arguments.rows,
        "usable_ms": times,
        "median_ms": median(times),
        "met": met,
        "asked": found[-1].asked,
    }
    print(f"first view, {arguments.rows:,} rows: {median(times):.0f} ms ({min(times):.0f} to {max(times):.0f}), bound 1000")
    print(" ".join(found[-1].asked))
    if arguments.json:
        arguments.json.write_text(json.dumps({**context(), **said}, indent=2) + "\n")
    return int(arguments.check and not met)


if __name__ == "__main__":
    sys.exit(main())
