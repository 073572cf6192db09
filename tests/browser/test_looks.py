"""At every width, in both themes, in every language: nothing overflows, axe finds nothing, the policy holds."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect

from browser.conftest import Dashboard, Open, accessible

WIDTHS = (360, 820, 1920)


def no_sideways_scrolling(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_is_clean(opened: Open, width: int, theme: Any) -> None:
    dashboard = opened(width=width, color_scheme=theme, reduced_motion="reduce")
    page = dashboard.log("from=all")
    page.locator("svg.bars").wait_for()
    assert accessible(page) == []
    no_sideways_scrolling(page)
    page.get_by_role("button", name="Action", exact=True).click()
    page.locator(".values .count").first.wait_for()
    assert accessible(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.get_by_text(re.compile("match the search"))).to_be_visible()
    assert accessible(page) == []
    page.keyboard.press("Escape")
    page.goto(f"{dashboard.url}/?live=1")
    page.locator(".button.live.on").wait_for()
    page.keyboard.press("p")
    expect(page.get_by_text("Paused.")).to_be_visible()
    assert accessible(page) == []
    no_sideways_scrolling(page)
    page.goto(f"{dashboard.url}/?from=all&q=ODD-01+Sleeping")
    page.locator(".row[data-id]").first.click()
    page.locator(".entry .mark").first.wait_for()
    page.keyboard.press("e")
    assert accessible(page) == []
    no_sideways_scrolling(page)


@pytest.mark.parametrize("locale", ["en-GB", "de-DE", "fr-FR"])
def test_the_usual_columns_fit_on_a_small_screen(opened: Open, locale: str) -> None:
    page = opened(width=1024, height=768, locale=locale).log("from=all")
    table = page.locator(".table")
    assert table.evaluate("table => table.scrollWidth <= table.clientWidth")
    # The arrow alone says who sent it; the word is there for who cannot see it.
    word = table.locator(".row[data-id] .source-name").first
    assert word.evaluate("word => getComputedStyle(word).position") == "absolute"
    assert word.inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_sign_in_settings_and_empty_states_too(opened: Open, theme: Any) -> None:
    dashboard = opened(color_scheme=theme, reduced_motion="reduce")
    page = dashboard.page
    page.goto(dashboard.url)
    page.get_by_label("Token").wait_for()
    assert accessible(page) == []
    dashboard.open("/?charger=nobody")
    page.get_by_text("No entry matches").wait_for()
    page.get_by_role("button", name="Settings").click()
    assert accessible(page) == []
    page.get_by_role("button", name=re.compile("Keyboard shortcuts")).click()
    assert accessible(page) == []


def test_the_theme_follows_the_system_and_can_be_switched(opened: Open) -> None:
    dashboard = opened(color_scheme="dark")
    page = dashboard.log()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("radio", name="Light").check()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


@pytest.mark.parametrize(
    ("locale", "lang", "name", "total", "moment"),
    [
        ("en-US", "en", "Log", "100,000", r"[A-Z][a-z]{2} \d\d [\d:]{8}\.\d{3}"),
        ("en-GB", "en", "Log", "100,000", r"\d\d [A-Z][a-z]+ [\d:]{8}\.\d{3}"),
        ("de-DE", "de", "Protokoll", "100.000", r"\d\d\. \w+\.? [\d:]{8},\d{3}"),
        ("fr-FR", "fr", "Journal", "100\u202f000", r"\d\d \w+\.? [\d:]{8},\d{3}"),
        ("nl-NL", "en", "Log", "100,000", r".+"),
    ],
)
def test_language_numbers_and_dates_follow_the_browser(
    opened: Open, locale: str, lang: str, name: str, total: str, moment: str
) -> None:
    page = opened(locale=locale).log("from=all&charger=BULK-1")
    expect(page.locator("html")).to_have_attribute("lang", lang)
    expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()
    expect(page.locator(".total")).to_contain_text(total)
    expect(page.locator(".row[data-id]").first).to_contain_text("Heartbeat")
    assert re.fullmatch(moment, page.locator(".row[data-id] time").first.inner_text())


@pytest.mark.parametrize("locale", ["de-DE", "fr-FR"])
def test_names_of_ocpp_stay_as_they_are(opened: Open, locale: str) -> None:
    page = opened(locale=locale).log("from=all&action=StatusNotification&status=Available")
    page.locator(".row[data-id]").first.click()
    entry = page.get_by_role("complementary")
    expect(entry.get_by_role("heading", name="StatusNotification")).to_be_visible()
    for name in ("connectorId", "errorCode", "NoError", "Available"):
        expect(entry.locator(".tree").first).to_contain_text(name)


def test_the_language_can_be_switched(dashboard: Dashboard) -> None:
    page = dashboard.log()
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("radio", name="Deutsch").check()
    expect(page.get_by_role("columnheader", name="Ladestation")).to_be_visible()
    page.reload()
    expect(page.get_by_role("columnheader", name="Ladestation")).to_be_visible()


def test_no_script_and_no_style_from_elsewhere(dashboard: Dashboard) -> None:
    """The policy is in force, and nothing asks for what it forbids: errors of the console fail every test."""
    asked: list[str] = []
    dashboard.page.on("request", lambda request: asked.append(request.url))
    page = dashboard.log()
    page.locator(".row[data-id]").first.click()
    page.locator(".entry .facts").first.wait_for()
    assert {url.split("/")[2] for url in asked if not url.startswith(("data:", "blob:"))} == {dashboard.url.split("/")[2]}
    dashboard.expected.append("Content Security Policy")
    page.evaluate("const it = document.createElement('script'); it.textContent = 'window.taken = 1'; document.head.append(it)")
    assert page.evaluate("window.taken") is None
    assert dashboard.errors, "the policy was violated, and the browser said so"


def test_the_first_entries_do_not_wait_for_counts_and_charts(dashboard: Dashboard) -> None:
    page = dashboard.page
    page.route(re.compile(r"/v1/logs/histogram|/v1/logs/count|/v1/me"), lambda route: None)
    dashboard.log()


def test_the_first_view_loads_little(dashboard: Dashboard) -> None:
    """Compressed, as a browser gets it."""
    page = dashboard.page
    sizes: dict[str, int] = {}

    def weigh(response: Response) -> None:
        if response.url.endswith(".js"):
            assert response.headers["content-encoding"] == "gzip"
            sizes[response.url] = int(response.headers["content-length"])

    page.on("response", weigh)
    dashboard.log()
    page.wait_for_load_state("networkidle")
    assert 10_000 < sum(sizes.values()) < 100_000


def test_the_description_of_the_api(dashboard: Dashboard) -> None:
    page = dashboard.page
    page.goto(f"{dashboard.url}/docs")
    expect(page.get_by_role("heading", name="GET /v1/logs", exact=True)).to_be_visible()
    assert accessible(page) == []
