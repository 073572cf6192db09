"""Who is nobody sees nothing; whoever signs in is where they wanted to be."""

from __future__ import annotations

from playwright.sync_api import expect

from browser.conftest import Dashboard


def test_a_link_signs_in_and_leaves_no_token_in_the_address(dashboard: Dashboard) -> None:
    page = dashboard.log("action=StatusNotification")
    assert "token" not in page.url
    assert dashboard.query() == "?action=StatusNotification"
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_text("local-support")).to_be_visible()
    page.reload()
    expect(page.locator(".row[data-id]").first).to_be_visible()


def test_a_second_tab_is_signed_in_too(dashboard: Dashboard) -> None:
    dashboard.log()
    other = dashboard.context.new_page()
    dashboard.watch(other)
    other.goto(dashboard.url)
    expect(other.locator(".row[data-id]").first).to_be_visible()


def test_without_a_token_one_is_asked_for_and_gets_where_one_wanted_to_go(dashboard: Dashboard) -> None:
    page = dashboard.page
    page.goto(f"{dashboard.url}/?status=Faulted&from=all")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.locator(".row").count() == 0
    page.get_by_label("Token").fill(dashboard.run.token("support"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Remove Status Faulted")).to_be_visible()
    assert dashboard.query() == "?status=Faulted&from=all"


def test_a_token_that_is_refused_leads_back_to_sign_in_and_then_to_where_one_was(dashboard: Dashboard) -> None:
    dashboard.expected.append("401")
    page = dashboard.log("q=lab")
    page.evaluate("localStorage.setItem('ocpplog.token', 'x.' + btoa('{\"exp\": 9999999999}') + '.y')")
    page.reload()
    expect(page.get_by_text("The token is not accepted here")).to_be_visible()
    page.get_by_label("Token").fill(dashboard.run.token("support"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".row[data-id]").first).to_be_visible()
    assert dashboard.query() == "?q=lab"


def test_an_expired_token_is_not_even_tried(dashboard: Dashboard) -> None:
    page = dashboard.page
    page.goto(f"{dashboard.url}/docs")
    page.evaluate("localStorage.setItem('ocpplog.token', 'x.' + btoa('{\"exp\": 1}') + '.y')")
    page.goto(dashboard.url)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_signing_out_forgets_the_token_in_every_tab(dashboard: Dashboard) -> None:
    page = dashboard.log()
    other = dashboard.context.new_page()
    other.goto(dashboard.url)
    expect(other.locator(".row[data-id]").first).to_be_visible()
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Sign out").click()
    for tab in (page, other):
        expect(tab.get_by_text("You are signed out.")).to_be_visible()
    assert page.evaluate("localStorage.getItem('ocpplog.token')") is None
