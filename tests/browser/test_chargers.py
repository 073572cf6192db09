"""Chargers: found, and looked at: how one is, what happened to it, what goes wrong."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import ODD, Dashboard, Open, eventually, in_thread
from ocpplog_local.demo.meter import MeterStyle, Reading
from ocpplog_local.demo.scripted import ScriptedChargePoint
from support.local_run import Run

FAULTY = "FAULTY-01"


@pytest.fixture(scope="module")
def faulty(run: Run) -> str:
    """A charger that told of two errors, and left."""
    in_thread(_faults(run))
    with run.api() as api:
        eventually(lambda: api.get(f"/v1/chargers/{FAULTY}").json().get("online") is False)
        eventually(lambda: api.get(f"/v1/chargers/{FAULTY}").json()["last_error"] is not None)
    return FAULTY


async def _faults(run: Run) -> None:
    async with ScriptedChargePoint.connect(run.gateway, FAULTY) as point:
        await point.boot()
        for number, (status, code) in enumerate(
            (("Available", "NoError"), ("Faulted", "GroundFailure"), ("Faulted", "HighTemperature"))
        ):
            payload = f'{{"connectorId":1,"status":"{status}","errorCode":"{code}","vendorErrorCode":"<b>E{number}</b>"}}'
            await point.send_raw(f'[2,"f{number}","StatusNotification",{payload}]')
            await asyncio.sleep(0.3)


def chargers(dashboard: Dashboard, query: str = "") -> Page:
    page = dashboard.open(f"/chargers{query}")
    page.locator(".rows .row-link").first.wait_for()
    return page


def test_chargers_are_found_by_a_part_of_their_id(dashboard: Dashboard) -> None:
    page = chargers(dashboard)
    page.keyboard.press("/")
    page.keyboard.type("lab-0")
    expect(page.get_by_role("table").get_by_role("link")).to_have_text(["LAB-01", "LAB-02", "LAB-03", "LAB-04"])
    assert "q=lab-0" in dashboard.query()
    page.reload()
    expect(page.get_by_label("Find a charger")).to_have_value("lab-0")
    expect(page.get_by_role("table").get_by_role("link")).to_have_count(4)


def test_chargers_are_found_by_site_connection_and_state(dashboard: Dashboard, faulty: str) -> None:
    page = chargers(dashboard)
    page.get_by_label("Site").select_option("test-lab")
    expect(page.get_by_role("link", name="GARAGE-01")).to_have_count(0)
    page.get_by_label("Connection").select_option("Offline")
    expect(page.get_by_role("link", name="LAB-01")).to_have_count(0)
    page.get_by_label("State").select_option("Faulted")
    expect(page.get_by_role("table").get_by_role("link")).to_have_text([faulty])
    page.get_by_label("State").select_option("Reserved")
    expect(page.get_by_text("No charger matches")).to_be_visible()
    page.get_by_role("link", name="Clear the filters").click()
    expect(page.get_by_role("link", name="GARAGE-01")).to_be_visible()


def test_keys_go_through_the_list_and_back(dashboard: Dashboard) -> None:
    page = chargers(dashboard, "?q=LAB")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.get_by_role("link", name="LAB-01")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("LAB-01")
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", level=1)).to_have_text("Chargers")


def test_one_charger_says_how_it_is(dashboard: Dashboard) -> None:
    page = chargers(dashboard, "?q=LAB-01")
    page.get_by_role("link", name="LAB-01").click()
    about = page.get_by_role("region", name="The charger")
    expect(about).to_contain_text("Online")
    expect(about).to_contain_text("since")
    for name in ("Vendor", "Model", "Firmware", "Last sign of life"):
        expect(about.get_by_text(name, exact=True)).to_be_visible()
    assert page.title() == "LAB-01 · Chargers · ocpplog"
    expect(page.get_by_role("region", name="Connectors")).to_contain_text("Connector 1")


def test_what_goes_wrong_with_it(dashboard: Dashboard, faulty: str) -> None:
    page = dashboard.open(f"/chargers/{faulty}?from=-1h")
    expect(page.get_by_role("region", name="The charger")).to_contain_text("Offline")
    errors = page.get_by_role("region", name="Last errors").get_by_role("link")
    expect(errors).to_have_text(["HighTemperature · <b>E2</b>", "GroundFailure · <b>E1</b>", "NoError · <b>E0</b>"])
    codes = page.get_by_role("region", name="Error codes over time")
    expect(codes.get_by_role("img", name="Error codes over time: 2 in all")).to_be_visible()
    expect(codes.locator("svg .fill-bad, svg .fill-warn")).not_to_have_count(0)
    codes.get_by_role("link", name="GroundFailure").click()
    page.locator(".row[data-id]").first.wait_for()
    assert f"charger={faulty}" in dashboard.query()
    assert "error_code=GroundFailure" in dashboard.query()


def test_its_timeline_is_drawn_and_listed(dashboard: Dashboard, faulty: str) -> None:
    page = dashboard.open(f"/chargers/{faulty}?from=-1h")
    timeline = page.get_by_role("region", name="Timeline")
    listed = timeline.get_by_role("list", name="What happened, newest first")
    expect(listed).to_contain_text("Disconnected")
    expect(listed).to_contain_text("Connected")
    expect(listed).to_contain_text("Faulted")
    expect(listed).to_contain_text("Charger started")
    lanes = timeline.locator(".lanes")
    expect(lanes.locator(".lane-name")).to_contain_text(["Connection", "Connector 1"])
    expect(lanes.locator("rect.fill-bad")).not_to_have_count(0)
    timeline.get_by_role("button", name="Connection").click()
    expect(listed).not_to_contain_text("Faulted")
    assert "kind=connection" in dashboard.query()
    timeline.get_by_role("button", name="Status").click()
    listed.get_by_role("link", name="Entry").first.click()
    expect(page.get_by_role("complementary")).to_contain_text("HighTemperature")


def test_sessions_are_on_the_timeline(dashboard: Dashboard, run: Run) -> None:
    with run.api() as api:
        eventually(lambda: api.get("/v1/chargers/LAB-02/timeline", params={"kind": "session"}).json()["items"] != [])
    page = dashboard.open("/chargers/LAB-02?from=-1h&kind=session")
    listed = page.get_by_role("list", name="What happened, newest first")
    listed.get_by_role("link", name="Session", exact=True).first.click()
    expect(page.get_by_role("region", name=re.compile("^Session"))).to_contain_text("LAB-02")


async def _charges(run: Run) -> None:
    async with ScriptedChargePoint.connect(run.gateway, "CURVE-01") as point:
        await point.boot()
        transaction = await point.start(1, "43434", meter_start=1000)
        for energy in (1000, 1500):
            await point.meter_values(MeterStyle.THREE_PHASE, Reading(energy, 11_000), transaction_id=transaction)


def test_its_latest_session_has_its_curve(dashboard: Dashboard, run: Run) -> None:
    in_thread(_charges(run))
    sessions = {"charger": "CURVE-01"}
    with run.api() as api:
        eventually(lambda: any(item["max_power_w"] for item in api.get("/v1/sessions", params=sessions).json()["items"]))
    page = dashboard.open("/chargers/CURVE-01")
    expect(page.get_by_role("region", name="Latest session")).to_contain_text("0.5 kWh")
    for name in ("Power", "Current", "Voltage", "Energy"):
        figure = page.get_by_role("figure", name=re.compile(f"^{name} over time"))
        expect(figure.locator("canvas")).to_be_visible()
    page.get_by_role("link", name="To the session").click()
    expect(page.get_by_role("region", name=re.compile("^Session"))).to_contain_text("CURVE-01")


def test_it_refreshes_by_itself_and_says_when_it_cannot(dashboard: Dashboard) -> None:
    dashboard.expected.append("503")
    page = dashboard.page
    page.clock.install()
    dashboard.open("/chargers/LAB-01")
    expect(page.get_by_text(re.compile("^Updated"))).to_be_visible()
    problem = {"type": "urn:ocpplog:problem:records-unavailable", "title": "", "status": 503, "detail": ""}
    page.route(re.compile("/v1/chargers/LAB-01(\\?|$)"), lambda route: route.fulfill(status=503, json=problem))
    page.clock.run_for(16_000)
    expect(page.get_by_role("alert")).to_contain_text("The last refresh failed")
    expect(page.get_by_role("region", name="The charger")).to_contain_text("Online")


def test_the_way_to_its_log(dashboard: Dashboard) -> None:
    page = dashboard.open(f"/chargers/{ODD}")
    page.get_by_role("link", name="Open its log").click()
    page.locator(".row[data-id]").first.wait_for()
    assert f"charger={ODD}" in dashboard.query()


def test_a_charger_that_is_not_there(dashboard: Dashboard) -> None:
    dashboard.expected.append("404")
    page = dashboard.open("/chargers/nobody")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("There is no such thing, or you may not see it")
    expect(alert.get_by_role("button", name="Try again")).to_be_visible()


def test_a_list_that_fails_offers_to_try_again(dashboard: Dashboard) -> None:
    dashboard.expected.append("503")
    page = dashboard.page
    body = {"type": "urn:ocpplog:problem:store-unavailable", "title": "", "status": 503, "detail": ""}
    page.route(re.compile(r"/v1/chargers\?|/v1/chargers$"), lambda route: route.fulfill(status=503, json=body), times=1)
    dashboard.open("/chargers")
    expect(page.get_by_role("alert")).to_contain_text("The log cannot be read at the moment")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("link", name="LAB-01")).to_be_visible()


def test_more_are_read_page_by_page(dashboard: Dashboard) -> None:
    page = dashboard.page
    page.route(
        re.compile(r"/v1/chargers(\?.*)?$"),
        lambda route: route.continue_(url=f"{route.request.url}{'&' if '?' in route.request.url else '?'}limit=5"),
    )
    dashboard.open("/chargers")
    links = page.get_by_role("table").get_by_role("link")
    expect(links).to_have_count(5)
    page.get_by_role("button", name="Show more").click()
    expect(links).to_have_count(10)


def test_a_viewer_sees_chargers_of_their_sites_only(opened: Open) -> None:
    page = opened().open("/chargers", role="viewer")
    expect(page.get_by_role("link", name="LAB-01")).to_be_visible()
    expect(page.get_by_role("link", name="GARAGE-01")).to_have_count(0)
