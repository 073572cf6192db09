"""The whole pipeline with the demo fleet, and Debian's Chromium in front of it."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from ocpplog_local.demo.scripted import ScriptedChargePoint
from support.local_run import Run

# Machines that test are busy ones.
expect.set_options(timeout=15_000)

ODD = "ODD-01"
"""A charger that sends what nobody expects."""
BULK = 100_000
_BULK_ROWS = f"""
INSERT INTO ocpplog.ocpp_log (datetime, site_id, charger_id, action, source, subprotocol, outcome, message_id, connection_id,
  sequence, kafka_partition, kafka_offset, latency_ms, request, response)
SELECT now64(3, 'UTC') - INTERVAL 3 DAY - toIntervalSecond(number), 'bulk', 'BULK-1', 'Heartbeat', 'charger', 'ocpp1.6', 'result',
  concat('b', toString(number)), repeat('b', 32), number + 1, 11, number, 5, '{{}}', '{{}}'
FROM numbers({BULK})
"""
ODD_FRAMES = (
    r'[2,"html","DataTransfer",{"vendorId":"<img src=x onerror=alert(1)>","data":"<script>document.title=\"taken\"</script>"}]',
    r'[2,"big","DataTransfer",{"vendorId":"V","messageId":"12345","data":"{\"n\":1}","count":12345678901234567890,"ratio":1.10,"count":2}]',
    '[2,"odd","DataTransfer",{"vendorId":"V","data":"a\u202eb\u200bc 😀 مرحبا 漢字 \\u00e9"}]',
    '[2,"bad","StatusNotification",{"connectorId":"one","errorCode":"NoError","status":"Sleeping"}]',
    '[2,"broken","Heartb',
)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    found = Run(tmp_path_factory.mktemp("run"), fleet=True)
    found.start()
    try:
        in_thread(_odd_messages(found))
        with clickhouse_connect.get_client(host="127.0.0.1", port=int(found.clickhouse.split(":")[-1].strip("/"))) as client:
            client.command(_BULK_ROWS)
        with found.api() as api:
            eventually(
                lambda: api.get("/v1/logs", params={"charger": ODD, "count": "true"}).json()["total"] >= len(ODD_FRAMES) + 1
            )
            eventually(lambda: api.get("/v1/logs", params={"q": "lab", "count": "true"}).json()["total"] >= 40)
            # What tests look for: on a young log it may not have happened yet.
            eventually(lambda: bool(api.get("/v1/logs", params={"status": "Faulted", "site": "test-lab"}).json()["items"]), 180)
        yield found
    finally:
        found.stop()


async def _odd_messages(run: Run) -> None:
    async with ScriptedChargePoint.connect(run.gateway, ODD) as point:
        await point.boot()
        for frame in ODD_FRAMES:
            await point.send_raw(frame)
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)


def in_thread(work: Coroutine[Any, Any, None]) -> None:
    """Runs it to its end beside the browser's own loop; what it raises is raised here."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result(60)


def eventually(check: Callable[[], bool], timeout: float = 60) -> None:
    deadline = time.monotonic() + timeout
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def until(page: Page, check: Callable[[], bool], timeout: float = 30) -> None:
    """As `eventually`, while the page goes on. Playwright's own waiting for a function needs eval, which the policy forbids."""
    deadline = time.monotonic() + timeout
    while not check():
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # The first is Chromium without a window of its own: less than half of the processor's time for the same page.
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert path, "Chromium is missing: on Debian, install the package chromium-headless-shell"
    with sync_playwright() as playwright:
        # As root, as in containers, Chromium has no sandbox of its own.
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield found
        found.close()


@dataclass
class Dashboard:
    """One person's browser."""

    run: Run
    context: BrowserContext
    page: Page
    errors: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Parts of errors that the test brings about."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.run.ports['API_PORT']}"

    def open(self, path: str = "/", role: str = "support") -> Page:
        """Signed in, at `path`."""
        self.page.goto(f"{self.url}{path}#token={self.run.token(role)}")
        return self.page

    def log(self, query: str = "", role: str = "support") -> Page:
        """The log with entries."""
        page = self.open(f"/?{query}" if query else "/", role)
        page.locator(".row[data-id]").first.wait_for()
        return page

    def query(self) -> str:
        return str(self.page.evaluate("decodeURIComponent(location.search)"))

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.errors.append(f"page: {error}"))
        page.on("console", lambda message: self.errors.append(message.text) if message.type in ("error", "warning") else None)


Open = Callable[..., Dashboard]


@pytest.fixture
def opened(run: Run, browser: Browser) -> Iterator[Open]:
    """Makes browsers, with options of Playwright's contexts; at the end none of them may have met an error."""
    made: list[Dashboard] = []

    def make(width: int = 1440, height: int = 900, **options: Any) -> Dashboard:
        options = {"locale": "en-GB", "timezone_id": "UTC", **options}
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.set_default_timeout(15_000)
        found = Dashboard(run, context, page)
        found.watch(page)
        made.append(found)
        return found

    yield make
    for found in made:
        found.context.close()
        unexpected = [error for error in found.errors if not any(part in error for part in found.expected)]
        assert unexpected == []


@pytest.fixture
def dashboard(opened: Open) -> Dashboard:
    return opened()


_AXE = Path(__file__).parents[2] / "services/query-api/dashboard/node_modules/axe-core/axe.min.js"


def accessible(page: Page) -> list[str]:
    """What axe finds wrong: rule, and where."""
    page.evaluate(_AXE.read_text() + "; undefined")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((found) => JSON.stringify(found.violations))")
    return [
        f"{violation['id']}: {node['target']} {node.get('failureSummary', '')}"
        for violation in json.loads(found)
        for node in violation["nodes"]
    ]
