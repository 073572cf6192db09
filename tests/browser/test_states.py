"""Every view while it loads, when its request fails, and when there is nothing."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from browser.conftest import Dashboard, Open, accessible

VIEWS = {
    "/overview": (r"/v1/overview", ".figures"),
    "/?from=all": (r"/v1/logs\?", ".row[data-id]"),
    "/chargers": (r"/v1/chargers(\?|$)", ".row-link"),
    "/chargers/LAB-01": (r"/v1/chargers/LAB-01(\?|$)", ".tile"),
    "/sessions?from=-30d": (r"/v1/sessions(\?|$)", ".rows, .state"),
    "/sites": (r"/v1/sites(\?|$)", ".row-link"),
    "/sites/test-lab": (r"/log-level", ".tile"),
}
PROBLEMS = {
    503: ("store-unavailable", "The log cannot be read at the moment"),
    504: ("query-too-slow", "The search took too long"),
    403: ("forbidden", "Your role does not allow this"),
    500: ("internal", "Something went wrong in the server"),
}


@pytest.mark.parametrize("path", VIEWS)
def test_a_request_that_fails_says_what_happened_and_offers_to_try_again(dashboard: Dashboard, path: str) -> None:
    dashboard.expected.append("503")
    asked, there = VIEWS[path]
    page = dashboard.page
    body = {"type": "urn:ocpplog:problem:store-unavailable", "title": "", "status": 503, "detail": ""}
    page.route(re.compile(asked), lambda route: route.fulfill(status=503, json=body))
    dashboard.open(path)
    alert = page.get_by_role("alert").filter(has_text="The log cannot be read at the moment").last
    expect(alert).to_contain_text("Try again in a moment.")
    assert accessible(page) == []
    page.unroute(re.compile(asked))
    alert.get_by_role("button", name="Try again").click()
    expect(page.locator(there).first).to_be_visible()
    expect(page.locator(".state.bad")).to_have_count(0)


@pytest.mark.parametrize("path", VIEWS)
def test_while_it_loads_it_says_so(dashboard: Dashboard, path: str) -> None:
    asked, there = VIEWS[path]
    page = dashboard.page
    waiting: list[Route] = []
    page.route(re.compile(asked), lambda route: waiting.append(route))
    dashboard.open(path)
    expect(page.get_by_role("main").get_by_role("status", name="Loading").first).to_be_visible()
    for route in waiting:
        route.continue_()
    page.unroute(re.compile(asked))
    expect(page.locator(there).first).to_be_visible()
    expect(page.get_by_role("main").get_by_role("status", name="Loading")).to_have_count(0)


@pytest.mark.parametrize(("status", "kind", "title"), [(status, *words) for status, words in PROBLEMS.items()])
@pytest.mark.parametrize("locale", ["en-GB", "de-DE", "fr-FR"])
def test_problems_are_said_in_the_readers_language(opened: Open, locale: str, status: int, kind: str, title: str) -> None:
    dashboard = opened(locale=locale)
    dashboard.expected.append(str(status))
    page = dashboard.page
    body = {"type": f"urn:ocpplog:problem:{kind}", "title": title, "status": status, "detail": ""}
    page.route(re.compile(r"/v1/chargers(\?|$)"), lambda route: route.fulfill(status=status, json=body))
    dashboard.open("/chargers")
    said = page.get_by_role("alert").get_by_role("heading").inner_text()
    assert (said == title) == (locale == "en-GB")


def test_a_tab_from_before_an_update_reloads(dashboard: Dashboard) -> None:
    """The code of its views is no more."""
    dashboard.expected.append("404")
    page = dashboard.log()
    page.route("**/static/assets/*.js", lambda route: route.fulfill(status=404))
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("alert")).to_contain_text("the server was updated meanwhile")
    page.unroute("**/static/assets/*.js")
    page.get_by_role("button", name="Reload the page").click()
    expect(page.locator(".figures")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_is_clean_where_there_is_nothing(opened: Open, theme: str) -> None:
    dashboard = opened(color_scheme=theme, width=360, height=740)
    dashboard.expected.append("404")
    for path, words in {
        "/no/such/page": "There is no such page.",
        "/?charger=nobody": "No entry matches",
        "/chargers?q=nobody": "No charger matches",
        "/chargers/nobody": "There is no such thing",
        "/sessions?charger=nobody": "No session matches",
    }.items():
        page = dashboard.open(path)
        expect(page.get_by_text(words)).to_be_visible()
        assert accessible(page) == [], path
