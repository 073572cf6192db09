"""The main journey as an operator makes it, on the whole pipeline: from a charger's socket to the file one sends to its maker."""

from __future__ import annotations

import asyncio
import csv
import re
from pathlib import Path

from playwright.sync_api import Page, Request, expect

from browser.conftest import Dashboard, Open, in_thread
from ocpplog_local.demo.meter import MeterStyle, Reading
from ocpplog_local.demo.profiles import Fault
from ocpplog_local.demo.scripted import ScriptedChargePoint
from support.local_run import Run

CHARGER = "JOURNEY-1"
FAULT = Fault("GroundFailure", vendor_error_code="RCD_TRIP", info="Residual current <30 mA>")


async def _a_session_that_ends_in_a_fault(run: Run) -> None:
    async with ScriptedChargePoint.connect(run.gateway, CHARGER) as point:
        await point.boot()
        await point.status(1, "Available")
        await point.authorize("43434")
        transaction = await point.start(1, "43434", meter_start=1000)
        await point.status(1, "Charging")
        for energy in (1000, 1400, 1900):
            await point.meter_values(
                MeterStyle.THREE_PHASE, Reading(energy_wh=energy, power_w=11_000), transaction_id=transaction
            )
            await asyncio.sleep(0.2)
        await point.fault(1, FAULT)
        await point.stop(transaction, meter_stop=1900, reason="Other")


def link_of(run: Run) -> str:
    """As `make run` prints it."""
    return str(re.findall(r"dashboard +(\S+#token=\S+)", run.log.read_text())[-1])


def rows(page: Page) -> list[str]:
    return list(page.locator(".row[data-id] .action").all_inner_texts())


def test_from_a_fault_to_its_file(dashboard: Dashboard, opened: Open, tmp_path: Path) -> None:
    run, page = dashboard.run, dashboard.page
    asked: list[Request] = []
    dashboard.context.on("request", lambda request: asked.append(request))

    # The link of the local run signs in; following the log, one sees the charger at work.
    page.goto(link_of(run))
    page.locator(".row[data-id]").first.wait_for()
    page.keyboard.press("/")
    page.keyboard.type(f"charger:{CHARGER}")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    expect(page.get_by_role("button", name="Live", exact=True)).to_have_class(re.compile(r"\bon\b"))
    in_thread(_a_session_that_ends_in_a_fault(run))
    expect(page.locator(".row[data-id]")).to_have_count(10, timeout=30_000)
    assert rows(page)[0] == "StopTransaction"
    page.keyboard.press("l")

    # The fault, by a word of it; what came before it; what the payload says, byte for byte.
    page.keyboard.press("/")
    page.keyboard.type("RCD_TRIP")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.locator(".row[data-id]")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    entry = page.get_by_role("complementary")
    expect(entry.get_by_role("heading", name="StatusNotification")).to_be_focused()
    expect(entry.locator(".tree").first).to_contain_text("Residual current <30 mA>")
    expect(entry.get_by_role("region", name="Before and after on this charger")).to_contain_text("MeterValues")
    entry.get_by_role("region", name="Request").get_by_role("button", name="Copy request").click()
    assert '"vendorErrorCode":"RCD_TRIP"' in page.evaluate("navigator.clipboard.readText()").replace(": ", ":")

    # A colleague, who may see the site, gets the same from the address.
    colleague = opened().log(dashboard.query().lstrip("?"), role="viewer")
    expect(colleague.get_by_role("complementary")).to_contain_text("RCD_TRIP")
    assert rows(colleague) == rows(page)

    # The charger: it left, its last error, its session with a curve.
    entry.get_by_role("link", name="Its charger").click()
    expect(page.get_by_role("region", name="The charger")).to_contain_text("Offline")
    expect(page.get_by_role("region", name="Last errors")).to_contain_text("GroundFailure · RCD_TRIP")
    expect(page.get_by_role("region", name="Timeline")).to_contain_text("Session stopped")
    page.get_by_role("link", name="To the session").click()
    figures = page.get_by_role("region", name=re.compile("^Session "))
    expect(figures).to_contain_text("0.9 kWh")
    for name in ("Power", "Current", "Voltage"):
        legend = page.get_by_role("figure", name=re.compile(f"^{name} over time")).locator(".u-legend")
        for phase in ("L1", "L2", "L3"):
            expect(legend).to_contain_text(phase)
    expect(page.get_by_role("figure", name="Energy over time: 0 kWh to 0.9 kWh")).to_be_visible()

    # Its log as a file.
    page.get_by_role("link", name="Open its log").click()
    page.locator(".row[data-id]").first.wait_for()
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.get_by_text(re.compile(r"^\d+ entries match the search\."))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "log.csv")
    with (tmp_path / "log.csv").open(newline="") as file:
        exported = list(csv.DictReader(file))
    assert {row["Action"] for row in exported} == {"StartTransaction", "MeterValues", "StopTransaction"}
    assert {row["Charger ID"] for row in exported} == {CHARGER}

    token = link_of(run).partition("#token=")[2]
    assert not [request.url for request in asked if token in request.url]
    for log in (run.directory / ".local/log").glob("*.log"):
        assert token not in log.read_text(errors="replace"), log


def test_the_keyboard_is_enough(dashboard: Dashboard) -> None:
    """From the log through every view and back, without a mouse; what has the focus can be seen."""
    page = dashboard.log("from=all&charger=BULK-1")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    for view in ("Overview", "Chargers", "Sessions", "Sites & levels", "Log"):
        page.get_by_role("navigation", name="Views").get_by_role("link", name=view).focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(view)
        expect(page.get_by_role("main")).to_be_focused()
    for name in ("Action", "More filters", "Columns", "Settings"):
        button = page.get_by_role("button", name=name, exact=True)
        button.focus()
        page.keyboard.press("Enter")
        panel = page.get_by_role("dialog", name=name)
        expect(panel).to_be_visible()
        # The focus moves once the panel has been drawn.
        expect(panel.locator(":focus")).to_have_count(1)
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Escape")
        expect(button).to_be_focused()
    page.get_by_role("button", name="Export", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Export")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Export", exact=True)).to_be_focused()


def test_every_control_has_a_name(dashboard: Dashboard) -> None:
    """For who listens: no button and no link without words, in any view."""
    for path in ("/overview", "/", "/chargers", "/chargers/LAB-01", "/sessions", "/sites", "/sites/test-lab"):
        page = dashboard.open(path)
        page.wait_for_load_state("networkidle")
        tree = page.locator("body").aria_snapshot()
        assert not re.findall(r"^\s*- (?:button|link|textbox|combobox|checkbox|radio)(?: \[.*\])?:?$", tree, re.MULTILINE), tree
