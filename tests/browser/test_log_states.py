"""The log when a request fails or brings too much, and addresses that lead nowhere."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from browser.conftest import Dashboard, until


def test_an_error_says_what_happened_and_offers_to_try_again(dashboard: Dashboard) -> None:
    dashboard.expected.append("503")
    page = dashboard.page
    body = {"type": "urn:ocpplog:problem:store-unavailable", "title": "The log cannot be read", "status": 503, "detail": ""}

    def fail(route: Route) -> None:
        route.fulfill(status=503, json=body, content_type="application/problem+json")

    page.route(re.compile(r"/v1/logs\?"), fail)
    dashboard.open()
    alert = page.get_by_role("alert").filter(has_text="The log cannot be read at the moment").last
    expect(alert).to_be_visible()
    page.unroute(re.compile(r"/v1/logs\?"))
    alert.get_by_role("button", name="Try again").click()
    expect(page.locator(".row[data-id]").first).to_be_visible()


def test_no_answer_at_all(dashboard: Dashboard) -> None:
    dashboard.expected.append("ERR_FAILED")
    page = dashboard.page
    page.route(re.compile(r"/v1/logs\?"), lambda route: route.abort())
    dashboard.open()
    expect(page.get_by_text("The server does not answer")).to_be_visible()


def test_too_much(dashboard: Dashboard) -> None:
    dashboard.expected.append("504")
    page = dashboard.page
    body = {"type": "urn:ocpplog:problem:query-too-slow", "title": "", "status": 504, "detail": ""}
    page.route(re.compile(r"/v1/logs\?"), lambda route: route.fulfill(status=504, json=body))
    dashboard.open()
    expect(page.get_by_text("The search took too long")).to_be_visible()
    expect(page.get_by_text("Narrow the time range, or name a site or a charger.")).to_be_visible()


def test_a_page_that_does_not_come_leaves_those_that_came(dashboard: Dashboard) -> None:
    dashboard.expected.append("ERR_FAILED")
    page = dashboard.page
    page.route(re.compile(r"/v1/logs\?.*cursor="), lambda route: route.abort())
    dashboard.log("charger=BULK-1&from=all")
    page.locator(".table").evaluate("(element) => element.scrollTo(0, element.scrollHeight)")
    foot = page.locator(".table-foot")
    expect(foot.get_by_role("button", name="Try again")).to_be_visible()
    page.unroute(re.compile(r"/v1/logs\?.*cursor="))
    foot.get_by_role("button", name="Try again").click()
    expect(page.locator(".row[data-id]").first).to_be_visible()
    until(page, lambda: page.locator(".table").evaluate("(element) => element.scrollHeight") > 10_000)


def test_an_address_that_is_none(dashboard: Dashboard) -> None:
    dashboard.expected.append("404")
    page = dashboard.open("/none/such/view")
    expect(page.get_by_role("heading", name="There is no such page.")).to_be_visible()
    expect(page.get_by_text("/none/such/view")).to_be_visible()
    assert page.title() == "There is no such page. · ocpplog"
    ways = page.get_by_role("main").get_by_role("link")
    expect(ways).to_have_text(["Overview", "Log", "Chargers", "Sessions", "Sites & levels"])
    ways.nth(1).click()
    expect(page.locator(".row[data-id]").first).to_be_visible()


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("/chargers/LAB-01", "LAB-01"),
        ("/chargers/LAB-01/", "LAB-01"),
        ("/chargers/DE*HUB*E0042", "DE*HUB*E0042"),
        ("/sites/test-lab", "Test lab"),
        ("/static/index.html?charger=LAB-01", "Log"),
    ],
)
def test_addresses_open_directly(dashboard: Dashboard, path: str, heading: str) -> None:
    page = dashboard.open(path)
    expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
